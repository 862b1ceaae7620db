"""Which results folder a user means by a path, and which run by an id or the beginning of one; what both are called."""

from pathlib import Path

from harness.disk.files import refuse_long
from harness.errors import HarnessError, StoreError
from harness.store import Store, open_store
from harness.store.plan_file import PlannedRun
from harness.store.published_file import is_published
from harness.store.table_files import is_frozen, refuse_frozen
from harness.text import printable, swept_value

NEAR = 5  # names that a sentence offers


def result_folders(path: str) -> list[Path]:
    """Return the folder itself where it holds results, else those below it that do; a lost plan.json hides none.

    Frozen results below it are passed over. Raises StoreError where there is none, and where it is frozen itself.
    """
    folders = all_folders(path)
    if all(map(is_frozen, folders)):
        refuse_frozen(folders[0])
    return [folder for folder in folders if not is_frozen(folder)]


def readable_folders(path: str) -> list[Path]:
    """Return what `result_folders` does, where there is nothing but frozen results these: their tables can be read.

    Raises StoreError where there is none.
    """
    folders = all_folders(path)
    return [folder for folder in folders if not is_frozen(folder)] or folders


def all_folders(path: str) -> list[Path]:
    """Return what `result_folders` does, and frozen results as well; a published file, where that is named.

    Raises StoreError where there is none.
    """
    root = Path(path)
    refuse_long(root)
    if is_published(root) or holds_results(root):
        return [root]
    below = sorted(folder for folder in root.glob("*") if holds_results(folder))
    if not below:
        raise StoreError(f"{path}: no results there; `harness run quickstart` makes some in results/quickstart")
    return below


def holds_results(folder: Path) -> bool:
    """Whether a folder holds a plan, or what it is made of again: a suite beside its runs, or a finished run."""
    if (folder / "plan.json").is_file():
        return True
    runs = folder / "runs"
    return (runs.is_dir() and (folder / "suite.yaml").is_file()) or any(runs.glob("[!.]*/record.json"))


def one_folder(path: str, tables: bool = False) -> Path:
    """Return the results folder of one suite: `path`, or the only one below it; with `tables` frozen ones as well.

    Raises StoreError where there is none, HarnessError where there are several.
    """
    folders = readable_folders(path) if tables else result_folders(path)
    if len(folders) > 1:
        raise HarnessError(f"{path}: {len(folders)} suites found there; name one of them, such as {folders[0]}")
    return folders[0]


def report_folder(root: str, folder: str) -> str:
    """reports/<suite> beside results/<suite>; inside the suite's folder where another root was asked for.

    Of frozen results reports/<suite>-frozen: nothing is written there, and those of the records have more.
    """
    if is_frozen(Path(folder)):
        return str(Path("reports") / f"{Path(folder).resolve().name.removesuffix('.zip')}-frozen")
    return str(Path("reports") / Path(folder).name) if Path(root) == Path("results") else str(Path(folder) / "report")


def run_label(run: PlannedRun) -> str:
    """Name a planned run for people: 8gaussians mlp wgan-gp lr=1e-3 seed 0."""
    swept = [f"{name}={swept_value(value)}" for name, value in run.sweep.items()]
    return " ".join([run.dataset, run.architecture, run.objective, *swept, f"seed {run.seed}"])


def find_run(text: str, root: str) -> tuple[Store, str]:
    """Return the id of the run whose id is, or begins with, `text` in a results folder or a root of several, and the
    store that holds it.

    Raises HarnessError with near names where there is none, or with all of them where there are several; StoreError
    where there are no results.
    """
    stores: dict[str, list[Store]] = {}
    unreadable: list[StoreError] = []
    for store in map(open_store, result_folders(root)):
        try:
            for run_id in store.plan.specs:
                stores.setdefault(run_id, []).append(store)
        except StoreError as error:  # told where the run is in no other folder
            unreadable.append(error)
    given = printable(text[:60])
    begins = sorted(run_id for run_id in stores if text and run_id.startswith(text.lower()))
    if not begins and unreadable:
        raise unreadable[0]
    if not begins:
        raise HarnessError(
            f"RUN {given!r}: no run id in {root} begins with it.{_near(text.lower()[:16], sorted(stores))}"
        )
    if len(begins) > 1:
        ids = ", ".join(begins[:NEAR]) + (", ..." if len(begins) > NEAR else "")
        raise HarnessError(f"RUN {given!r}: {len(begins)} run ids in {root} begin with it: {ids}; give more of it.")
    (run_id,) = begins
    if len(stores[run_id]) > 1:
        folders = " and ".join(str(store.folder) for store in stores[run_id])
        raise HarnessError(f"RUN {given!r}: {run_id} is in {folders}; name one of them with --root.")
    return stores[run_id][0], run_id


def _near(text: str, known: list[str]) -> str:
    """Offer the ids that share the longest beginning with `text`, at most NEAR of them."""
    if not known:
        return " None is planned there."
    shared = {run_id: max(i for i in range(len(text) + 1) if run_id.startswith(text[:i])) for run_id in known}
    near = sorted(known, key=lambda run_id: -shared[run_id])
    if shared[near[0]] >= 3:
        return f" Did you mean '{near[0]}'?"
    return f" Known: {', '.join(near[:NEAR])}{f' and {len(near) - NEAR:,} more' if len(near) > NEAR else ''}."
