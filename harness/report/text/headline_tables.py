"""Tables of the headline: scores by every comparison, what became of the runs, the settings they were trained with."""

import math

import pandas as pd

from harness.report.analysis import null_rows
from harness.report.analysis.critic_norms import RESOLVED
from harness.report.analysis.headline import BUDGETS, COVERAGE, GIVEN, TIES, WORK, Headline, Lead, way_names
from harness.report.analysis.tables import View
from harness.report.text import answer, remarks
from harness.report.text.table_rows import Record, Row, Shown, by_value, share
from harness.statistics import intervals
from harness.text import NOTHING, counted, interval, number, percent, plain, score

WORK_NAMES = {"train_s": "seconds", "critic_updates": "critic updates", "samples_seen": "samples seen"}
SETTINGS = {
    "optimiser": "setup.optimizer", "critic rate": "hyper.critic_lr", "generator rate": "hyper.generator_lr",
    "beta1": "hyper.beta1", "beta2": "hyper.beta2", "n_critic": "setup.n_critic", "critic norm": RESOLVED,
}  # fmt: skip
COMMON = {"hyper.lr", *SETTINGS.values()}  # what is left below `hyper.` is an objective's own
NORM_TITLES = {"same": "same norm", "usual": "usual norm", "as run": "score"}


def ranking_values(headline: Headline) -> Row:
    """Return the page's ranking: a column a way and budget, a row an objective, best first, and the leads."""
    ways = way_names(headline)
    columns = [(way, budget) for budget in BUDGETS for way in ways]
    leads = {(lead.way, lead.budget): lead for lead in headline.leads}
    cells = headline.rows.set_index(["objective", "way", "budget"]).to_dict("index")
    rows = []
    for row in headline.runs.to_dict("records"):
        name = row["objective"]
        firsts = [column in leads and name in (leads[column].first, *leads[column].tied) for column in columns]
        scores = [_score(cells.get((name, *column))) for column in columns]
        rows.append({**_runs(row), "scores": list(zip(scores, firsts, strict=True))})
    return {
        "rows": rows,
        "leads": [_lead(leads.get(column), headline.seeds) for column in columns],
        "ways": list(ways.values()),
        "budgets": [GIVEN[budget] for budget in BUDGETS],
        "work": [WORK_NAMES[name] for name in WORK if name in headline.runs],
        "tasks": counted(len(headline.by_task), "task"),
        "swept": headline.swept,
        "objectives": len(headline.runs),
        "alone": headline.seeds == 1,
        "by_task": answer.by_task(headline),
        "coverage": _coverage(headline.seeds),
        "ties": _ties(headline),
        "zero": remarks.zero(headline.nulls),
        "nulls": [
            {"label": row["label"], **{name: number(row[name]) for name in ("score", *null_rows.KINDS)}}
            for row in null_rows.over_tasks(headline.nulls).to_dict("records")
        ],
    }


def _runs(row: Record) -> Row:
    """Return what became of an objective's runs, and their cost."""
    return {
        "objective": row["objective"],
        "settings": f"{row['n_settings']}: {row['tuned_over']}" if row["tuned_over"] else "1",
        "lost": share(row["n_lost"], row["n_runs"]),
        "no_better": share(row["n_no_better"], row["n_runs"]),
        **{kind: number(row[kind]) for kind in null_rows.KINDS},
        "reached": by_value(percent(row["steps_at_equal_seconds"]), row["steps_at_equal_seconds"]),
        "work": [_work(name, row[name]) for name in WORK if name in row],
    }


def _work(name: str, value: float) -> str:
    return number(value) if name == "train_s" or math.isnan(value) else f"{value:,.0f}"


def _score(cell: Record | None) -> Shown:
    if cell is None:
        return by_value(NOTHING, math.nan)
    return by_value(score(cell["score"], cell["low"], cell["high"]), cell["score"])


def _lead(lead: Lead | None, seeds: int) -> list[str]:
    """Return by how much a column's first is ahead of its second, in lines; a dash where some have no number there."""
    if lead is None:
        return [NOTHING]
    size, _, bounds = interval(lead.ahead.mean, lead.ahead.low, lead.ahead.high).partition(" ")
    sure = "no interval" if seeds == 1 else "" if lead.ahead.low > 0 else "not significant"
    return [line for line in (size, bounds, f"over {lead.second}", sure) if line]


def _coverage(seeds: int) -> Row | None:
    """Return how often the interval held the expected score in simulated suites, at the nearest measured n below."""
    measured = intervals.measured_at(COVERAGE, seeds)
    return measured and {"n": measured[0], **{noise: percent(share) for noise, (share, _) in measured[1].items()}}


def _ties(headline: Headline) -> Row | None:
    """Return how often the interval of a tuned score, and of a difference, held it however near the settings are."""
    measured = intervals.measured_at(TIES, headline.seeds) if headline.swept else None
    if measured is None:
        return None
    texts = {gap: [f"{100 * share:.1f} %" for share in shares] for gap, shares in measured[1].items()}
    return {
        "n": measured[0],
        "score": [texts[gap][0] for gap in (0, 1, 4)],
        "difference": [texts[gap][1] for gap in (0, 1, 4)],
    }


def frames(view: View) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name: scores and leads by every comparison, the settings of objectives, the edges."""
    if view.headline is None:
        return {}
    by_norm = _by_norm(view)
    leads = [
        {"norm": norm, "way": lead.way, "budget": lead.budget, "first": lead.first, "other": other,
         "ahead": gap.mean, "low": gap.low, "high": gap.high}
        for norm, headline in by_norm.items() for lead in headline.leads for other, gap in lead.gaps.items()
    ]  # fmt: skip
    return {
        "headline-norms.csv": pd.concat([headline.rows.assign(norm=norm) for norm, headline in by_norm.items()]),
        "headline-leads.csv": pd.DataFrame(leads),
        "headline-settings.csv": settings(view),
        "headline-edges.csv": view.headline.edges,
    }


def _by_norm(view: View) -> dict[str, Headline]:
    assert view.headline is not None
    return {"same": view.headline, "usual": view.usual} if view.usual else {"as run": view.headline}


def settings(view: View) -> pd.DataFrame:
    """Return with which settings every objective was trained, all values that its runs have: a row a kind of data."""
    columns = {title: name for title, name in SETTINGS.items() if name in view.table}
    own = [name for name in map(str, view.table) if name.startswith("hyper.") and name not in COMMON]
    kind = view.table["dataset"].isin(view.plan.pictures).map({True: "images", False: "toys"})
    places = {str(name): place for place, name in enumerate(view.headline.runs["objective"] if view.headline else ())}
    rows = []
    for (data, objective), part in view.table.groupby([kind, view.table["objective"].map(str)], sort=False):
        values = {title: _values(part[name]) for title, name in columns.items()}
        more = [f"{name.removeprefix('hyper.')} {_values(part[name])}" for name in own if part[name].notna().any()]
        rows.append({"objective": str(objective), "data": str(data), **values, "its own": ", ".join(more)})
    rows.sort(key=lambda row: (row["data"] == "images", places.get(row["objective"], len(places))))
    return pd.DataFrame(rows)


def _values(values: pd.Series) -> str:
    return " | ".join(dict.fromkeys(values.dropna().map(plain)))


def norm_values(view: View) -> Row | None:
    """Return the tables below the ranking: tuned scores at equal steps by each norm, and the settings."""
    if view.headline is None:
        return None
    by_norm, usual = _by_norm(view), view.norms.usual
    cells = {norm: _tuned(headline) for norm, headline in by_norm.items()}
    rows = [
        [name, *(cells[norm].get(name, NOTHING) for norm in by_norm), *([usual.get(name, NOTHING)] if usual else [])]
        for name in map(str, view.headline.runs["objective"])
    ]
    leads = [" ".join(_lead(headline.best, 2)[:3]) for headline in by_norm.values()]
    heads = [f"{NORM_TITLES[norm]}, {counted(len(headline.by_task), 'task')}" for norm, headline in by_norm.items()]
    return {
        "columns": ["objective", *heads, *(["its usual norm"] if usual else [])],
        "rows": [*rows, ["★ ahead by", *leads, *([""] if usual else [])]],
        "both": view.usual is not None,
        "settings": _narrow(settings(view)),
    }


def _tuned(headline: Headline) -> dict[str, str]:
    rows = headline.rows[(headline.rows["way"] == "tuned") & (headline.rows["budget"] == "steps")]
    firsts = (headline.best.first, *headline.best.tied)
    return {
        row["objective"]: score(row["score"], row["low"], row["high"]) + (" ★" if row["objective"] in firsts else "")
        for row in rows.to_dict("records")
    }


def _narrow(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows of the settings with both players' rates, and both betas, in one column each."""
    rates = [
        critic if critic == generator else f"critic {critic}, generator {generator}"
        for critic, generator in zip(table["critic rate"], table["generator rate"], strict=True)
    ]
    narrow = table.drop(columns=["critic rate", "generator rate", "beta1", "beta2"])
    narrow.insert(2, "learning rate", rates)
    narrow.insert(3, "betas", table["beta1"] + ", " + table["beta2"])
    return list(map(str, narrow)), narrow.to_numpy().tolist()
