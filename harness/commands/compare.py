"""`harness compare`: what changed from one results folder to another, or from one objective or architecture to another.

harness compare results/robustness results/reference/robustness
harness compare results/robustness nsgan wgan-gp
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from harness.disk.documents import Plain
from harness.errors import HarnessError, StoreError
from harness.hints import quoted, suggestion
from harness.report.analysis import primary, tables
from harness.report.analysis.comparable import OTHER_DATA, unlike_data, unlike_samples
from harness.report.comparison import comparison_text
from harness.report.comparison.paired_tests import Difference, Judged, difference, judge, over_tasks
from harness.report.comparison.pairs import Side, pair
from harness.report.comparison.run_diff import changed_settings, foremost, warnings
from harness.report.results import Results, comparable, studies_sentence
from harness.store import STATUSES, open_store
from harness.store.find import all_folders, holds_results, one_folder
from harness.store.published_file import is_published
from harness.store.table import scoring
from harness.text import counted, listed

USAGE = "name two results folders, or one and two of its objectives or architectures"
VARIANTS = ("objective", "architecture")


class Named(NamedTuple):
    """What a user names as one side: a results folder, and there a variant, or "" for all."""

    folder: Path
    variant: str


def compare(words: Sequence[str]) -> Plain:
    """Compare the results of two sides, paired by cell and seed. Every difference is B - A.

    `words`: two folders; a folder and two of its objectives or architectures; a folder and one of these, twice over; or
    two of these alone, in the only suite of results/. A folder may be that above one with the other's name. Returns

    a, b        name, runs, counts by status, unscored (runs that wait for that), alone (without a partner)
    first       what differs beside what is compared, as `foremost` has it      answer      sentences
    pairs, identical, overall, tasks, objectives    differences, as `_plain` has them, over all and by label
    over_tasks  the signed-rank test of several tasks, as `judging.OverTasks` has it, or None
    settings    what differs, as `changed_settings` has it      warnings    sentences

    Of a study the runs that confirm it are compared, alone. Raises HarnessError where there are none of these yet, the
    words name no two sides, these have no cell and seed in common, are scored on other numbers of samples, or trained
    on other data under one name; StoreError without results.
    """
    names = _named(_split(words))
    sides, apart = _sides(names)
    if names[0].folder != names[1].folder:
        _refuse_unlike(names, sides)
    pairs = pair(*sides, apart)
    if dataset := unlike_data(pairs.runs, sides[0].table, sides[1].table):
        raise HarnessError(f"{sides[0].name} and {sides[1].name} cannot be compared: {dataset}: {OTHER_DATA}")
    overall = difference(pairs.runs)
    if not overall.n_pairs:
        raise HarnessError(f"{sides[0].name} and {sides[1].name}: no run has ended on both sides yet")
    rows = {label: _by(pairs.runs, label) for label in ("task", "objective")}
    by_score = sum(task.n_pairs > 0 for task in rows["task"].values()) > 1
    whole = judge({"": overall}, by_score)[""]
    over = None if overall.identical else over_tasks(rows["task"], whole.by)
    groups = {label: judge(differences, by_score) for label, differences in rows.items()}
    several = apart != "objective" and len(groups["objective"]) > 1
    answer = comparison_text.answer((sides[0].name, sides[1].name), whole, groups["task"], over, pairs.swept)
    settings = changed_settings(*sides, pairs)
    named = apart if names[0].variant != names[1].variant else ""
    first = foremost(*sides, pairs, settings, named)
    of_studies = studies_sentence({str(name.folder): side.plan for name, side in zip(names, sides, strict=True)})
    return {
        **{end: _side(side, alone) for end, side, alone in zip("ab", sides, pairs.alone, strict=True)},
        "first": first,
        "answer": f"{answer} {of_studies}".rstrip(),
        "pairs": len(pairs.runs),
        "identical": overall.identical,
        "overall": _plain(whole),
        "over_tasks": over and asdict(over),
        "tasks": [{"task": name, **_plain(judged)} for name, judged in groups["task"].items()],
        "objectives": [
            {"objective": name, **_plain(judged)} for name, judged in groups["objective"].items() if several
        ],
        "settings": [asdict(change) for change in settings],
        "warnings": [sentence for sentence in warnings(*sides, pairs) if sentence not in first],
        "seconds_ratio": _seconds_ratio(pairs.runs),
    }


# Who is meant


def _split(words: Sequence[str]) -> list[str]:
    """Take "results/x wgan-gp", quoted as one word, for two."""
    return [part for word in words for part in ([word] if Path(word).exists() else word.split())]


def _named(words: list[str]) -> tuple[Named, Named]:
    """Return the two sides that words name. Raises HarnessError where they name no two, StoreError without results."""
    are_folders = [Path(word).exists() or "/" in word for word in words]
    missing = [word for word in words if "/" in word and not Path(word).exists()]
    if missing:
        raise StoreError(
            f"{listed(missing)}: no such folder; {USAGE}, such as those that `harness run quickstart` makes"
        )
    match are_folders:
        case [False, False]:
            try:
                folder = one_folder("results")
            except StoreError as error:
                raise StoreError(
                    f"{listed(words)}: no such folders; as names of objectives they need results: {error}"
                ) from None
            return Named(folder, words[0]), Named(folder, words[1])
        case [True, False, False]:
            (folder,) = _folders(words[0])
            return Named(folder, words[1]), Named(folder, words[2])
        case [True, False, True, False]:
            first, second = _folders(words[0], words[2])
            return Named(first, words[1]), Named(second, words[3])
        case [True, True]:
            first, second = _folders(*words)
            if first.resolve() == second.resolve():
                raise HarnessError(f"{words[0]} and {words[1]} are the same results: {USAGE}")
            return Named(first, ""), Named(second, "")
    if len(words) == 2:
        folders, name = words if are_folders[0] else words[::-1]
        raise HarnessError(f"{quoted(name)} beside {folders}: no folder of that name is here; {USAGE}")
    raise HarnessError(f"{counted(len(words), 'name')} given; {USAGE}")


def _folders(*paths: str) -> list[Path]:
    """Return the results folder that each path means: itself, the namesake below it of another, or the only one."""
    names = [Path(path).resolve().name for path in paths if holds_results(Path(path))]
    folders = []
    for path in paths:
        namesakes = [Path(path) / name for name in names if holds_results(Path(path) / name)]
        is_one = is_published(Path(path)) or holds_results(Path(path))
        below = [Path(path)] if is_one else namesakes or all_folders(path)
        if len(below) > 1:
            raise HarnessError(f"{path}: {len(below)} suites found there; name one of them, such as {below[0]}")
        folders += below
    return folders


def _sides(names: tuple[Named, Named]) -> tuple[tuple[Side, Side], str]:
    """Read both sides, and return them with the label whose names tell them apart, "" for none."""
    read = {name.folder: _read(name.folder) for name in names}
    apart = _label(names, read) if names[0].variant else ""
    sides = []
    for folder, variant in names:
        side = read[folder]
        if variant:
            one_place = names[0].folder == names[1].folder
            table = side.table[side.table[apart] == variant].reset_index(drop=True)
            side = Side(variant if one_place else f"{variant} of {folder}", side.plan, table, side.metrics)
        sides.append(side)
    return (sides[0], sides[1]), apart


def _read(folder: Path) -> Side:
    store = comparable(Results.of(open_store(folder)))
    if not store.plan.runs:
        raise StoreError(f"{folder}: no run is planned there; name results of a suite that plans some")
    table, unscored = tables.runs_of(store)
    return Side(str(folder), store.plan, table, primary.metrics_of(store.plan, table), unscored)


def _refuse_unlike(names: tuple[Named, Named], sides: tuple[Side, Side]) -> None:
    """Raise HarnessError where two folders cannot be compared, so that no verdict is given."""
    unlike = unlike_samples([str(name.folder) for name in names], [scoring(side.plan) for side in sides])
    if unlike:
        raise HarnessError(f"{names[0].folder} and {names[1].folder} cannot be compared: {unlike}")


def _label(names: tuple[Named, Named], read: dict[Path, Side]) -> str:
    """Return whether two variants are objectives or architectures. Raises HarnessError where they are no two of one."""
    if names[0] == names[1]:
        raise HarnessError(f"{quoted(names[0].variant)} is given twice; {USAGE}")
    known = {(name, label): set(read[name.folder].table[label].astype(str)) for name in names for label in VARIANTS}
    for label in VARIANTS:
        if all(name.variant in known[name, label] for name in names):
            return label
    for name in names:
        there = known[name, "objective"] | known[name, "architecture"]
        if name.variant not in there:
            near = suggestion(name.variant, there)
            raise HarnessError(f"{quoted(name.variant)}: no folder, objective or architecture of {name.folder}.{near}")
    raise HarnessError(
        f"{quoted(names[0].variant)} and {quoted(names[1].variant)}: an objective beside an architecture; {USAGE}"
    )


def _by(runs: pd.DataFrame, label: str) -> dict[str, Difference]:
    return {str(name): difference(part) for name, part in runs.groupby(label, sort=False)}


def _side(side: Side, alone: pd.DataFrame) -> Plain:
    counts = {status: int((side.table["status"] == status).sum()) for status in STATUSES}
    runs = {"name": side.name, "runs": len(side.table), "counts": counts}
    return {**runs, "unscored": side.unscored, "alone": len(alone)}


def _plain(judged: Judged) -> Plain:
    """Return a difference as JSON takes it: what is not finite is null; mean, low and high of each interval."""
    tested = {"by": judged.by, "p": judged.p, "p_holm": judged.p_holm}
    values = {name: _finite(value) for name, value in (asdict(judged.difference) | tested).items()}
    return {**values, "verdict": comparison_text.verdict(judged)}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _seconds_ratio(runs: pd.DataFrame) -> float | None:
    """Return how long B trained, in seconds a run of A took: the median over pairs; None where no pair has both."""
    ratio = (runs["train_s_b"] / runs["train_s_a"]).median()
    return float(ratio) if math.isfinite(ratio) else None
