"""What is said beside the headline: at which norms it compares, with which settings, which choices lie at an edge."""

from typing import Any

import pandas as pd

from harness.report.analysis import grid_edges
from harness.report.analysis.critic_norms import RESOLVED, Norms, warning
from harness.report.analysis.headline import Headline, Lead
from harness.report.analysis.primary import image_datasets
from harness.report.analysis.tables import View
from harness.report.text import verdict
from harness.text import NOTHING, counted, interval, listed, plain, score

SETTINGS = {
    "optimiser": "setup.optimizer", "critic rate": "hyper.critic_lr", "generator rate": "hyper.generator_lr",
    "beta1": "hyper.beta1", "beta2": "hyper.beta2", "n_critic": "setup.n_critic", "critic norm": RESOLVED,
}  # fmt: skip
COMMON = {"hyper.lr", *SETTINGS.values()}  # what is left below `hyper.` is an objective's own


def answer(view: View) -> list[str]:
    """Return the paragraphs of the answer: who is best at the same norm, at its usual one, and what limits that."""
    found = view.headline
    if found is None:
        return []
    said = [verdict.text(found, view.compared, at_same(view.norms) if view.norms.is_factor else "")]
    said += [_usual(view.usual, view.norms)] if view.usual else [warning(view.norms)]
    return [text for text in (*said, grid_edges.sentence(found.edges), verdict.at_seconds(found)) if text]


def at_same(found: Norms) -> str:
    """Return "with the same norm in every critic (none and layer, averaged where a task has several)"."""
    several = ", averaged where a task has several" if len(found.compared) > 1 else ""
    return f"with the same norm in every critic ({listed(list(found.compared))}{several})"


def _usual(found: Headline, norms: Norms) -> str:
    return f"With each objective's usual norm ({norms.usual_text}), {verdict.short(found)}."


def frames(view: View) -> dict[str, pd.DataFrame]:
    """Return the CSV files by name: scores and leads by every comparison, the settings of objectives, the edges."""
    if view.headline is None:
        return {}
    both = _comparisons(view)
    leads = [
        {"norm": norm, "way": lead.way, "budget": lead.budget, "first": lead.first, "other": other, **_bounds(gap)}
        for norm, found in both.items() for lead in found.leads for other, gap in lead.gaps.items()
    ]  # fmt: skip
    return {
        "headline-norms.csv": pd.concat([found.rows.assign(norm=norm) for norm, found in both.items()]),
        "headline-leads.csv": pd.DataFrame(leads),
        "headline-settings.csv": settings(view),
        "headline-edges.csv": view.headline.edges,
    }


def _comparisons(view: View) -> dict[str, Headline]:
    assert view.headline is not None
    return {"same": view.headline, "usual": view.usual} if view.usual else {"as run": view.headline}


def _bounds(gap: Any) -> dict[str, float]:
    return {"ahead": gap.mean, "low": gap.low, "high": gap.high}


def settings(view: View) -> pd.DataFrame:
    """Return with which settings every objective was trained, all values that its runs have: a row a kind of data."""
    columns = {title: name for title, name in SETTINGS.items() if name in view.table}
    own = [name for name in map(str, view.table) if name.startswith("hyper.") and name not in COMMON]
    kind = view.table["dataset"].isin(image_datasets(view.plan)).map({True: "images", False: "toys"})
    places = {str(name): place for place, name in enumerate(view.headline.runs["objective"] if view.headline else ())}
    rows = []
    for (data, objective), part in view.table.groupby([kind, view.table["objective"].map(str)], sort=False):
        said = {title: _values(part[name]) for title, name in columns.items()}
        more = [f"{name.removeprefix('hyper.')} {_values(part[name])}" for name in own if part[name].notna().any()]
        rows.append({"objective": str(objective), "data": str(data), **said, "its own": ", ".join(more)})
    rows.sort(key=lambda row: (row["data"] == "images", places.get(row["objective"], len(places))))
    return pd.DataFrame(rows)


def _values(values: pd.Series) -> str:
    return " | ".join(dict.fromkeys(values.dropna().map(plain)))


def shown(view: View) -> dict[str, Any] | None:
    """Return the tables beside the headline: tuned scores at equal steps by each comparison, and the settings."""
    if view.headline is None:
        return None
    both, usual = _comparisons(view), view.norms.usual
    titles = {"same": "same norm", "usual": "usual norm", "as run": "score"}
    cells = {norm: _tuned(found) for norm, found in both.items()}
    rows = [
        [name, *(cells[norm].get(name, NOTHING) for norm in both), *([usual.get(name, NOTHING)] if usual else [])]
        for name in map(str, view.headline.runs["objective"])
    ]
    leads = ["★ ahead by", *(_lead(found.best) for found in both.values()), *([""] if usual else [])]
    heads = [f"{titles[norm]}, {counted(len(found.by_task), 'task')}" for norm, found in both.items()]
    return {
        "columns": ["objective", *heads, *(["its usual norm"] if usual else [])],
        "rows": [*rows, leads],
        "both": view.usual is not None,
        "settings": _narrow(settings(view)),
    }


def _narrow(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows of the settings with both players' rates, and both betas, in one column each."""
    rates = [
        critic if critic == generator else f"critic {critic}, generator {generator}"
        for critic, generator in zip(table["critic rate"], table["generator rate"], strict=True)
    ]
    made = table.drop(columns=["critic rate", "generator rate", "beta1", "beta2"])
    made.insert(2, "learning rate", rates)
    made.insert(3, "betas", table["beta1"] + ", " + table["beta2"])
    return [str(name) for name in made], made.to_numpy().tolist()


def _tuned(found: Headline) -> dict[str, str]:
    rows = found.rows[(found.rows["way"] == "tuned") & (found.rows["budget"] == "steps")]
    mark = {name: " ★" if name in (found.best.first, *found.best.tied) else "" for name in rows["objective"]}
    return {
        row["objective"]: score(row["score"], row["low"], row["high"]) + mark[row["objective"]]
        for row in rows.to_dict("records")
    }


def _lead(lead: Lead) -> str:
    return f"{interval(lead.ahead.mean, lead.ahead.low, lead.ahead.high)} over {lead.second}"
