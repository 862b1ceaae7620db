"""How objectives look wherever a report shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from harness.objectives import OBJECTIVES

# Okabe and Ito (2008): told apart by readers with any of the common forms of colour blindness. Their yellow comes last,
# for it is faint on white. Seven markers and five dashes make the first 280 places all look different.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (7, 2, 1.5, 2)), (0, (9, 3)))
# Of the objectives of `harness list`, the same in every report.
PLACES = {name: entry.colour for name, entry in OBJECTIVES.items() if entry.colour is not None}


@dataclass(frozen=True)
class Style:
    """How one objective looks in every figure."""

    colour: str
    marker: str
    dash: Any


def styles(objectives: Iterable[str]) -> dict[str, Style]:
    """Return a style for every objective; no two of 280 look alike.

    Those of PLACES look the same whatever is beside them: there are more of them than colours, and two of one colour
    differ in marker and dash. Of other names, in their order, a variant ("wgan-clip-0.1") takes the place of what it
    varies where that is not there; then all take the first places that are free, of a new colour while there is one.
    """
    names = sorted(set(objectives))
    places = {name: PLACES[name] for name in names if name in PLACES}
    for name in names:
        varied = _varied(name)
        if name not in places and varied is not None and varied not in places.values():
            places[name] = varied
    for name in names:
        if name not in places:
            used = {place % len(PALETTE) for place in places.values()}
            is_new = [colour for colour in range(len(PALETTE)) if colour not in used]
            places[name] = is_new[0] if is_new else next(n for n in count() if n not in places.values())
    return {name: _style(places[name]) for name in names}


def _varied(name: str) -> int | None:
    """Return the place of the objective whose name, the longest of PLACES, begins a name: "wgan-clip-0.1"."""
    begun = [known for known in PLACES if name.startswith((f"{known}-", f"{known} "))]
    return PLACES[max(begun, key=len)] if begun else None


def _style(place: int) -> Style:
    return Style(PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)], DASHES[place % len(DASHES)])
