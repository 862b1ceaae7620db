"""What a suite of the right form can still have wrong: names, values and combinations that the tables do not take."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.architectures import Architecture
from harness.errors import HarnessError, suggestion
from harness.plugins.components import Tables, tables
from harness.spec import canonical_json
from harness.suite.checks.data_check import data_problems, lacks_file, wrong_file
from harness.suite.checks.plugin_check import extension_problems
from harness.suite.checks.refusals import Seen, resolved_or_refused
from harness.suite.checks.study_check import all_choices, at_space, study_problems
from harness.suite.expand import KINDS, all_triples, axes_of, axis_named, named, too_many
from harness.suite.format.models import Block, Suite
from harness.suite.format.problems import Problem
from harness.suite.format.values import COUNT, INIT, NAMED, NUMBER, POSITIVE, Kind, Swept, or_recipe, shown, within
from harness.suite.format.yaml_file import KeyPath
from harness.suite.overrides import Override, parse_overrides
from harness.suite.resolve import has_constraint
from harness.suite.settings import PLAYERS, Component, Source, Triple, component, player_model, set_level
from harness.suite.space import SPACE, between, needs_whole, space_overrides, tried


def suite_problems(suite: Suite, left_out: frozenset[str] = frozenset()) -> list[Problem]:
    """Return every mistake of the suite's names, values and combinations.

    `left_out` names keys that the suite lost to mistakes of form: they are not missed a second time.
    """
    found = tables()
    problems = [
        Problem((table, name), NAMED.sentence(name))
        for table in ("architectures", "datasets", "objectives", "scales")
        for name in getattr(suite, table)
        if not NAMED.accepts(name)
    ]
    wrong_variants: set[tuple[str, str]] = set()
    for kind in KINDS:
        for label in getattr(suite, f"{kind}s"):
            part, mistakes = component(suite, found, kind, label)
            mistakes += _wrong_values(part, found) if part else []
            problems += mistakes
            wrong_variants |= {(kind, label)} if mistakes else set()
    triples, mistakes = all_triples(suite, found)
    mistakes += _wrong_overrides(parse_overrides(suite.set, found)[0], triples, found)
    of_study = _wrong_space(suite, triples, found)
    mistakes += of_study
    problems += [*mistakes, *data_problems(suite, [t for t in triples if t.dataset.label not in left_out])]
    wrong_variants |= {("dataset", triple.dataset.label) for triple in triples if lacks_file(triple)}
    sound = [t for t in triples if not any((kind, t.labels[kind]) in wrong_variants for kind in KINDS)]
    if of_study or any(path[:1] in (("set",), ("study",)) for path, _ in mistakes):
        return problems
    whole = {triple.block for triple in triples} - {triple.block for triple in triples if triple not in sound}
    whole -= {int(path[1]) for path, _ in mistakes if path[:1] == ("matrix",)}
    replaced = {
        part
        for override in parse_overrides(suite.set, found)[0]
        for part in (override.key, override.key.split(".")[-1])
    }
    uneven = _wrong_blocks(suite, [triple for triple in sound if triple.block in whole], left_out | replaced)
    problem = too_many(suite, sound)
    if uneven or problem:
        return problems + uneven + ([problem] if problem else [])
    problems += _wrong_combinations(suite, sound, found)
    return problems or extension_problems(suite, sound, found)


def _wrong_combinations(suite: Suite, triples: Iterable[Triple], found: Tables) -> list[Problem]:
    problems: list[Problem] = []
    before: Seen = set()
    read: dict[Any, bool] = {}  # where `constrain` is set -> whether any run reads it
    left = dict.fromkeys(range(len(suite.matrix)), 0)
    for triple in triples:
        if "train.constrain" in triple.sources:
            path = triple.sources["train.constrain"].path
            read[path] = read.get(path, False) or has_constraint(triple)
        for choice in all_choices(suite, triple):
            left[triple.block] += 1
            _, wrong = resolved_or_refused(triple, choice.values, found, before)
            problems += at_space(suite, triple, choice.sweep, wrong, found) if suite.study else wrong
    problems += [
        Problem(path, "no objective trained here has a constraint for it to place; leave it out.")
        for path, is_read in read.items()
        if not is_read
    ]
    used = {triple.block for triple in triples}
    return problems + [Problem(("matrix", i, "exclude"), "nothing of this block is left.") for i in used if not left[i]]


def _wrong_values(part: Component, found: Tables) -> list[Problem]:
    """Return what the settings of a component hold that its entry does not take."""
    return [problem for t, s in part.level.items() for problem in wrong_value(part.entry, t, s, found)]


def wrong_value(entry: Any, target: str, source: Source, found: Tables) -> list[Problem]:
    """Check one source against the entry that it is set on. Training settings were checked as they were read."""
    group, _, name = target.partition(".")
    wrong: list[tuple[int, str]] = []
    if group in PLAYERS and not isinstance(entry, Architecture):
        return []  # critic_init or generator_init, a training setting wherever it stands
    model = player_model(entry, group) if group in PLAYERS else getattr(entry, "model", None)
    if model is not None and name in model.model_fields and name != "init":
        values = source.value if source.swept else [source.value]
        wrong = [(i if source.swept else -1, _wrong_parameter(model, name, v)) for i, v in enumerate(values)]
        wrong += [] if values else [(-1, "an empty list given, at least one value needed.")]
    elif group == "dataset" and entry.file is not None and name == entry.file_key:
        wrong = [(-1, wrong_file(entry, source.value))]
    elif (kind := _kind_of(entry, group, name, found)) is not None:
        wrong = Swept(kind).wrong(source.value)
    return [Problem(source.path if i < 0 else (*source.path, i), text) for i, text in wrong if text]


def _kind_of(entry: Any, group: str, name: str, found: Tables) -> Kind | None:
    if group == "objective":
        return or_recipe(within(entry.ranges[name]) if name in entry.ranges else NUMBER)
    if group == "trick":
        trick, _, key = name.partition(".")
        ranges = found.trick[trick].ranges
        return COUNT if key in found.trick[trick].setup else within(ranges[key]) if key in ranges else NUMBER
    if group == "dataset":
        return COUNT if name == "fixed" else POSITIVE if name in entry.positive else NUMBER
    return INIT if group in PLAYERS else None


def _wrong_parameter(model: type[BaseModel], name: str, value: Any) -> str:
    """Return what the model of a player or data set says of one parameter's value, "" where it takes it."""
    try:
        text = canonical_json({name: value})  # strict JSON: "8" is no number, and 8.0 is 8
        model.model_validate_json(text, strict=True)
    except ValidationError as error:
        said = [item["msg"] for item in error.errors(include_url=False) if item["loc"][:1] == (name,)]
        needed = " or ".join(dict.fromkeys(text.removeprefix("Input should be ") for text in said))
        return f"{shown(value)} given, {needed} needed." if said else ""
    except HarnessError:
        return NUMBER.sentence(value)
    return ""


def _wrong_overrides(overrides: Iterable[Override], triples: Iterable[Triple], found: Tables) -> list[Problem]:
    """Check what lies over every block against the components that it reaches; it must reach one."""
    problems = []
    parts = {tuple(t.labels.values()): (t.dataset, t.architecture, t.objective) for t in triples}
    for override in overrides:
        if override.group not in KINDS:
            continue
        reached = False
        for trio in parts.values():
            for target, source in set_level([override], *trio).items():
                reached = True
                entry = trio[KINDS.index(override.group)].entry
                problems += [Problem(override.path, text) for _, text in wrong_value(entry, target, source, found)]
        if parts and not reached:
            text = f"no {override.group} that this suite trains has a setting '{override.key}'."
            problems.append(Problem(override.path[: len(SPACE) + 1], text))  # of a range once, whichever end was tried
    return problems


def _wrong_space(suite: Suite, triples: Iterable[Triple], found: Tables) -> list[Problem]:
    """Check what a study may draw as --set is checked, and then the study as a whole."""
    triples, overrides = list(triples), space_overrides(suite, found)[0]
    wrong = _wrong_overrides(tried(suite, overrides), triples, found)
    said = {problem.path[: len(SPACE) + 1] for problem in wrong}
    fractions = _wrong_overrides(between(suite, overrides), triples, found)
    wrong += [needs_whole(problem.path) for problem in fractions if problem.path not in said]
    return wrong or study_problems(suite, triples, found)


def _wrong_blocks(suite: Suite, triples: Iterable[Triple], left_out: frozenset[str]) -> list[Problem]:
    """Check `zip` and `exclude` of every block against what it sweeps; names in `left_out` may be swept no longer."""
    problems = []
    by_block: dict[int, list[Triple]] = {}
    for triple in triples:
        by_block.setdefault(triple.block, []).append(triple)
    for i, members in by_block.items():
        block, swept = suite.matrix[i], [axes_of(triple.sources) for triple in members]
        problems += _wrong_zip(block, i, swept) + _wrong_exclude(block, i, swept)

    def is_missed_twice(problem: Problem) -> bool:
        return any(f"'{key}'" in problem.text or key in problem.path for key in left_out)

    return [problem for problem in problems if not is_missed_twice(problem)]


def _wrong_zip(block: Block, index: int, swept: list[dict[str, list[Any]]]) -> list[Problem]:
    problems: list[Problem] = []
    used: set[str] = set()
    for g, group in enumerate(block.zip):
        path: KeyPath = ("matrix", index, "zip", g)
        if len(group) < 2:
            problems.append(Problem(path, "a group names at least two swept lists, [lr, steps]."))
        for j, name in enumerate(group):
            if not any(axis_named(name, axes) for axes in swept):
                known = {axis for axes in swept for axis in axes}
                problems.append(Problem((*path, j), f"{name!r} is not swept in this block.{suggestion(name, known)}"))
            if name in used:
                problems.append(Problem((*path, j), f"{name!r} stands in `zip` twice."))
            used.add(name)
        for axes in swept:
            present = [axis for axis in (axis_named(name, axes) for name in group) if axis is not None]
            if len({len(axes[axis]) for axis in present}) > 1:
                said = ", ".join(f"{axis} has {len(axes[axis])}" for axis in present)
                problems.append(Problem(path, f"lists that advance together must be equally long: {said}."))
    return problems


def _wrong_exclude(block: Block, index: int, swept: list[dict[str, list[Any]]]) -> list[Problem]:
    problems: list[Problem] = []
    known: dict[str, list[Any]] = {kind: [name for name, _ in named(block, index, kind)] for kind in KINDS}
    for axes in swept:
        for axis, values in axes.items():
            held = known.setdefault(axis, [])
            held += [value for value in values if value not in held]
    for e, entry in enumerate(block.exclude):
        if not entry:
            problems.append(Problem(("matrix", index, "exclude", e), "an empty entry would leave nothing; name a key."))
        for key, wanted in entry.items():
            path: KeyPath = ("matrix", index, "exclude", e, key)
            name = axis_named(key, known)
            if name is None:
                text = f"neither a component nor swept in this block.{suggestion(key, known)}"
                problems.append(Problem(path, text))
            elif not _is_among(wanted, known[name]):
                problems.append(Problem(path, f"{shown(wanted)} given, one of {shown(known[name])} needed."))
    return problems


def _is_among(wanted: Any, values: list[Any]) -> bool:
    return wanted in values or (isinstance(wanted, list) and bool(wanted) and all(item in values for item in wanted))
