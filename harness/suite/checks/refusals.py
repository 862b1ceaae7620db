"""Why a combination of settings cannot be trained, found before anything is: names and values are sound by then."""

from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError, suggestion
from harness.objectives import no_penalty
from harness.plugins.components import Tables, tables
from harness.suite.checks.network_sizes import player_sizes
from harness.suite.format.problems import Problem
from harness.suite.format.values import RECIPE, shown
from harness.suite.resolve import Resolved, resolve
from harness.suite.settings import PLAYERS, Triple

BOUNDS = {"tanh": [-1, 1], "sigmoid": [0, 1]}  # of a generator's last nonlinearity

Seen = set[tuple[str, str, str]]  # architecture, objective and Setup of what was looked at before


def resolved_or_refused(
    triple: Triple, values: Mapping[str, Any], found: Tables, before: Seen
) -> tuple[Resolved | None, list[Problem]]:
    """Return a combination resolved, None where that contradicts itself, and why it cannot be trained.

    What is in `before` is not looked at again, and said no second time; it grows by this combination.
    """
    try:
        resolved = resolve(triple, values, found)
    except HarnessError as error:
        return None, [Problem(triple.places["architecture"], f"{triple.architecture.label}: {error}")]
    key = (triple.architecture.label, triple.objective.label, resolved.text)
    if key in before:
        return resolved, []
    before.add(key)
    return resolved, refusals(triple, values, resolved)


def refusals(triple: Triple, values: Mapping[str, Any], resolved: Resolved) -> list[Problem]:
    """Return why this combination cannot be trained: what would otherwise be found out at step 900."""
    problems = []
    objective, sources = triple.objective, triple.sources
    batch_norm = resolved.setup.critic.get("norm") == "batch" and objective.entry.penalty is not no_penalty
    if batch_norm and "batch-norm-in-penalty" not in triple.allow:
        path = sources["critic.norm"].path if "critic.norm" in sources else triple.places["architecture"]
        text = (
            f"batch norm in the critic of '{triple.architecture.label}' couples the samples that the penalty of "
            f"'{objective.label}' takes one by one; use norm: layer, or say allow: [batch-norm-in-penalty]."
        )
        problems.append(Problem(path, text))
    known = ("lr", "critic_lr", "generator_lr", *objective.entry.hyper)
    for name in values.get("train.schedule", {}):
        if name not in known:
            text = f"'{name}' is no hyperparameter of '{objective.label}'.{suggestion(name, known)}"
            problems.append(Problem(sources["train.schedule"].path, text))
    is_fixed = resolved.setup.train["generator"] == "fixed"
    if is_fixed and values.get("train.n_critic", RECIPE) not in (RECIPE, 1):
        text = f"{shown(values['train.n_critic'])} given, but the steps of a fixed generator are critic updates."
        problems.append(Problem(sources["train.n_critic"].path, f"{text} Leave it out, or set it to 1."))
    if not resolved.setup.generator:
        for name in resolved.setup.tricks:
            if tables().trick[name].sampled:
                text = f"'{name}' keeps a generator of its own, and none is trained on '{triple.dataset.label}'."
                problems.append(Problem(triple.places["objective"], text))
    players = (resolved.setup.generator, resolved.setup.critic)
    if resolved.setup.train["batch"] * resolved.setup.train["pack"] < 2 and any(
        player.get("norm") == "batch" for player in players
    ):
        text = "batch norm needs more than one sample a batch: with one, every output is its bias."
        problems.append(Problem(triple.places["architecture"], text))
    problems += _wrong_micro_batch(triple, resolved) + _wrong_output(triple, resolved)
    try:
        player_sizes(resolved.setup)
    except Exception as error:  # a plug-in's builder may raise anything
        text = f"'{triple.architecture.label}' cannot be built for '{triple.dataset.label}': {error}"
        problems.append(Problem(triple.places["architecture"], text))
    return problems


def _wrong_output(triple: Triple, resolved: Resolved) -> list[Problem]:
    """Return why a generator cannot draw its pictures: its last nonlinearity has another range."""
    output, wanted = resolved.setup.generator.get("output"), list(resolved.setup.data.get("range", ()))
    if triple.dataset.entry.pictures is None or BOUNDS.get(str(output), wanted) == wanted:
        return []
    fitting = next(name for name, bounds in BOUNDS.items() if bounds == wanted)
    text = (
        f"the generator of '{triple.architecture.label}' ends in {output}, and pictures of '{triple.dataset.label}' "
        f"range from {wanted[0]} to {wanted[1]}; set generator: {{output: {fitting}}}."
    )
    return [Problem(triple.places["architecture"], text)]


def _wrong_micro_batch(triple: Triple, resolved: Resolved) -> list[Problem]:
    """Return why a batch cannot be passed in the parts that are said: the parts' mean must be the whole batch's."""
    setup = resolved.setup
    micro, batch = setup.train.get("micro_batch"), setup.train["batch"]
    if micro is None:
        return []
    if batch % micro:
        text = f"{micro} given, a number that divides the batch of {batch} needed."
    elif coupled := [p for p in PLAYERS if getattr(setup, p).get("norm") == "batch"]:
        text = (
            f"batch norm in the {' and the '.join(coupled)} of '{triple.architecture.label}' takes a batch as a whole; "
            "use another norm, or leave micro_batch out."
        )
    elif whole := [name for name in setup.tricks if tables().trick[name].loss]:
        text = f"the trick '{whole[0]}' of '{triple.objective.label}' takes a batch as a whole; leave micro_batch out."
    else:
        return []
    return [Problem(triple.sources["train.micro_batch"].path, text)]
