"""Settings that lie over every block of a suite: `--set KEY=VALUE`, and what a study draws.

A study's setting stands in a Triple with the first value of its range, at ("study", "space", name): it stands for all
that could be drawn, and `expand.drawn` puts a trial's own value in its place.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import KeyPath, Problem, SuiteError
from harness.hints import QUOTED, quoted, shortened, suggestion
from harness.plugins.components import Tables
from harness.suite.format.models import Limits, Primary, Score, Suite, SuiteTrain
from harness.suite.format.study_block import Range
from harness.suite.format.values import Kind, Plain
from harness.suite.format.yaml_file import parse_value
from harness.suite.parameters import TRAIN, parameters

SPACE: KeyPath = ("study", "space")
DRAWN = ("train", "objective", "architecture")  # groups whose settings a study may draw
INNER = 0.381966  # how far between the ends of a range a value is tried that neither of them stands for
FRACTIONS = "fractions would be drawn, and whole numbers are needed; say whole: true, or name choices."

Keys = Mapping[str, set[str]]  # that can be set, by group


@dataclass(frozen=True)
class Override:
    """One setting. `group` is seeds, train, score, primary, objective, architecture or dataset.

    `drawn` is the range of what a study draws; `value` is then the first of it.
    """

    group: str
    key: str
    value: Any
    path: KeyPath
    drawn: Range | None = None

    @property
    def is_of_suite(self) -> bool:
        """Whether this is settled in the suite itself; other settings wait for its components."""
        return self.group in ("seeds", "score", "primary") or (self.group == "train" and self.key not in TRAIN)

    @property
    def target(self) -> KeyPath:
        """The path of what is set, in a suite's data."""
        return (self.group, *filter(None, self.key.split(".")))

    def mistakes(self, kinds: Iterable[Kind]) -> list[Problem]:
        """Return which of its values these kinds do not take: of a range its ends or choices, and what lies between."""
        kinds, where = list(kinds), self.drawn
        values = where.ends() if where is not None else [(self.value, ())]
        problems = [
            Problem("bad-value", (*self.path, *place), f"{self.key}: {text}")
            for value, place in values
            for text in dict.fromkeys(text for kind in kinds for _, text in kind.mistakes(value))
        ]
        if not problems and where is not None and where.is_fraction:
            between = where.low + INNER * (where.high - where.low)
            if any(kind.mistakes(between) for kind in kinds):
                return [Problem("bad-range", self.path, FRACTIONS)]
        return problems


def set_overrides(texts: Iterable[str], tables: Tables) -> tuple[list[Override], list[Problem]]:
    """Return what `texts` set, and the mistakes in them. Item i stands at the path ("set", i)."""
    listed = list(texts)
    known = settable(tables) if listed else {}  # most suites are read without --set
    return _sound(_parse(text, ("set", i), known) for i, text in enumerate(listed))


def space_overrides(suite: Suite, tables: Tables) -> tuple[list[Override], list[Problem]]:
    """Return every setting of a study's space at its first value, and the mistakes of names and ranges."""
    if not suite.study:
        return [], []
    known = settable(tables)
    return _sound(_of_range(name, where, known) for name, where in suite.study.space.items())


def _sound(parsed: Iterable[Override | Problem]) -> tuple[list[Override], list[Problem]]:
    """Part overrides from problems; values of training settings need no components to be checked."""
    overrides, problems = list[Override](), list[Problem]()
    for one in parsed:
        if isinstance(one, Problem):
            problems.append(one)
            continue
        is_train = one.group == "train" and not one.is_of_suite
        wrong = one.mistakes(TRAIN[one.key].values()) if is_train else []
        problems += wrong
        overrides += [] if wrong else [one]
    return overrides, problems


def settable(tables: Tables) -> Keys:
    """Return the keys that can be set, by group."""

    def keys(kind: str) -> set[str]:
        return {key for entry in tables.of(kind).values() for key in parameters(kind, entry, tables.trick)}

    return {
        "train": set(SuiteTrain.model_fields) - {"limits"} | {f"limits.{name}" for name in Limits.model_fields},
        "score": set(Score.model_fields),
        "primary": set(Primary.model_fields),
        "objective": keys("objective"),
        "architecture": keys("architecture"),
        "dataset": keys("dataset"),
    }


def _parse(text: str, path: KeyPath, known: Keys) -> Override | Problem:
    key, equals, written = text.partition("=")
    key = key.strip()
    if not (equals and key):
        return Problem("bad-value", path, f"{quoted(text)} given, KEY=VALUE needed, such as train.lr=1e-4.")
    try:
        value = parse_value(written, "value")
    except SuiteError as error:
        return Problem(error.problems[0].code, path, str(error))
    meaning = _meaning(key, path, known)
    if isinstance(meaning, Problem):
        return replace(meaning, text=f"{shortened(key, QUOTED)}: {meaning.text}")
    return Override(*meaning, value, path)


def _of_range(name: str, where: Range, known: Keys) -> Override | Problem:
    path = (*SPACE, name)
    if wrong := where.wrong():
        return Problem("bad-range", path, wrong)
    meaning = _meaning(name, path, known)
    if isinstance(meaning, Problem):
        return meaning
    override = Override(*meaning, next(where.ends())[0], path, where)
    if override.group in DRAWN and not override.is_of_suite:
        return override
    text = "a study draws settings of training, objectives and architectures; say this one where it belongs."
    return Problem("not-drawn", path, text)


def _meaning(key: str, path: KeyPath, known: Keys) -> tuple[str, str] | Problem:
    """Return the group and the key in it that a setting's name stands for."""
    head, _, rest = key.partition(".")
    if key == "seeds":
        return "seeds", ""
    if head in known and rest in known[head]:
        return head, rest
    groups = [group for group in known if group != "primary" and key in known[group]]
    if "train" in groups or len(groups) == 1:
        return ("train" if "train" in groups else groups[0]), key
    if groups:
        text = f"the name stands for several settings; write {' or '.join(f'{group}.{key}' for group in groups)}."
        return Problem("ambiguous-name", path, text)
    names = {*set().union(*known.values()), "seeds"}
    inner = {name.removeprefix(f"{head}.") for name in names if name.startswith(f"{head}.")}
    inner = known.get(head, inner)
    unknown = f" {quoted(rest)}.{suggestion(rest, inner)}" if rest and inner else f".{suggestion(key, names)}"
    return Problem("unknown-name", path, f"unknown name{unknown}")


def laid_over(data: Plain, overrides: Iterable[Override]) -> Plain:
    """Return the suite's data with those of `overrides` that are settled in the suite itself."""
    for override in overrides:
        if override.is_of_suite:
            data = _laid(data, override.target, override.value)
            if override.group == "seeds" and isinstance(data.get("matrix"), list):
                for block in data["matrix"]:
                    if isinstance(block, dict):
                        block.pop("seeds", None)
    return data


def _laid(data: Any, path: KeyPath, value: Any) -> Any:
    """Return `data` with `value` at `path`; what should be a mapping and is none stays, and is told as a mistake."""
    if not path:
        return value
    return {**data, path[0]: _laid(data.get(path[0], {}), path[1:], value)} if isinstance(data, dict) else data
