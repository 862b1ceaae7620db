"""A paragraph on methods and its references, to paste into a paper: of what this very suite did."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from harness import __version__
from harness.metrics import column_facts, label
from harness.metrics.columns import MetricColumn, covered
from harness.papers import PAPERS, Paper, bibtex_entry
from harness.report.analysis.sensitivity import swept
from harness.report.analysis.tables import View
from harness.report.studies.study_results import INDEPENDENT, SPREAD, distinct
from harness.report.text import remarks
from harness.report.text.settings_text import SAMPLERS
from harness.statistics.power import tasks_needed, within_reach
from harness.statistics.trials import FEWEST, NEAR
from harness.store.plan_file import Plan
from harness.suite.competitors import compared
from harness.suite.format.models import COMPUTING
from harness.text import counted, listed, plain

SOFTWARE = {  # a test compares these with CITATION.cff
    "title": "harness: a declarative benchmark and comparison harness for GAN objectives",
    "author": "The harness developers",
    "license": "MIT",
}
OF_EXTRACTORS = {  # by how their names begin; here, because their records import torch
    "inception": ("obukhov2020",),
    "vgg16": ("simonyan2015", "obukhov2020"),
    "dinov2": ("oquab2024",),
    "clip": ("radford2021", "obukhov2020"),
}
ANALYSES = {  # of the trials of a study: what they cite, and what is said of them
    "drawn": (
        ("akiba2019",),
        "Settings were chosen by {trials} of each objective (Optuna), valued by their mean score.",
    ),
    "expected": (("tang2020",), ""),
    "spread": (("wilson1927",), "Shares of trials have Wilson intervals."),
    "paired": (
        ("mcnemar1947", "holm1979"),
        f"Objectives are compared over paired trials by the share of trials within {NEAR:g} of the best (McNemar's "
        "exact test) and by mean value (sign-flip test), each with Holm correction; differences have bootstrap "
        "intervals over trials.",
    ),
    "weighed": (("watanabe2023",), "Importances for reaching the best quarter are PED-ANOVA's."),
}


def paragraph(view: View) -> str:
    """Return what was compared, on what, how long, how often, by which metric, and with what, in plain text."""
    if view.table.empty:
        return ""
    sentences = [
        _compared(view.table), _trained(view), _ranked(view), _over_tasks(view), _studied(view), _intervals(view),
        _versions(view.table),
    ]  # fmt: skip
    return " ".join(filter(None, sentences))


def _compared(table: pd.DataFrame) -> str:
    bases = table.drop_duplicates("objective")[["objective", "objective.base"]].astype(str)
    names = [name if name == base else f"{name} ({base})" for name, base in bases.itertuples(index=False)]
    was = "was trained" if len(names) == 1 else "were compared"
    with_ = table.groupby("dataset", sort=False)["architecture"].agg(
        lambda names: listed(list(map(str, names.unique())))
    )
    data = "; ".join(f"{listed(datasets)} with {names}" for names, datasets in _inverted(with_.to_dict()).items())
    n, ok = len(table), int((table["status"] == "ok").sum())
    runs = f"{counted(table['seed'].nunique(), 'seed')}, {counted(n, 'run')}, {ok:,} finished"
    return f"{listed(names)} {was} on {counted(table['task'].nunique(), 'task')} ({data}; {runs})."


def _inverted(by_data: Mapping[Any, Any]) -> dict[str, list[str]]:
    """Return the data sets of each text."""
    datasets: dict[str, list[str]] = {}
    for dataset, text in by_data.items():
        datasets.setdefault(str(text), []).append(str(dataset))
    return datasets


def _trained(view: View) -> str:
    table = view.table
    fixed = "setup.trained" in table and bool((table["setup.trained"] == "fixed").all())
    parts = [f"{_by_data(table, 'steps')} {'critic updates' if fixed else 'generator steps'}"]
    parts += [f"batch size {_by_data(table, 'setup.batch')}"] if "setup.batch" in table else []
    parts += [f"{name} swept over {listed(_values(table[f'sweep.{name}']))}" for name in _swept(view)]
    return f"Training: {', '.join(parts)}; other settings as in each objective's recipe or the table of settings."


def _swept(view: View) -> list[str]:
    """Return the swept names, of which settings are chosen; not those of data, which are other tasks."""
    return swept(view.table, view.plan.data_axes)


def _by_data(table: pd.DataFrame, column: str) -> str:
    """Return the values of a column, with the data sets of each where they differ: "700 (ring) and 300 (digits)"."""
    values = table.groupby("dataset", sort=False)[column].agg(lambda own: listed(_values(own)))
    by_value = _inverted(values.to_dict())
    if len(by_value) == 1:
        return next(iter(by_value))
    return listed([f"{value} ({listed(datasets)})" for value, datasets in by_value.items()])


def _values(values: Iterable[Any]) -> list[str]:
    distinct_values = dict.fromkeys(pd.Series(values).dropna().tolist())
    return [f"{value:,}" if type(value) is int else plain(value) for value in distinct_values]


def _ranked(view: View) -> str:
    samples, pictures, metrics = view.suite.get("score", {}).get("samples"), view.plan.pictures, []
    by_metric = _inverted(view.metrics)
    for metric, datasets in by_metric.items():
        n = "" if "@" in metric or samples is None or set(datasets) & set(pictures) else f" on {samples:,} samples"
        metrics.append(f"{label(metric)}{n}{f' ({listed(datasets)})' if len(by_metric) > 1 else ''}")
    extractors = _extractors(view.table)
    features = f" Image features: {listed(extractors)}." if extractors else ""
    return f"Primary metric: {listed(metrics)} at the last step; lost runs rank last.{features}"


def _extractors(table: pd.DataFrame) -> list[str]:
    return [column.extractor for column in covered("extractor_weights", table.columns)]


def _over_tasks(view: View) -> str:
    headline = view.headline
    if headline is None:
        return ""
    n, pairs = len(headline.by_task), _pairs(view)
    over = "all tasks" if n == headline.n_tasks else f"the {n} tasks common to all"
    holm = ", Holm correction" if pairs > 1 else ""
    tests = f"Pairs of objectives are tested across tasks by Wilcoxon's exact signed-rank test{holm}."
    if not within_reach(pairs, n):
        tests = f"{counted(n, 'task')} are too few for a test across tasks; {tasks_needed(pairs)} are needed."
    bootstrap = " Interquartile means and probabilities of improvement have bootstrap intervals over seeds."
    return (
        f"Over {over} objectives are ranked by mean score, at equal generator steps and at equal seconds: 1 at the "
        f"noise floor, 0 for {remarks.zero(headline.nulls)} and for lost runs. {tests}"
        f"{bootstrap if headline.seeds > 1 else ''}"
    )


def _pairs(view: View) -> int:
    """Return how many pairs of objectives are tested across the tasks."""
    return math.comb(view.headline.by_task.shape[1], 2) if view.headline else 0


def _analyses(view: View) -> list[str]:
    """Return which of ANALYSES the trials of a study were analysed by, once all have ended."""
    study = view.plan.study
    if study is None or not study.chosen:
        return []
    block, spread = view.suite["study"], view.suite["study"]["sampler"] in SPREAD
    tested = sum(distinct(study.trials, name) == block["trials"] for name in view.table["objective"].unique())
    analyses = {
        "drawn": True,
        "expected": block["sampler"] in INDEPENDENT,
        "spread": spread and tested > 0,
        "paired": spread and tested > 1,
        "weighed": spread and block["trials"] >= FEWEST,
    }
    return [name for name, is_so in analyses.items() if is_so]


def _studied(view: View) -> str:
    analyses = _analyses(view)
    if not analyses:
        return ""
    block = view.suite["study"]
    trials = counted(block["trials"], f"{SAMPLERS[block['sampler']]} trial")
    return " ".join(text.format(trials=trials) for name in analyses if (text := ANALYSES[name][1]))


def _intervals(view: View) -> str:
    table = view.table
    seeds, what = int(table["seed"].nunique()), _rivals(table)
    tuned = any(name not in COMPUTING for name in _swept(view)) and what != "settings"
    if seeds == 1:
        optimistic = "; settings are tuned on that seed, which is optimistic" if tuned else ""
        return f"One seed, hence no intervals{optimistic}."
    how = ""
    if view.plan.study and view.plan.study.chosen:
        how = "; the settings, the best of each objective's trials, were chosen on other seeds"
    elif tuned:
        how = "; settings are tuned on the other seeds, and tuned means have jackknife pseudo-values"
    shared = "data and latents" if what == "architectures" else "initial weights, data and latents"
    paired = f"; {what} are paired by seed ({shared} shared)" if what else ""
    return f"Intervals are 95 % Student's t intervals over {seeds} training seeds{how}{paired}."


def _rivals(table: pd.DataFrame) -> str:
    """Return what is compared; "" where there is one of everything."""
    counts = [int(table[name].nunique()) for name in ("objective", "architecture", "setting")]
    return compared(*counts) if max(counts) > 1 else ""


def _versions(table: pd.DataFrame) -> str:
    columns = ("harness", "torch", "device", "host_cpu")
    values = {name: listed(known) for name in columns if name in table and (known := _values(table[name]))}
    words = {"harness": "Software: harness {}", "torch": " and PyTorch {}", "device": " on {}", "host_cpu": " ({})"}
    return "".join(words[name].format(text) for name, text in values.items()) + "." if "harness" in values else ""


def references(view: View) -> str:
    """Return BibTeX of this software and of the papers of the objectives, recipes, networks and metrics used here."""
    table = view.table
    metrics = {MetricColumn.parse(column).name for column in table.columns if table[column].notna().any()}
    keys = {"agarwal2021", "wilcoxon1945"} if view.headline else set()  # what is said over many tasks
    keys |= {"holm1979"} if _pairs(view) > 1 else set()
    keys |= {key for name in _analyses(view) for key in ANALYSES[name][0]}
    keys |= {key for name in _extractors(table) for key in OF_EXTRACTORS.get(name.partition("-")[0], ())}
    measured = [paper for name, column in column_facts().items() if name in metrics for paper in column.papers]
    papers = [*_of_components(view.plan), *measured, *(PAPERS[key] for key in keys)]
    distinct = {paper.key: paper for paper in papers}
    return bibtex(sorted(distinct.values(), key=lambda paper: (paper.year, paper.key)))


def bibtex(papers: Iterable[Paper]) -> str:
    """Return this software, in its version, and papers as BibTeX."""
    software = {
        "author": f"{{{SOFTWARE['author']}}}",
        "title": f"{{{SOFTWARE['title']}}}",
        "note": f"Version {__version__}, {SOFTWARE['license']} licence",
    }
    return "\n\n".join([bibtex_entry("misc", "harness", software), *(paper.bibtex() for paper in papers)])


def _of_components(plan: Plan) -> list[Paper]:
    """Return the papers of the objectives, recipes, networks, data sets and tricks of a plan."""
    rows = plan.settings
    if all("papers" in row for row in rows):
        return [Paper(**plain) for row in rows for plain in row["papers"]]
    from harness.plan.describe import component_papers  # of plans from before there were papers in them

    is_recipe = any(row["recipe"] for row in rows)
    return [paper for spec in plan.specs.values() for paper in component_papers(spec["setup"], is_recipe)]
