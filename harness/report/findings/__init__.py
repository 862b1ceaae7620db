"""What runs say beside their ranking: each finding is looked for in the runs, whatever their suite is called.

An entry of FINDINGS is the whole of one in Python: the page's template alone knows more, the words around its figures.

finding         what one is, and what it is looked for in
critics         what critics know: their estimates beside the exact W1, said by critic_text, drawn by critic_figures
sweeps          how far each swept number moves the score
main_effects    what objectives and networks that are crossed do by themselves
trick_effects   each trick beside the same loss without it
alone           critics that are trained alone: their estimates beside solved distances
crossed         losses crossed with penalties, said by crossed_text, drawn by crossed_figures
factorial       shares of variance where all factors are crossed, said by factorial_text, drawn by factorial_figures
layer_gradients how the gradient changes on its way through deep critics
collapses       how many runs ended in mode collapse
"""

from collections.abc import Callable, Mapping, Sequence

from harness.report.findings import (
    alone,
    collapses,
    critic_text,
    crossed_text,
    factorial_text,
    layer_gradients,
    main_effects,
    sweeps,
    trick_effects,
)
from harness.report.findings.finding import Finding, Runs

# By the name that the template has for it, in the order of paragraphs and tables.
FINDINGS: dict[str, Callable[[Runs], Finding | None]] = {
    "critics": critic_text.find,
    "sensitivity": sweeps.find,
    "effects": main_effects.find,
    "tricks": trick_effects.find,
    "alone": alone.find,
    "crossed": crossed_text.find,
    "factorial": factorial_text.find,
    "layers": layer_gradients.find,
    "collapses": collapses.find,
}


def findings(runs: Runs) -> dict[str, Finding]:
    """Return what is found in runs, by name."""
    known = {name: find(runs) for name, find in FINDINGS.items()}
    return {name: finding for name, finding in known.items() if finding}


def answer(ranked: Sequence[str], beside: Mapping[str, Finding]) -> list[str]:
    """Return the paragraphs of an answer: those that open it, the first of the ranking, all others, its rest."""
    before, after = (
        [text for finding in beside.values() if finding.opens == opens for text in finding.paragraphs]
        for opens in (True, False)
    )
    return [*before, *ranked[:1], *after, *ranked[1:]]
