"""The description of a plan as a screen of plain text, at most 100 columns wide."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.plan.cost_text import disk_sentence, time_sentence
from harness.plan.description import Description, PrimaryFamily, SettingsRow, SharesTest
from harness.store.plan_file import Json
from harness.text import aligned, counted, listed, none_held_out_text, p_value, plain, range_text

if TYPE_CHECKING:
    from harness.statistics.power import Power  # which imports scipy

WIDTH = 100
INDENT = 16
MOST = 20  # names, values or lines of one kind on a screen


def render(description: Description) -> str:
    """Return what `harness plan` prints: what is trained, how much, with which settings, what it can show."""
    parts = [_title(description), _amounts(description), _settings(description.settings), _limits(description)]
    text = "\n\n".join(parts) + "\n"
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)  # no terminal escapes


def _title(description: Description) -> str:
    title = [f"Plan of {description.suite}"]
    if description.question:
        title += textwrap.wrap(" ".join(str(description.question).split()), WIDTH)
    return "\n".join(title)


def _amounts(description: Description) -> str:
    cells, seeds = len(description.cells), description.seeds
    each = str(seeds[0]) if len(set(seeds)) == 1 else f"{seeds[0]} to {seeds[-1]}" if seeds else "0"
    lines = [
        _entry("data sets", _several(description.datasets)),
        *_lines(_entry("", f"{label}: {phrase}") for label, phrase in description.read.items()),
        _entry("architectures", _several(description.architectures)),
        _entry("objectives", _several(description.objectives)),
    ]
    swept = [f"{name}: {_several(map(plain, values))}" for name, values in description.swept.items()]
    lines += [_entry("swept", _several(swept, "; "))] if swept else []
    lines += [_entry("drawn", _study(description.study))] if description.study else []
    runs = f"{counted(description.planned, 'run')}: {counted(cells, 'cell')} of {each} seed{'s' * (each != '1')}"
    shared = description.planned - description.distinct
    if shared:
        runs += f"; {shared} of them are the same run under another name, and train once"
    if description.merged:
        runs += f"; {description.merged} asked for twice and merged"
    lines.append(_entry("runs", runs))
    to_train, stacks = description.to_train, description.stacks.unfinished
    left = f"{counted(to_train, 'run')} in {counted(stacks, 'stack')}" if to_train else "nothing"
    left += f"; {description.finished:,} finished before"
    left += f"; {description.lost:,} failed before, for `harness retry`" if description.lost else ""
    left += f"; --only leaves out {counted(description.left_out, 'run')}" if description.left_out else ""
    lines.append(_entry("to train", left))
    begun = [
        f"{counted(row.runs, 'run')} from step {row.step:,} of a finished one of {row.length:,}"
        for row in description.continued
    ]
    begun += [f"{counted(runs, 'run')} from scratch: {why}" for why, runs in description.anew.items()]
    lines += _lines(_entry("", text) for text in begun)
    lengths = [
        f"{row.steps:,} a run; scored at step {_several(f'{step:,}' for step in row.at)} on "
        f"{description.scored.samples:,} samples"
        for row in description.scored.runs_of
    ]
    lines += _lines(_entry("steps", text) for text in lengths)
    if plugged := description.scored.plugged:
        lines.append(_entry("metrics", f"{listed(plugged)} of plug-ins, beside those of the harness"))
    few = description.scored.held_out.items()
    lines += _lines(_entry("", none_held_out_text(label)) for label in description.scored.on_train)
    lines += _lines(_entry("", f"those on {label} on the {n:,} images that it holds out") for label, n in few)
    if description.scored.few_for_fid or description.scored.weak:
        from harness.suite.checks.image_ranking import few_for_fid, weak_extractor  # imports torch

        lines += _lines(_entry("", few_for_fid(label, n)) for label, n in description.scored.few_for_fid.items())
        for label, errors in description.scored.weak.items():
            lines += [_entry("", weak_extractor(label, name, error)) for name, error in errors.items()]
    if description.cost is not None:
        lines.append(_entry("time", time_sentence(description.cost)))
        lines += [_entry("disk", disk_sentence(description.cost.bytes))] if to_train else []
    return "\n".join(lines)


def _study(study: Json) -> str:
    """Return what a study draws; the runs that are counted are those that are known by now."""
    drawn = _several((f"{name} {range_text(where)}" for name, where in study["space"].items()), "; ")
    trials = f"{counted(study['trials'], 'trial')} of each objective ({study['sampler']})"
    return f"{drawn}: {trials}; the best of each is then confirmed on the suite's seeds, once all have ended"


def _settings(settings: Sequence[SettingsRow]) -> str:
    """Return the table of settings; as paragraphs where it is too wide for a screen."""
    header = ["objective", "data", "optimiser", "learning rate", "betas", "n_critic", "its own"]
    settings, left = settings[:MOST], len(settings) - MOST
    rows = [header, *map(settings_row, settings)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = ["Settings (several values are swept)"]
    if 2 + sum(widths) + 2 * (len(widths) - 1) <= WIDTH:
        lines.append(textwrap.indent(aligned(rows), "  "))
    else:
        lines += [line for row in rows[1:] for line in _block(header, row)]
    lines += [f"  and {left:,} more; --json has all"] if left > 0 else []
    return "\n".join(lines + _sources(settings))


def settings_row(row: SettingsRow) -> list[str]:
    critic, generator = _values(row.critic_lr), _values(row.generator_lr)
    rates = critic if critic == generator else f"critic {critic}, generator {generator}"
    betas = f"{_values(row.beta1)}, {_values(row.beta2)}"
    own = ", ".join(f"{name} {_values(values)}" for name, values in row.hyper.items())
    return [row.objective, row.kind, _values(row.optimizer), rates, betas, _values(row.n_critic), own]


def _block(header: list[str], row: list[str]) -> list[str]:
    """Return one objective's settings as a paragraph, for tables too wide for a screen."""
    settings = "; ".join(f"{name} {value}" for name, value in zip(header[2:], row[2:], strict=True) if value)
    return [f"  {row[0]} on {row[1]}", *textwrap.wrap(settings, WIDTH, initial_indent="    ", subsequent_indent="    ")]


def _sources(settings: Sequence[SettingsRow]) -> list[str]:
    """Return which settings are a paper's, and whose."""
    sources: dict[str, list[str]] = {}
    for row in settings:
        if row.recipe:
            keys = row.recipe.keys
            names = dict.fromkeys("betas" if key in ("beta1", "beta2") else _RATES.get(key, key) for key in keys)
            what = f"{', '.join(names)} from {row.recipe.source}"
            sources.setdefault(what, []).append(f"{row.objective} on {row.kind}")
    lines = ["", "From the papers, where the suite does not say otherwise"] if sources else []
    for what, users in sources.items():
        lines += textwrap.wrap(f"{', '.join(users)}: {what}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    for text in _replaced(settings):
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines


def _replaced(settings: Sequence[SettingsRow]) -> Iterator[str]:
    """Yield which defaults of a plug-in's objective its recipe replaces, and how to have them."""
    for row in settings:
        for name, (default, value) in (row.recipe.overrides if row.recipe else {}).items():
            wanted = f"objectives: {{{row.objective}: {{{name}: {plain(default)}}}}}"
            yield (
                f"{row.objective} on {row.kind}: {name} is {plain(value)}, of its recipe, and not "
                f"{plain(default)}, the plug-in's default; for that, write {wanted}"
            )


_RATES = {"critic_lr": "rates", "generator_lr": "rates", "optimizer": "optimiser"}


def _limits(description: Description) -> str:
    """Return what can be concluded, in sentences."""
    primary, cell = description.conclusions.primary, description.conclusions.cell
    sentences = [_primary_sentence(primary) if primary.pairs else _alone(description)]
    if description.study:
        sentences = [_of_trials(len(description.objectives), description.study, description.conclusions.shares)]
    elif description.conclusions.compared == "critics":
        sentences = ["No generator learns: the report sets what each critic estimates beside the exact distance."]
    elif cell.seeds < 2:
        sentences.append("With one seed a cell, nothing can be said of the spread between seeds.")
    else:
        sentences.append(
            f"Inside one cell a signed-rank test of {cell.seeds} seeds allows p = {p_value(cell.smallest_p)} at "
            "best, before any correction: such tests are exploratory. Every difference has an interval over these "
            "seeds, whatever the tests allow."
        )
    sentences += [] if description.study else [_edges(description.conclusions.grids)]
    sentences += [_power_sentence(description.power)] if description.power is not None else []
    wrapped = [textwrap.wrap(s, WIDTH, initial_indent="  ", subsequent_indent="  ") for s in sentences if s]
    return "\n".join(["What can be concluded", *(line for lines in wrapped for line in lines)])


def _edges(grids: Mapping[str, int]) -> str:
    """Return the rule on tuned values at the edge of their grid; "" where no number is swept."""
    if not grids:
        return ""
    few = [f"{name} has {n} values in some cell" for name, n in grids.items() if n < 3]
    end = f"; {' and '.join(few)}, both of them edges: three or more have an interior" if few else ""
    rule = "is flagged in the report; how grids are extended: docs/defaults.md"
    return f"A choice of {', '.join(grids)} at the edge of its grid {rule}{end}."


def _of_trials(objectives: int, study: Json, shares: SharesTest | None) -> str:
    """Return what the report of a study tests: objectives by their trials, and their best settings on other seeds."""
    trials = study["trials"]
    best = "the best setting of each is compared on the suite's seeds, paired"
    if study["sampler"] == "tpe":
        end = f"; {best}." if objectives > 1 else ", and there is no other objective to compare it with."
        return f"Trials of tpe are no sample of the space: the report has no share of it, but their running best{end}"
    if shares is None:
        return (
            "There is one objective: the report has the share of the space that is good, and compares it with nothing."
        )
    if shares.smallest_p_corrected is None:
        return (
            f"Of {trials:,} trials only {shares.distinct:,} have different settings: shares of the space are "
            "compared without a test, as no p can be given of repeated trials. Draw from a range, or ask for fewer "
            f"trials. Then {best}."
        )
    holm, needed = f" after Holm's correction for {counted(shares.pairs, 'pair')}", shares.trials_needed
    takes = (
        f"It takes {needed:,} trials that are good with one of the two alone, and none with the other alone"
        if needed <= trials
        else f"None can be significantly different, whatever the runs show: {needed:,} trials could"
    )
    return (
        "The shares of the space that are good are compared, of every pair of objectives, by McNemar's exact test over "
        f"{trials:,} trials: smallest reachable p = {p_value(shares.smallest_p_corrected)}"
        f"{holm if shares.pairs > 1 else ''}. {takes}. Then {best}."
    )


def _alone(description: Description) -> str:
    """Return what a report compares where no objective meets another."""
    what = description.conclusions.compared
    if description.conclusions.primary.objectives > 1:
        return "No task (data set x architecture) has every objective: nothing can be tested across tasks."
    if what == "objectives":
        return "No two objectives share a task (data set x architecture): there is nothing to compare."
    return f"There is one objective: the report compares its {what}, paired by seed."


def _primary_sentence(primary: PrimaryFamily) -> str:
    tasks, objectives = counted(primary.tasks, "task"), counted(primary.objectives, "objective")
    p, needed = primary.smallest_p_corrected, primary.tasks_needed
    assert p is not None  # as there are pairs
    assert needed is not None
    reach = f"smallest reachable p = {p_value(p)}"
    if primary.tasks >= needed:
        return (
            f"With {tasks} (data set x architecture), a difference between {objectives} can survive correction for "
            f"{counted(primary.pairs, 'comparison')}: {reach}. It takes the same winner in nearly every task."
        )
    return (
        f"With {tasks} (data set x architecture) no difference between {objectives} can survive correction for "
        f"{counted(primary.pairs, 'comparison')}: {reach}, whatever the runs show. {needed} tasks would do; "
        "more seeds would not."
    )


def _power_sentence(power: "Power") -> str:
    """Return how many seeds a cell needs for an effect, and which effect those that it has would show."""
    family = f"one of {power.pairs} after correction" if power.pairs > 1 else ""
    needed = f"{counted(power.seeds_needed_alone, 'seed')} a cell"
    needed += f", and {power.seeds_needed_corrected:,} for {family}" if family else ""
    text = (
        f"To see a paired difference of d = {plain(power.effect)} (Cohen's d: the mean difference over the standard "
        f"deviation of the differences between seeds) with 80 % power at the 5 % level of a paired t "
        f"test, one comparison takes {needed}."
    )
    if power.smallest_effect_alone is None:
        return text
    effects = f"d = {power.smallest_effect_alone:.2f}"
    effects += f", or {power.smallest_effect_corrected:.2f} for {family}" if family else ""
    return f"{text} The {power.seeds} seeds of this suite show {effects}."


def _several(texts: Iterable[str], between: str = ", ") -> str:
    """Return texts as one, and of more than MOST how many are left out."""
    texts = list(texts)
    left = f"{between}and {len(texts) - MOST:,} more" if len(texts) > MOST else ""
    return between.join(texts[:MOST]) + left


def _lines(lines: Iterable[str]) -> list[str]:
    """Return lines of one kind, and of more than MOST one that says how many are left out."""
    lines = list(lines)
    return lines[:MOST] + ([_entry("", f"and {len(lines) - MOST:,} more such lines")] if len(lines) > MOST else [])


def _values(values: Sequence[Any]) -> str:
    texts = [plain(value) for value in values[:4]]
    return " | ".join(texts) + (f" | {len(values) - 4} more" if len(values) > 4 else "")


def _entry(name: str, text: str) -> str:
    start = f"  {name}".ljust(INDENT)
    return "\n".join(textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * INDENT))
