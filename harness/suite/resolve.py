"""One combination of settings as the engine takes it: a Setup and the floats, with the paper's values filled in."""

from collections.abc import Mapping
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from harness.architectures import Architecture
from harness.engine.optimizers import OPTIMIZERS
from harness.errors import DataError, HarnessError, KeyPath, Problem, SuiteError
from harness.objectives import PENALTIES, Recipe
from harness.objectives.constraints import keep
from harness.plugins.components import Tables, fingerprint
from harness.spec import ENGINE_VERSION, MAX_COUNT, Setup, canonical_json
from harness.suite.format.values import RECIPE, Plain, Values
from harness.suite.parameters import PLAYERS, player_model
from harness.suite.settings import Triple

RECIPE_FLOATS = ("critic_lr", "generator_lr", "beta1", "beta2")
RECIPE_KEYS = (*RECIPE_FLOATS, "optimizer", "n_critic")
DEFAULTS = {"steps": 1000, "batch": 64, "schedule": {}, "pack": 1, "constrain": "after", "generator": "trained"}


class Resolved(NamedTuple):
    """A Setup, its plain form, the canonical JSON of that, and the floats beside it.

    `floats` has, by target, the name of every float and its value where nothing is said of it.
    """

    setup: Setup
    plain: Values
    text: str
    floats: Mapping[str, tuple[str, float]]
    hyper: Mapping[str, float]

    def at(self, values: Values) -> "Resolved":
        """Return it with the floats of another combination that has its Setup."""
        return self._replace(hyper=hyper_of(self.setup, self.floats, values))


def floats_of(triple: Triple, tables: Tables) -> dict[str, tuple[str, float]]:
    """Return what a Setup does not depend on: by target, the name of a float, and the paper's value or its default."""
    recipe = triple.objective.entry.recipe.get(triple.dataset.entry.kind)
    floats = {f"train.{key}": (key, getattr(recipe, key, 0.0)) for key in RECIPE_FLOATS}
    for key, default in triple.objective.entry.hyper.items():
        floats[f"objective.{key}"] = key, recipe.hyper.get(key, default) if recipe is not None else default
    for key, default in triple.dataset.entry.hyper.items():
        floats[f"dataset.{key}"] = f"data.{key}", default
    for name in triple.objective.tricks:
        for key, default in tables.trick[name].hyper.items():
            floats[f"trick.{name}.{key}"] = f"{name}.{key}", default
    return floats


def resolve(triple: Triple, values: Values, tables: Tables) -> Resolved:
    """Return the Setup and floats of one combination: `values` holds one for every target that a suite sets.

    Raises HarnessError where the objective has no recipe for the data, or where the parameters of a player contradict
    each other; SuiteError where epochs are asked for of data that have none.
    """
    recipe, data = _recipe(triple), data_of(triple, values)
    train = _train(triple, values, recipe, tables)
    if "train.epochs" in values:
        train["steps"] = _steps(triple, values["train.epochs"], data, train["batch"] * train["pack"])
    generator, critic = _players(triple, values, train)
    setup = Setup(
        dataset=triple.dataset.base,
        architecture=triple.architecture.base,
        objective=triple.objective.base,
        data=data,
        generator=generator,
        critic=critic,
        tricks={
            name: {key: int(values.get(f"trick.{name}.{key}", n)) for key, n in tables.trick[name].setup.items()}
            for name in triple.objective.tricks
        },
        train=train,
        versions=_versions(triple, tables),
    )
    plain = dict(vars(setup))
    floats = floats_of(triple, tables)
    return Resolved(setup, plain, canonical_json(plain), floats, hyper_of(setup, floats, values))


def _recipe(triple: Triple) -> Recipe:
    kind, objective = triple.dataset.entry.kind, triple.objective
    if kind not in objective.entry.recipe:
        raise HarnessError(f"the objective '{objective.base}' has no recipe for {kind}.")
    recipe: Recipe = objective.entry.recipe[kind]
    return recipe


def recipe_targets(triple: Triple) -> dict[str, str]:
    """Return the settings that the paper's recipe gives where nothing is said of them: names by target."""
    own = [key for key in _recipe(triple).hyper if key in triple.objective.entry.hyper]  # of a borrowed recipe not all
    return {f"train.{key}": key for key in RECIPE_KEYS} | {f"objective.{key}": key for key in own}


def follows_recipe(target: str, values: Values) -> bool:
    """Whether a setting of a recipe has the paper's value in one combination of values."""
    if target == "train.n_critic" and values.get("train.generator") == "fixed":
        return False  # 1, whatever the paper says
    return bool(values.get(target, RECIPE) == RECIPE)


def _train(triple: Triple, values: Values, recipe: Recipe, tables: Tables) -> Plain:
    train = {key: values.get(f"train.{key}", default) for key, default in DEFAULTS.items()}
    train |= {key: _said_or_recipe(values, key, recipe) for key in ("optimizer", "n_critic")}
    if isinstance(train["n_critic"], dict) and set(train["n_critic"]) == {"base"}:
        train["n_critic"] = train["n_critic"]["base"]
    if train["generator"] == "fixed":
        train["n_critic"] = 1  # its steps are critic updates already
    if not has_constraint(triple):
        train["constrain"] = "after"  # one run must not have two addresses for a setting it never reads
    micro = values.get("train.micro_batch", train["batch"])
    if micro != train["batch"]:  # else one pass takes the batch, as where nothing is said
        train["micro_batch"] = micro
    train |= {key: True for key in ("compile", "tf32") if values.get(f"train.{key}")}
    if triple.objective.penalty:  # of its own, the objective's name says it
        train["penalty"] = triple.objective.penalty
    schedule = dict(train["schedule"])
    if "lr" in schedule:
        both = schedule.pop("lr")
        schedule = {"critic_lr": both, "generator_lr": both, **schedule}
    if train["generator"] == "fixed":
        schedule.pop("generator_lr", None)
    for name in triple.objective.tricks:
        schedule = {f"{name}.{key}": kind for key, kind in tables.trick[name].schedule.items()} | schedule
    # One run must not have two addresses for a setting that changes nothing.
    return {**train, "schedule": {key: kind for key, kind in schedule.items() if kind != "constant"}}


def _steps(triple: Triple, epochs: int, data: Values, batch: int) -> int:
    """Return the steps of so many passes through the training set, each of ceil(samples / batch) generator steps.

    However many critic updates a step has, one batch of it counts: with n_critic 5 the critic sees the set five times
    an epoch. Raises SuiteError where the data set draws fresh samples, or is not there.
    """
    entry, path = triple.dataset.entry, triple.sources["train.epochs"].path
    samples = data.get("fixed", data.get("points") if entry.points is not None else None)
    if samples is None and entry.pictures is None:
        text = f"epochs: '{triple.dataset.label}' draws fresh samples at every step; say steps, or fixed: n of it."
        raise SuiteError(Problem("no-epochs", path, text))
    try:
        steps = epochs * ceil((samples or entry.sizes(data).train) / batch)
    except DataError as error:
        raise SuiteError(Problem("no-data", data_path(triple), str(error))) from None
    if steps > MAX_COUNT:
        raise SuiteError(Problem("bad-value", path, f"epochs: {steps:,} steps, at most {MAX_COUNT:,} can be trained."))
    return steps


def data_path(triple: Triple) -> KeyPath:
    """Return where a suite says which data a triple has: the path of a file or folder, else the name in the matrix."""
    named = (triple.sources.get(f"dataset.{key}") for key in triple.dataset.entry.files)
    return next((source.path for source in named if source is not None), triple.places["dataset"])


def has_constraint(triple: Triple) -> bool:
    """Whether the objective constrains its critic's weights."""
    return triple.objective.entry.constrain is not keep


def _said_or_recipe(values: Values, key: str, recipe: Recipe) -> Any:
    value = values.get(f"train.{key}", RECIPE)
    return getattr(recipe, key) if value == RECIPE else value


def hyper_of(setup: Setup, floats: Mapping[str, tuple[str, float]], values: Values) -> dict[str, float]:
    """Return the floats of one combination of values that has this Setup: each as it is said, or as in `floats`."""
    hyper = {}
    for target, (name, default) in floats.items():
        value = values.get(target, RECIPE)
        hyper[name] = float(default if value == RECIPE else value)
    # One run must not have two addresses for settings that training never reads.
    hyper |= {beta: 0.0 for beta in ("beta1", "beta2") if beta not in OPTIMIZERS[setup.train["optimizer"]].reads}
    if setup.train["generator"] == "fixed":
        hyper["generator_lr"] = hyper["critic_lr"]
    return hyper


def data_of(triple: Triple, values: Values) -> Plain:
    """Return what a Setup holds of the data set's settings.

    Raises DataError where its file cannot be used, HarnessError where its settings contradict each other.
    """
    entry = triple.dataset.entry
    fields = {key: values[f"dataset.{key}"] for key in entry.model.model_fields if f"dataset.{key}" in values}
    data = plain_settings(entry.model, canonical_json(fields))
    if "dataset.fixed" in values:
        data = {**data, "fixed": values["dataset.fixed"]}
    for key, read in entry.files.items():
        data = {**data, **read(values[f"dataset.{key}"])}
    return data


def _players(triple: Triple, values: Values, train: Values) -> tuple[Any, Any]:
    entry = triple.architecture.entry
    generator, critic = (player_settings(entry, player, values) for player in PLAYERS)
    if critic.get("norm") == "auto":  # settled once more: what the network reads may depend on its norm
        normed = canonical_json({**critic, "norm": triple.objective.entry.auto_norm})
        critic = plain_settings(player_model(entry, "critic"), normed)
    is_unused = train["generator"] == "fixed" and triple.dataset.entry.fake is not None
    return {} if is_unused else generator, critic


def player_settings(entry: Architecture, player: str, values: Values) -> Plain:
    """Return the whole settings of a player as plain JSON; of `values` those count whose targets are its own.

    Raises HarnessError where they contradict each other.
    """
    own = {t.removeprefix(f"{player}."): value for t, value in values.items() if t.startswith(f"{player}.")}
    return plain_settings(player_model(entry, player), canonical_json({**getattr(entry, player), **own}))


@lru_cache(maxsize=4096)
def plain_settings(model: type[BaseModel], text: str) -> Plain:
    """Return the whole settings of a player or data set as plain JSON; strict, so that "8" is no number."""
    try:
        return model.model_validate_json(text, strict=True).model_dump(mode="json")
    except ValidationError as error:
        messages = [item["msg"].removeprefix("Value error, ") for item in error.errors(include_url=False)]
        raise HarnessError(f"these parameters do not go together: {'; '.join(messages)}.") from None


def _versions(triple: Triple, tables: Tables) -> dict[str, int]:
    """Return the version of every component, and the content hash of the plug-in file that defines it, if one does."""
    used = {kind: (kind, part.base) for kind, part in triple.parts.items()}
    used |= {f"trick.{name}": ("trick", name) for name in triple.objective.tricks}
    versions = {"engine": ENGINE_VERSION}
    if penalty := triple.objective.penalty:
        versions[f"penalty.{penalty}"] = PENALTIES[penalty].version
    for key, (kind, name) in used.items():
        versions[key] = tables.of(kind)[name].version
        if (mark := fingerprint(kind, name)) is not None:
            versions[f"{key}.file"] = mark
    return versions
