"""What a notebook calls."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.execution.requests import Request
from harness.execution.runner import RunResult
from harness.execution.runner import run as run_request
from harness.plugins.inline import add_objectives
from harness.suite.shipped import find_suite

if TYPE_CHECKING:
    import pandas as pd

    from harness.loaded_run import KeptRun
    from harness.objectives import Objective


def run(
    suite: str | Path | Mapping[str, Any], objectives: "Mapping[str, Objective] | None" = None, **options: Any
) -> RunResult:
    """Train what `suite` plans and its results folder lacks, score it and write the report.

    `suite` is a path, the name of a shipped suite, YAML text, or a mapping that says what a suite file would. Options
    are those of the command: root, scale, sets, only, device, workers, report, fail_fast, watch, executor, address.
    `objectives` are further ones by name, which this process alone knows: everything then runs in it, as with
    `workers=0`. Their source is part of their runs' ids.
    Raises HarnessError, of which SuiteError and StoreError are kinds.
    """
    if objectives:
        if options.get("executor", "local") != "local":
            raise HarnessError(
                f"executor={options['executor']!r}: other machines do not know the objectives given here; leave it "
                "out, or put them into a plug-in file"
            )
        if options.get("workers"):
            raise HarnessError(
                f"workers={options['workers']}: other processes do not know the objectives given here; use workers=0, "
                "or put them into a plug-in file"
            )
        add_objectives(objectives)
        options["workers"] = 0
    is_path = not isinstance(suite, Mapping) and "\n" not in str(suite)
    return run_request(Request(find_suite(str(suite)) if is_path else suite, **options))  # type: ignore[arg-type]


def distance(
    x: Any, y: Any, ground: Any = "euclidean", histogram: bool = False, bins: int | None = None
) -> dict[str, float]:
    """Return by name the distances between points [n, d] and [m, d], or with `histogram` between masses of bins [n].

    These are emd, w1, w2 and sliced_w; of histograms, and of points counted in `bins` cells a coordinate, also l1, l2,
    tv, kl (infinite where the first has mass and the second none), kl_reverse, js and js_root. `x` and `y` are arrays,
    or paths of csv, npy or npz files. `ground` is what moving a unit of mass costs in emd: "euclidean", "sqeuclidean",
    "l1", "discrete", "saturating:0.1", a matrix [n, m], the path of one, or a function of the Euclidean distances
    [n, m]. Raises HarnessError, of which DataError is a kind. The command is `harness distance`.
    """
    from harness.metrics.distances import distances

    return distances(x, y, ground, histogram, bins).values


def load(folder: str | Path) -> "pd.DataFrame":
    """Return the table of a results folder: one row for every planned run, rebuilt from its records.

    Its `attrs` hold what the suite ranks on, for `harness.report` and `harness.plot`. Raises HarnessError where no path
    is given, StoreError where there are no results.
    """
    from harness.disk.files import refuse_long
    from harness.store import open_store
    from harness.store.table import from_plan

    if not isinstance(folder, str | Path):
        raise HarnessError(
            f"load: {type(folder).__name__} given where a path is needed; name one results folder, such as "
            "'results/quickstart', and put the tables of several together by pandas.concat"
        )
    refuse_long(folder)
    store = open_store(folder)
    return from_plan(store.table(), store.plan)


def load_run(run_id: str, root: str | Path = "results", step: int | None = None) -> "KeptRun":
    """Return a run by its id, or by a beginning of it that no other run below `root` has: its generator, curves, ...

    Its networks are those of its last step, or of a `step` whose state it keeps (`train: {keep: ...}`).
    Raises HarnessError with near ids where there is none, and where no text is given, StoreError where there are no
    results.
    """
    from harness.loaded_run import KeptRun
    from harness.store.find import find_run

    if not isinstance(run_id, str):
        raise HarnessError(
            f"load_run: {type(run_id).__name__} given where an id is needed; give one of the column run_id of a table, "
            "or its beginning, as text"
        )
    return KeptRun(*find_run(run_id, str(root)), step)
