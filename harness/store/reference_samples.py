"""The files that runs are scored against: derived, made on first use and again wherever one is torn or missing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.disk.arrays import npz_bytes, read_npz
from harness.disk.files import write_atomic, writing
from harness.errors import Damaged
from harness.spec import RunSpec, content_id
from harness.store import Store, reference_settings
from harness.store.plan_file import Plan


def kept_reference(store: Store, dataset: str, spec: Mapping[str, Any], score: Mapping[str, Any]) -> Any:
    """Return the reference of a run, for the `score` of a suite.

    None where there is none, a torn one, or one of an earlier suite's settings. Raises DataError where an extractor of
    its pictures cannot be had.
    """
    from harness.metrics.reference import reference_from

    path = store.reference_path(dataset, content_id(spec))
    try:
        kept = read_npz(path) if path.exists() else {}
    except Damaged:
        return None  # derived: it is made again
    is_ours = kept.get("address") == _reference_address(spec, score)
    return reference_from(kept) if is_ours else None


def new_reference(store: Store, dataset: str, spec: Mapping[str, Any], score: Mapping[str, Any]) -> Any:
    """Make and keep the reference of a run, and return it (two workers may both make it: equal bytes).

    Raises DataError where an extractor of its pictures cannot be had.
    """
    import numpy as np

    from harness.metrics import make_reference
    from harness.metrics.reference import reference_arrays

    made = make_reference(RunSpec.from_json(spec), score["samples"], score.get("extractors"))
    address = np.array(_reference_address(spec, score))
    path = store.reference_path(dataset, content_id(spec))
    with writing(path):
        write_atomic(path, npz_bytes({**reference_arrays(made), "address": address}), flush=False)
    return made


def with_untrained(store: Store, reference: Any, spec: Mapping[str, Any], score: Mapping[str, Any]) -> Any:
    """Return the reference of a run with the columns of its generator untrained, which are kept beside it.

    They are those of the file where there is one, else made now (two workers may both do: equal bytes).
    """
    import numpy as np

    from harness.metrics import untrained
    from harness.metrics.null_samplers import VERSION
    from harness.metrics.reference import null_arrays, nulls_from

    setup = spec["setup"]
    address = content_id({
        "reference": _reference_address(spec, score), "nulls": VERSION, "batch": setup["train"]["batch"],
        "pack": setup["train"]["pack"], "architecture": [setup["architecture"], setup["versions"]["architecture"]],
        "generator": setup["generator"],
    })  # fmt: skip
    path = store.folder / "references" / "untrained" / f"{address}.npz"
    try:
        kept = read_npz(path) if path.exists() else {}
    except Damaged:
        kept = {}
    if not kept:
        found = untrained(RunSpec.from_json(spec), reference)
        if found is None:
            return reference
        kept = null_arrays({"untrained": found}) | {"address": np.array(address)}
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, npz_bytes(kept), flush=False)
    return replace(reference, nulls={**reference.nulls, **nulls_from(kept)})


def ensure_references(store: Store, plan: Plan) -> list[str]:
    """Make the references of finished runs that are missing or torn; return their paths. Plug-ins must be loaded.

    Of a data set whose plug-in is gone there is none to be had.
    """
    from harness.datasets import DATASETS

    finished, score = store.finished(), plan.resolved["score"]
    rows = {store.reference_path(r.dataset, r.run_id): r for r in plan.runs if r.run_id in finished}
    rows = {path: row for path, row in rows.items() if plan.specs[row.run_id]["setup"]["dataset"] in DATASETS}
    made = []
    for path, row in rows.items():
        if kept_reference(store, row.dataset, plan.specs[row.run_id], score) is None:
            new_reference(store, row.dataset, plan.specs[row.run_id], score)
            made.append(str(path))
    return made


def _reference_address(spec: Mapping[str, Any], score: Mapping[str, Any]) -> str:
    from harness.metrics import extractors_id
    from harness.metrics.null_samplers import VERSION

    asked = {"extractors": extractors_id(score.get("extractors")), "nulls": VERSION}
    return content_id({**reference_settings(spec), "samples": score["samples"], **asked})
