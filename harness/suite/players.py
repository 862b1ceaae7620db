"""`harness show`: an architecture's two players with settings given on the command line, checked as a suite's are."""

from collections.abc import Sequence
from math import prod
from typing import Any

from harness.architectures import Architecture
from harness.errors import HarnessError, lookup
from harness.hints import quoted, suggestion
from harness.plugins.components import tables
from harness.spec import canonical_json
from harness.suite.format.values import Plain
from harness.suite.format.yaml_file import parse_value
from harness.suite.parameters import PLAYERS, Parameters, parameters, player_model
from harness.suite.resolve import player_settings

MAX_VALUES = 2**30  # of one sample


def parse_settings(architecture: str, sets: Sequence[str], objective: str | None = None) -> Plain:
    """Return both players' models with KEY=VALUE settings: `width` for those that have it, `critic.width` for one.

    A critic's norm that is left to the objective is the usual one of `objective`; without one it is layer norm, which
    most have. Raises HarnessError for an unknown name or key, a value that does not fit, or settings that contradict
    each other.
    """
    entry: Architecture = lookup(tables().architecture, architecture, "architecture")
    usual = lookup(tables().objective, objective, "objective").auto_norm if objective else "layer"
    known = parameters("architecture", entry, {})
    values: Plain = {}
    for text in sorted(sets, key=lambda text: "." in text.partition("=")[0]):  # what sets one player wins
        key, value = parse_setting(text, known, "width=8")
        values |= dict.fromkeys(known[key], value)
    players: Plain = {}
    for player in PLAYERS:
        try:
            settings = player_settings(entry, player, values)
        except HarnessError as error:
            raise HarnessError(f"--set: {player}: {error}") from None
        auto = {"norm": usual} if settings.get("norm") == "auto" else {}
        players[player] = player_model(entry, player).model_validate_json(canonical_json(settings | auto))
    return players


def parse_setting(text: str, known: Parameters, example: str) -> tuple[str, Any]:
    """Return the key and value of a KEY=VALUE setting of one component. Raises HarnessError where it does not fit."""
    key, equals, written = text.partition("=")
    key, where = key.strip(), f"--set {text[:60]}"
    if not (key and equals):
        raise HarnessError(f"{where}: KEY=VALUE needed, such as {example}.")
    if key not in known:
        names = {name for name in known if "." not in name}
        raise HarnessError(f"{where}: unknown name {quoted(key)}.{suggestion(key.rpartition('.')[2], names)}")
    value = parse_value(written, where)
    for kind in known[key].values():
        if kind.sweeps(value):
            raise HarnessError(f"{where}: {quoted(value)} given; one value is needed, not a list of them.")
        for _, mistake in kind.mistakes(value):
            raise HarnessError(f"{where}: {mistake}")
    return key, value


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
