"""What is said beside the headline: at which norms it compares, with which settings, which choices lie at an edge."""

from typing import Any

import pandas as pd

from harness.report.analysis import grid_edges
from harness.report.analysis.critic_norms import RESOLVED, Norms, warning
from harness.report.analysis.headline import Headline, Lead
from harness.report.analysis.tables import View
from harness.report.text import verdict
from harness.text import NOTHING, counted, interval, listed, plain, score

SETTINGS = {
    "critic rate": "hyper.critic_lr", "generator rate": "hyper.generator_lr", "beta1": "hyper.beta1",
    "beta2": "hyper.beta2", "optimiser": "setup.optimizer", "n_critic": "setup.n_critic", "critic norm": RESOLVED,
}  # fmt: skip


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
    """Return the settings of every objective that the claim hangs on, all values that its runs have, a row each."""
    columns = {title: name for title, name in SETTINGS.items() if name in view.table}
    rows = []
    for objective, part in view.table.groupby("objective", sort=False):
        said = {title: " | ".join(dict.fromkeys(part[name].map(plain))) for title, name in columns.items()}
        usual = {"usual norm": view.norms.usual.get(str(objective), NOTHING)} if view.norms.usual else {}
        rows.append({"objective": str(objective), **said, **usual})
    made = pd.DataFrame(rows)
    order = (
        [name for name in view.headline.runs["objective"] if name in set(made["objective"])] if view.headline else []
    )
    return made.set_index("objective").loc[order].reset_index() if order else made


def shown(view: View) -> dict[str, Any] | None:
    """Return the table beside the headline: tuned scores at equal steps by each comparison, and the settings."""
    if view.headline is None:
        return None
    both, table = _comparisons(view), settings(view)
    titles = {"same": "same norm", "usual": "usual norm", "as run": "score"}
    cells = {norm: _tuned(found) for norm, found in both.items()}
    rows = [
        [row["objective"], *(cells[norm].get(row["objective"], NOTHING) for norm in both), *list(row.values())[1:]]
        for row in table.to_dict("records")
    ]
    leads = ["★ ahead by", *(_lead(found.best) for found in both.values()), *[""] * (table.shape[1] - 1)]
    heads = [f"{titles[norm]}, {counted(len(found.by_task), 'task')}" for norm, found in both.items()]
    return {
        "columns": ["objective", *heads, *table.columns[1:]],
        "rows": [*rows, leads],
        "both": view.usual is not None,
    }


def _tuned(found: Headline) -> dict[str, str]:
    rows = found.rows[(found.rows["way"] == "tuned") & (found.rows["budget"] == "steps")]
    mark = {name: " ★" if name in (found.best.first, *found.best.tied) else "" for name in rows["objective"]}
    return {
        row["objective"]: score(row["score"], row["low"], row["high"]) + mark[row["objective"]]
        for row in rows.to_dict("records")
    }


def _lead(lead: Lead) -> str:
    return f"{interval(lead.ahead.mean, lead.ahead.low, lead.ahead.high)} over {lead.second}"
