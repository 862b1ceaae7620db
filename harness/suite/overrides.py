"""Settings that lie over every block of a suite: `--set KEY=VALUE`, and what a study draws.

A study's setting stands in a Triple with the first value of its range, at ("study", "space", name): it stands for all
that could be drawn, and `expand.drawn` puts a trial's own value in its place.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from harness.errors import KeyPath, Problem, SuiteError, suggestion
from harness.plugins.components import Tables
from harness.suite.format.models import Limits, Primary, Score, Suite, SuiteTrain
from harness.suite.format.study_block import Range
from harness.suite.format.yaml_file import parse_value
from harness.suite.parameters import TRAIN, parameters

SPACE: KeyPath = ("study", "space")
DRAWN = ("train", "objective", "architecture")  # groups whose settings a study may draw
INNER = 0.381966  # how far between the ends of a range a value is tried that neither of them stands for

Keys = Mapping[str, set[str]]  # that can be set, by group


class Override(NamedTuple):
    """One setting. `group` is seeds, train, score, primary, objective, architecture or dataset."""

    group: str
    key: str
    value: Any
    path: KeyPath

    @property
    def is_of_suite(self) -> bool:
        """Whether this is settled in the suite itself; other settings wait for its components."""
        return self.group in ("seeds", "score", "primary") or (self.group == "train" and self.key not in TRAIN)

    @property
    def target(self) -> KeyPath:
        """The path of what is set, in a suite's data."""
        return (self.group, *filter(None, self.key.split(".")))

    def wrong_train(self) -> list[Problem]:
        """Return what is wrong with a training setting; others are checked with the components that they reach."""
        kinds = {} if self.is_of_suite or self.group != "train" else TRAIN[self.key]
        texts = dict.fromkeys(text for kind in kinds.values() for _, text in kind.mistakes(self.value))
        return [Problem("bad-value", self.path, f"{self.key}: {text}") for text in texts]


def parse_overrides(texts: Iterable[str], tables: Tables) -> tuple[list[Override], list[Problem]]:
    """Return what `texts` set, and the mistakes in them. Item i stands at the path ("set", i)."""
    known = settable(tables)
    overrides, problems = [], []
    for i, text in enumerate(texts):
        try:
            override = _parse(text, ("set", i), known)
        except SuiteError as error:
            problems += error.problems
            continue
        problems += (wrong := override.wrong_train())
        overrides += [] if wrong else [override]
    return overrides, problems


def _parse(text: str, path: KeyPath, known: Keys) -> Override:
    key, equals, written = text.partition("=")
    if not equals or not key.strip():
        given = f"{text[:60]!r} given, KEY=VALUE needed, such as train.lr=1e-4."
        raise SuiteError(Problem("bad-value", path, given))
    try:
        value = parse_value(written, "value")
    except SuiteError as error:
        raise SuiteError(Problem(error.problems[0].code, path, str(error))) from None
    group, name = _meaning(key.strip(), path, known, f"{key.strip()}: ")
    return Override(group, name, value, path)


def settable(tables: Tables) -> Keys:
    """Return the keys that can be set, by group."""

    def keys(kind: str) -> set[str]:
        entries = tables.of(kind).values()
        return {key for entry in entries for key in parameters(kind, entry, tables.trick)}

    return {
        "train": set(SuiteTrain.model_fields) - {"limits"} | {f"limits.{name}" for name in Limits.model_fields},
        "score": set(Score.model_fields),
        "primary": set(Primary.model_fields),
        "objective": keys("objective"),
        "architecture": keys("architecture"),
        "dataset": keys("dataset") - {"file", "folder"},
    }


def _meaning(key: str, path: KeyPath, known: Keys, prefix: str = "") -> tuple[str, str]:
    """Return the group and the key in it that a setting's name stands for. Raises SuiteError where it is none."""
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
        raise SuiteError(Problem("ambiguous-name", path, prefix + text))
    names = {*set().union(*known.values()), "seeds"}
    inner = {name.removeprefix(f"{head}.") for name in names if name.startswith(f"{head}.")}
    inner = known.get(head, inner)
    text = (
        f"unknown name {rest!r}.{suggestion(rest, inner)}"
        if rest and inner
        else f"unknown name.{suggestion(key, names)}"
    )
    raise SuiteError(Problem("unknown-name", path, prefix + text))


def laid_over(data: dict[str, Any], overrides: Iterable[Override]) -> dict[str, Any]:
    """Return the suite's data with those of `overrides` that are settled in the suite itself."""
    for override in overrides:
        if override.is_of_suite:
            data = _laid(data, override.target, override.value)
            if override.group == "seeds" and isinstance(blocks := data.get("matrix"), list):
                data["matrix"] = [
                    {key: value for key, value in block.items() if key != "seeds"} if isinstance(block, dict) else block
                    for block in blocks
                ]
    return data


def _laid(data: Any, path: KeyPath, value: Any) -> Any:
    """Return `data` with `value` at `path`; what should be a mapping and is none stays, and is told as a mistake."""
    if not path:
        return value
    return {**data, path[0]: _laid(data.get(path[0], {}), path[1:], value)} if isinstance(data, dict) else data


def space_overrides(suite: Suite, tables: Tables) -> tuple[list[Override], list[Problem]]:
    """Return every setting of a study's space at its first value, and the mistakes of names and ranges."""
    overrides: list[Override] = []
    problems: list[Problem] = []
    known = settable(tables) if suite.study else {}
    for name, where in suite.study.space.items() if suite.study else ():
        try:
            override = _drawn(name, where, known)
        except SuiteError as error:
            problems += error.problems
            continue
        wrong = [problem for one in tried(suite, [override]) for problem in one.wrong_train()]
        if not wrong and any(one.wrong_train() for one in between(suite, [override])):
            wrong = [needs_whole(override.path)]
        problems += wrong
        overrides += [] if wrong else [override]
    return overrides, problems


def _drawn(name: str, where: Range, known: Keys) -> Override:
    path = (*SPACE, name)
    if wrong := where.wrong():
        raise SuiteError(Problem("bad-range", path, wrong))
    override = Override(*_meaning(name, path, known), first_value(where), path)
    if override.group not in DRAWN or override.is_of_suite:
        text = "a study draws settings of training, objectives and architectures; say this one where it belongs."
        raise SuiteError(Problem("not-drawn", path, text))
    return override


def first_value(where: Range) -> Any:
    """Return the value that stands for a range."""
    return next(where.ends())[0]


def tried(suite: Suite, overrides: Iterable[Override]) -> Iterator[Override]:
    """Yield settings of the space at each value that the file says: ends, or choices."""
    for override in overrides:
        where = suite.study.space[str(override.path[-1])]
        yield from (override._replace(value=v, path=(*override.path, *key)) for v, key in where.ends())


def between(suite: Suite, overrides: Iterable[Override]) -> Iterator[Override]:
    """Yield settings of the space at a fraction that may be drawn, and stands in no file."""
    for override in overrides:
        where = suite.study.space[str(override.path[-1])]
        if where.is_fraction:
            yield override._replace(value=where.low + INNER * (where.high - where.low))


def needs_whole(path: KeyPath) -> Problem:
    """Return the mistake of a range whose ends a setting takes, and not what lies between them."""
    text = "fractions would be drawn, and whole numbers are needed; say whole: true, or name choices."
    return Problem("bad-range", path, text)
