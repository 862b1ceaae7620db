"""Why a combination of settings cannot be trained, found before anything is: names and values are sound by then."""

from collections.abc import Iterator

from harness.errors import HarnessError, Problem
from harness.hints import quoted, suggestion
from harness.objectives import no_penalty
from harness.plugins.components import Tables
from harness.suite.checks.network_sizes import player_sizes
from harness.suite.format.values import RECIPE, Values
from harness.suite.parameters import PLAYERS
from harness.suite.resolve import Resolved
from harness.suite.settings import Triple
from harness.text import reason

BOUNDS = {"tanh": [-1, 1], "sigmoid": [0, 1]}  # of a generator's last nonlinearity


def refusals(triple: Triple, values: Values, resolved: Resolved, tables: Tables) -> list[Problem]:
    """Return why this combination cannot be trained: what would otherwise be found out at step 900."""
    problems = [*_wrong_batch(triple, resolved, tables), *_wrong_micro_batch(triple, resolved, tables)]
    problems += [*_wrong_training(triple, values, resolved, tables), *_wrong_output(triple, resolved)]
    try:
        player_sizes(resolved.setup)
    except Exception as error:  # a plug-in's builder may raise anything
        why = error if isinstance(error, HarnessError) else reason(error)
        text = f"'{triple.architecture.label}' cannot be built for '{triple.dataset.label}': {why}"
        problems.append(Problem("not-buildable", triple.places["architecture"], text))
    return problems


def _wrong_batch(triple: Triple, resolved: Resolved, tables: Tables) -> Iterator[Problem]:
    """Yield where samples that are to be independent are coupled, or batch norm has a single one."""
    setup, sources, place = resolved.setup, triple.sources, triple.places["architecture"]
    penalised = triple.objective.entry.penalty is not no_penalty
    by_tricks = {name: tables.trick[name].couples for name in setup.tricks}
    is_coupled = penalised and setup.critic.get("norm") == "batch" and False not in by_tricks.values()
    if is_coupled and "batch-norm-in-penalty" not in triple.allow:
        path = sources["critic.norm"].path if "critic.norm" in sources else place
        text = f"batch norm in the critic of '{triple.architecture.label}' couples the samples of the penalty of "
        text += f"'{triple.objective.label}'; use norm: layer, or say allow: [batch-norm-in-penalty]."
        yield Problem("batch-norm-in-penalty", path, text)
    if setup.train["batch"] * setup.train["pack"] < 2 and "batch" in _norms(resolved).values():
        text = "batch norm needs more than one sample a batch: with one, every output is its bias."
        yield Problem("batch-norm-of-one", place, text)
    for name, couples in by_tricks.items():
        if couples and penalised:
            text = f"the trick '{name}' couples the samples of the penalty of '{triple.objective.label}'; leave it out."
            yield Problem("not-together", triple.places["objective"], text)
        if couples is False and "batch" not in _norms(resolved).values():
            text = f"the trick '{name}' needs batch norm in a player of '{triple.architecture.label}', and it has none."
            yield Problem("not-together", triple.places["objective"], text)


def _norms(resolved: Resolved) -> dict[str, str]:
    return {player: getattr(resolved.setup, player).get("norm") for player in PLAYERS}


def _wrong_training(triple: Triple, values: Values, resolved: Resolved, tables: Tables) -> Iterator[Problem]:
    """Yield settings of training that the objective, or a generator that is not trained, does not read."""
    objective, setup, sources = triple.objective, resolved.setup, triple.sources
    of_tricks = (f"{name}.{key}" for name in setup.tricks for key in tables.trick[name].hyper)
    known = ("lr", "critic_lr", "generator_lr", *objective.entry.hyper, *of_tricks)
    for name in values.get("train.schedule", {}):
        if name not in known:
            text = f"'{name}' is no hyperparameter of '{objective.label}'.{suggestion(name, known)}"
            yield Problem("unknown-name", sources["train.schedule"].path, text)
    updates = values.get("train.n_critic", RECIPE)
    if setup.train["generator"] == "fixed" and updates not in (RECIPE, 1):
        text = (
            f"{quoted(updates)} given; the steps of a fixed generator are critic updates: leave it out, or set it to 1."
        )
        yield Problem("not-together", sources["train.n_critic"].path, text)
    for name in setup.tricks if not setup.generator else ():
        if tables.trick[name].sampled or tables.trick[name].couples is False:
            text = f"the trick '{name}' needs a generator, and none is trained on '{triple.dataset.label}'."
            yield Problem("not-together", triple.places["objective"], text)


def _wrong_output(triple: Triple, resolved: Resolved) -> Iterator[Problem]:
    """Yield why a generator cannot draw its images: its last nonlinearity has another range."""
    output, wanted = resolved.setup.generator.get("output"), list(resolved.setup.data.get("range", ()))
    if triple.dataset.entry.pictures is not None and BOUNDS.get(str(output), wanted) != wanted:
        fitting = next(name for name, bounds in BOUNDS.items() if bounds == wanted)
        text = (
            f"the generator of '{triple.architecture.label}' ends in {output}, and images of '{triple.dataset.label}' "
        )
        text += f"range from {wanted[0]} to {wanted[1]}; set generator: {{output: {fitting}}}."
        yield Problem("output-range", triple.places["architecture"], text)


def _wrong_micro_batch(triple: Triple, resolved: Resolved, tables: Tables) -> Iterator[Problem]:
    """Yield why a batch cannot be passed in the parts that are said: the parts' mean must be the whole batch's."""
    setup = resolved.setup
    micro, batch = setup.train.get("micro_batch"), setup.train["batch"]
    if micro is None:
        return
    path = triple.sources["train.micro_batch"].path
    if batch % micro:
        yield Problem("bad-value", path, f"{micro} given, a number that divides the batch of {batch} needed.")
    elif coupled := [player for player, norm in _norms(resolved).items() if norm == "batch"]:
        text = f"batch norm in the {' and the '.join(coupled)} of '{triple.architecture.label}' needs a whole batch; "
        yield Problem("not-together", path, f"{text}use another norm, or leave micro_batch out.")
    elif triple.objective.entry.whole_batch:
        text = f"the penalty of '{triple.objective.label}' needs a whole batch; leave micro_batch out."
        yield Problem("not-together", path, text)
    elif whole := [name for name in setup.tricks if tables.trick[name].loss or tables.trick[name].couples]:
        text = f"the trick '{whole[0]}' of '{triple.objective.label}' needs a whole batch; leave micro_batch out."
        yield Problem("not-together", path, text)
