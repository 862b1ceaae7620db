"""A paragraph on methods and its references, to paste into a paper: of what this very suite did."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from harness import __version__
from harness.metrics import label
from harness.metrics.columns import covered
from harness.papers import PAPERS
from harness.report.analysis import null_rows
from harness.report.analysis.primary import image_datasets
from harness.report.analysis.study_results import INDEPENDENT, SPREAD, distinct
from harness.report.analysis.tables import View
from harness.report.figures.sensitivity import swept
from harness.report.text import bibliography
from harness.report.text.study_text import SAMPLERS
from harness.statistics.power import tasks_needed, within_reach
from harness.statistics.trials import FEWEST, NEAR
from harness.suite.competitors import compared
from harness.text import counted, listed, plain

# Columns whose metrics are named by what precedes them: floors, ceilings and differences are not metrics of their own.
METRIC = re.compile(r"(?P<plain>[a-z]\w*?)(_excess|_floor|_ceiling|_train)?([\[@].*)?")
SOURCE = re.compile(r"(?P<who>[A-Z]\w+) et al\. (?P<year>\d{4})")


def paragraph(view: View) -> str:
    """Return what was compared, on what, how long, how often, by which metric, and with what, in plain text."""
    table = view.table
    if table.empty:
        return ""
    said = [_compared(table), _trained(view), _ranked(view), _over_tasks(view), _studied(view), _intervals(view)]
    said += [_made_with(table)]
    return " ".join(sentence for sentence in said if sentence)


def references(view: View) -> str:
    """Return BibTeX of this software and of the papers of the objectives, recipes, networks and metrics used here."""
    table, specs = view.table, view.plan.get("specs", {}).values()
    measured = {str(c) for c in table.columns if table[c].notna().any()}
    metrics = {found["plain"] for c in measured if (found := METRIC.fullmatch(c))}
    networks = {spec["setup"]["architecture"] for spec in specs} | set(table["architecture"].astype(str))
    sources = [(entry["recipe"] or {}).get("source", "") for entry in view.plan.get("settings", ())]
    recipes = {f"{found['who'].lower()}{found['year']}" for text in sources for found in SOURCE.finditer(text)}
    objectives = table["objective.base"].astype(str).unique() if len(table) else ()
    keys = {*bibliography.chosen(objectives, networks, metrics, _extractors(table)), *recipes}
    keys |= {"agarwal2021", "wilcoxon1945"} if view.headline else set()  # what is said over many tasks
    keys |= {"holm1979"} if _pairs(view) > 1 else set()
    keys |= {key for what in _asked(view) for key in bibliography.OF_STUDIES[what]}
    return bibliography.bibtex([key for key in PAPERS if key in keys], __version__)


def _compared(table: pd.DataFrame) -> str:
    """Write which objectives were compared on which tasks, in how many runs."""
    bases = table.drop_duplicates("objective")[["objective", "objective.base"]].astype(str)
    names = [name if name == base else f"{name} ({base})" for name, base in bases.itertuples(index=False)]
    was = "was trained" if len(names) == 1 else "were compared"
    on = f"{counted(table['task'].nunique(), 'task')}: {_data(table)}"
    n, ok = len(table), int((table["status"] == "ok").sum())
    runs = f"{counted(n, 'run')}, {'all' if ok == n else f'{ok:,}'} of which finished"
    return f"{listed(names)} {was} on {on}, with {counted(table['seed'].nunique(), 'seed')} ({runs})."


def _data(table: pd.DataFrame) -> str:
    """Write "8gaussians and swissroll with mlp and mlp-bn; digits with dcgan"."""
    of = table.groupby("dataset", sort=False)["architecture"].agg(lambda names: listed(list(map(str, names.unique()))))
    with_: dict[str, list[str]] = {}
    for dataset, names in of.items():
        with_.setdefault(str(names), []).append(str(dataset))
    return "; ".join(f"{listed(datasets)} with {names}" for names, datasets in with_.items())


def _trained(view: View) -> str:
    """Write steps, batches and what was swept."""
    table = view.table
    fixed = "setup.trained" in table and bool((table["setup.trained"] == "fixed").all())
    steps = _by_data(table, "steps", "critic updates" if fixed else "generator steps")
    batches = f" with batches of {_by_data(table, 'setup.batch', '')}" if "setup.batch" in table else ""
    axes = [f"{name} ({listed(_values(table[f'sweep.{name}']))})" for name in _swept(view)]
    over = f", sweeping {listed(axes)}" if axes else ""
    rest = "; all other settings are those of each objective's recipe unless the table of settings says otherwise"
    return f"Each run took {steps}{batches}{over}{rest}."


def _swept(view: View) -> list[str]:
    """Return the swept names, of which settings are chosen; not those of data, which are other tasks."""
    return swept(view.table, view.plan.get("data_axes", ()))


def _by_data(table: pd.DataFrame, column: str, unit: str) -> str:
    """Write the values of a column, with the data sets of each where they differ: "700 (ring) and 300 (digits)"."""
    values = table.groupby("dataset", sort=False)[column].agg(lambda found: listed(_values(found)))
    of: dict[str, list[str]] = {}
    for dataset, value in values.items():
        of.setdefault(str(value), []).append(str(dataset))
    if len(of) == 1:
        return f"{next(iter(of))} {unit}".strip()
    return f"{listed([f'{value} ({listed(datasets)})' for value, datasets in of.items()])} {unit}".strip()


def _values(found: Iterable[Any]) -> list[str]:
    return [
        f"{value:,}" if isinstance(value, int) else plain(value)
        for value in dict.fromkeys(pd.Series(found).dropna().tolist())
    ]


def _ranked(view: View) -> str:
    """Write which metric ranks which data sets, on how many samples, in whose features."""
    of: dict[str, list[str]] = {}
    for dataset, metric in view.metrics.items():
        of.setdefault(metric, []).append(dataset)
    samples = view.suite.get("score", {}).get("samples")
    pictures = image_datasets(view.plan)
    said = []
    for metric, datasets in of.items():
        n = "" if "@" in metric or samples is None or set(datasets) & pictures else f" on {samples:,} samples"
        said.append(f"{label(metric)}{n}{f' ({listed(datasets)})' if len(of) > 1 else ''}")
    by = f"Generators are ranked by {listed(said)}, at their last step, a run that was lost counting as worst."
    extractors = _extractors(view.table)
    kind = "extractor" if len(extractors) == 1 else "extractors"
    return f"{by} Features of pictures are those of the {kind} {listed(extractors)}." if extractors else by


def _over_tasks(view: View) -> str:
    """Write how objectives are ranked over many tasks, and tested; "" where they are not."""
    found = view.headline
    if found is None:
        return ""
    n = len(found.by_task)
    over = "all tasks" if n == found.n_tasks else f"the {n} tasks that all were run on"
    ranked = (
        f"Over {over} they are ranked by their mean score, at equal generator steps and at equal training seconds: 1 "
        f"at the noise floor, 0 for {null_rows.zero(found.nulls)} and for a lost run."
    )
    draws = "Interquartile means and chances to be better have bootstrap intervals over seeds."
    return " ".join([ranked, _tested(_pairs(view), n), *([draws] if found.seeds > 1 else [])])


def _pairs(view: View) -> int:
    """Return how many pairs of objectives are tested across the tasks."""
    return math.comb(view.headline.by_task.shape[1], 2) if view.headline else 0


def _tested(pairs: int, tasks: int) -> str:
    by, holm = "Wilcoxon's signed-rank test, exact", " with Holm's correction" if pairs > 1 else ""
    if not within_reach(pairs, tasks):
        needed = f"{tasks_needed(pairs)} tasks would be needed"
        return f"By {by},{holm or ' at 5 %'}, no pair can be told apart across so few tasks: {needed}."
    if pairs == 1:
        return f"The two are tested across the tasks by {by}."
    return f"Every pair is tested across the tasks by {by},{holm}."


def _asked(view: View) -> list[str]:
    """Return what the trials of a study were asked for, once all have ended; nothing where there is none."""
    kept = view.plan.get("study") or {}
    if not kept.get("chosen"):
        return []
    block, spread = view.suite["study"], view.suite["study"]["sampler"] in SPREAD
    tested = sum(distinct(kept["trials"], name) == block["trials"] for name in view.table["objective"].unique())
    asked = {
        "drawn": True,
        "expected": block["sampler"] in INDEPENDENT,
        "spread": spread and tested > 0,
        "paired": spread and tested > 1,
        "weighed": spread and block["trials"] >= FEWEST,
    }
    return [what for what, is_so in asked.items() if is_so]


def _studied(view: View) -> str:
    """Write how the settings of a study were drawn, and how its objectives are compared over the space; "" where there
    is none.
    """
    asked = _asked(view)
    if not asked:
        return ""
    block = view.suite["study"]
    drawn = f"{counted(block['trials'], 'trial')} of each objective, drawn {SAMPLERS[block['sampler']]} (Optuna)"
    said = [f"Settings were chosen by {drawn}, a trial being worth the mean score of its runs."]
    said += ["Shares of trials have Wilson's intervals."] if "spread" in asked else []
    if "paired" in asked:
        said.append(
            f"Objectives are compared trial by trial: in the share of trials within {NEAR:g} of the best that any "
            "objective reached (McNemar's exact test) and in mean value (random flips of signs), each with Holm's "
            "correction for the number of pairs; differences have bootstrap intervals over trials."
        )
    said += ["Importances of settings, for reaching the best quarter, are PED-ANOVA's."] if "weighed" in asked else []
    return " ".join(said)


def _extractors(table: pd.DataFrame) -> list[str]:
    return [column.extractor for column in covered("extractor_weights", table.columns)]


def _intervals(view: View) -> str:
    """Write what intervals are over, at which settings, and what is compared within a seed."""
    table = view.table
    seeds, what = int(table["seed"].nunique()), _rivals(table)
    tuned = bool(_swept(view)) and what != "settings"
    if seeds == 1:
        flattered = ", and settings are chosen on that same seed, which flatters all" if tuned else ""
        return f"One seed was trained, so that no interval is given{flattered}."
    chosen = (
        ", each seed being judged at the setting that was best on the other seeds, and of tuned scores over the "
        "jackknife pseudo-values of tuning and judging together"
        if tuned
        else ""
    )
    if (view.plan.get("study") or {}).get("chosen"):
        trials = counted(view.suite["study"]["trials"], "trial")
        chosen = f", none of them used to choose settings, each objective's the best of {trials} on other seeds"
    shared = "data and latents" if what == "architectures" else "weights, data and latents"
    paired = f"; {what} are compared seed by seed, for runs of one seed share {shared}" if what else ""
    return f"Intervals are Student's t over {seeds} training seeds, at 95 %{chosen}{paired}."


def _rivals(table: pd.DataFrame) -> str:
    """Return what is compared; "" where there is one of everything."""
    counts = [int(table[name].nunique()) for name in ("objective", "architecture", "setting")]
    return compared(*counts) if max(counts) > 1 else ""


def _made_with(table: pd.DataFrame) -> str:
    """Write the versions and machines of the runs that have ended."""
    named: Mapping[str, list[str]] = {
        name: _values(table[name]) if name in table else [] for name in ("harness", "torch", "device", "host_cpu")
    }
    if not named["harness"]:
        return ""
    torch = f" and PyTorch {listed(named['torch'])}" if named["torch"] else ""
    on = f" on {listed(named['device'])}" if named["device"] else ""
    cpu = f" ({listed(named['host_cpu'])})" if named["host_cpu"] else ""
    return f"Made with harness {listed(named['harness'])}{torch}{on}{cpu}."
