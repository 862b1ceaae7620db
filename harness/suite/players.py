"""`harness show`: an architecture's two players with settings given on the command line, checked as a suite's are."""

from collections.abc import Sequence
from math import prod
from typing import Any

from harness.errors import HarnessError, lookup, suggestion
from harness.plugins.components import tables
from harness.spec import canonical_json
from harness.suite.checks.suite_check import wrong_value
from harness.suite.format.values import shown
from harness.suite.format.yaml_file import parse_value
from harness.suite.resolve import plain_settings
from harness.suite.settings import PLAYERS, Level, architecture_sources, player_model

MAX_VALUES = 2**30  # of one sample


def parse_settings(architecture: str, sets: Sequence[str]) -> dict[str, Any]:
    """Return both players' models with KEY=VALUE settings: `width` for those that have it, `critic.width` for one.

    A critic's norm that is left to the objective is layer norm, which most choose. Raises HarnessError for an unknown
    key, a value that does not fit, or settings that contradict each other.
    """
    entry = lookup(tables().architecture, architecture, "architecture")
    level = _level(entry, sets)
    players: dict[str, Any] = {}
    for player in PLAYERS:
        said = {t.removeprefix(f"{player}."): s.value for t, s in level.items() if t.startswith(f"{player}.")}
        model = player_model(entry, player)
        try:
            settings = plain_settings(model, canonical_json({**getattr(entry, player), **said}))
        except HarnessError as error:
            raise HarnessError(f"--set: {player}: {error}") from None
        auto = {"norm": "layer"} if settings.get("norm") == "auto" else {}
        players[player] = model.model_validate_json(canonical_json(settings | auto))
    return players


def _level(entry: Any, sets: Sequence[str]) -> Level:
    """Return what `sets` say of the players, by target; what sets one player replaces what sets both."""
    level: Level = {}
    for text in sorted(sets, key=lambda text: "." in text.partition("=")[0]):
        key, equals, written = text.partition("=")
        key, where = key.strip(), f"--set {text[:60]}"
        if not (key and equals):
            raise HarnessError(f"{where}: KEY=VALUE needed, such as width=8.")
        sources = architecture_sources(entry, key, parse_value(written, where), ())
        if not sources:
            known = {field for player in PLAYERS for field in player_model(entry, player).model_fields}
            raise HarnessError(f"{where}: unknown name {key!r}.{suggestion(key.rpartition('.')[2], known)}")
        for target, source in sources.items():
            if source.swept:
                raise HarnessError(f"{where}: {shown(source.value)} given; one value is needed, not a list of them.")
            for problem in wrong_value(entry, target, source, tables()):
                raise HarnessError(f"{where}: {problem.text}")
        level |= sources
    return level


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Read "2" or "3x64x64". Raises HarnessError for anything else."""
    if text is None:
        return None
    parts = text.lower().split("x")
    digits = all(len(part) <= 4 and part.isascii() and part.isdigit() for part in parts)
    if not digits or not 0 < prod(map(int, parts)) <= MAX_VALUES:
        raise HarnessError(
            f"--shape: {text[:60]!r} given; sizes joined by x are needed, such as 2 or 3x64x64, of at most "
            f"{MAX_VALUES:,} values together"
        )
    return tuple(map(int, parts))
