"""The files that runs are scored against: derived, made on first use and again wherever one is torn or missing."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from harness.disk.arrays import npz_bytes, read_npz
from harness.disk.files import write_atomic, writing
from harness.errors import Damaged, PluginFailed, as_planned
from harness.spec import content_id
from harness.store import Store, reference_settings
from harness.store.plan_file import PlannedRun

if TYPE_CHECKING:
    import numpy as np

    from harness.metrics.reference import Reference

T = TypeVar("T")


def kept_reference(store: Store, run: PlannedRun) -> "Reference | None":
    """Return the reference of a run; None where there is none, a torn one, or one of an earlier suite's settings.

    Raises DataError where an extractor of its images cannot be had.
    """
    from harness.metrics.reference import reference_from

    return _kept(store.reference_path(run.dataset, run.run_id), _address(store, run), reference_from)


def new_reference(store: Store, run: PlannedRun) -> "Reference":
    """Make and keep the reference of a run, and return it (two workers may both make it: equal bytes).

    Raises DataError where an extractor of its images cannot be had.
    """
    from harness.metrics import make_reference
    from harness.metrics.reference import reference_arrays

    score = store.suite["score"]
    with as_planned(run.run_id, run.dataset):
        reference = make_reference(store.plan.spec(run.run_id), score["samples"], score.get("extractors"))
    _keep(store.reference_path(run.dataset, run.run_id), reference_arrays(reference), _address(store, run))
    return reference


def with_untrained(store: Store, run: PlannedRun, reference: "Reference") -> "Reference":
    """Return the reference of a run with the columns of its generator untrained, which are kept beside it.

    They are those of the file where there is one, else made now (two workers may both do: equal bytes).
    """
    from harness.metrics import untrained
    from harness.metrics.null_samplers import VERSION
    from harness.metrics.reference import null_arrays, nulls_from

    setup = store.plan.specs[run.run_id]["setup"]
    address = content_id({
        "reference": _address(store, run), "nulls": VERSION, "batch": setup["train"]["batch"],
        "pack": setup["train"]["pack"], "architecture": [setup["architecture"], setup["versions"]["architecture"]],
        "generator": setup["generator"],
    })  # fmt: skip
    path = store.folder / "references" / "untrained" / f"{address}.npz"
    nulls = _kept(path, address, nulls_from)
    if nulls is None:
        with as_planned(run.run_id, run.dataset):
            columns = untrained(store.plan.spec(run.run_id), reference)
        if columns is None:
            return reference
        arrays = null_arrays({"untrained": columns})
        _keep(path, arrays, address)
        nulls = nulls_from(arrays)
    return replace(reference, nulls={**reference.nulls, **nulls})


def ensure_references(store: Store) -> list[str]:
    """Make the references of finished runs that are missing or torn; return their paths. Plug-ins must be loaded.

    Of a data set whose plug-in is gone there is none to be had, nor of images that an extractor fails to look at.
    """
    from harness.datasets import DATASETS

    finished, plan = store.finished(), store.plan
    runs = {store.reference_path(run.dataset, run.run_id): run for run in plan.runs if run.run_id in finished}
    remade = []
    for path, run in runs.items():
        if plan.spec(run.run_id).setup.dataset in DATASETS and kept_reference(store, run) is None:
            with suppress(PluginFailed):  # told of the runs that could not be scored
                new_reference(store, run)
                remade.append(str(path))
    return remade


def _kept(path: Path, address: str, parse: "Callable[[dict[str, np.ndarray]], T]") -> T | None:
    """Read what is derived; None where it is missing, torn, of other settings or something else: it is made again."""
    with suppress(Damaged, LookupError, TypeError, ValueError):
        arrays = read_npz(path)
        if arrays and arrays["address"].item() == address:
            return parse(arrays)
    return None


def _keep(path: Path, arrays: "dict[str, np.ndarray]", address: str) -> None:
    import numpy as np

    with writing(path):
        write_atomic(path, npz_bytes({**arrays, "address": np.array(address)}), flush=False)


def _address(store: Store, run: PlannedRun) -> str:
    from harness.metrics import extractors_id
    from harness.metrics.null_samplers import VERSION

    score = store.suite["score"]
    extractors = {"extractors": extractors_id(score.get("extractors")), "nulls": VERSION}
    return content_id({**reference_settings(store.plan.specs[run.run_id]), "samples": score["samples"], **extractors})
