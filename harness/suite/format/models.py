"""The format of a suite file as frozen models, and its JSON schema. Nothing here knows the tables, or imports torch.

A field that takes a sweep holds one value or a list of them, exactly as written. None stands for "not said": what it
means then is settled by precedence, when the suite is expanded.
"""

import io
from collections.abc import Sequence
from math import ceil
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from ruamel.yaml import YAML

from harness.suite.format import values as kinds
from harness.suite.format.study_block import Seeds, Strict, Study, StudyChange, described
from harness.suite.format.values import Plain, one_of, or_recipe, or_word, seed_list, swept

ALLOWANCES = ("batch-norm-in-penalty",)

Rates = Annotated[Any, swept(or_recipe(kinds.POSITIVE))]
Betas = Annotated[Any, swept(or_recipe(kinds.BETA))]
Counts = Annotated[Any, swept(kinds.COUNT)]
Truths = Annotated[Any, swept(kinds.TRUTH)]
Inits = Annotated[Any, swept(kinds.INIT)]
Numbers = Annotated[Any, swept(or_recipe(kinds.NUMBER))]
Parameters = Annotated[Any, kinds.PARAMETER]
Name = Annotated[Any, kinds.NAMED]
Names = Annotated[Any, swept(kinds.NAMED)]
Optimizers = Annotated[Any, swept(one_of("adam", "rmsprop", "sgd", "recipe"))]
Text = Annotated[Any, kinds.TEXT]
Fractions = Annotated[Any, swept(kinds.FRACTION)]
Allow = list[Annotated[Any, one_of(*ALLOWANCES)]]


class Train(Strict):
    """How runs are trained. Every key takes a list, one run for each value; `recipe` keeps the paper's value."""

    steps: Counts = described("generator steps (critic updates where the generator is fixed); 1000 if not said")
    epochs: Counts = described(
        "in place of steps: passes through a set of images or points, each of ceil(images / batch) steps"
    )
    batch: Counts = described("samples of each kind in one update; 64 if not said")
    lr: Rates = described("learning rate of both players")
    critic_lr: Rates = described("learning rate of the critic; beats `lr` beside it")
    generator_lr: Rates = described("learning rate of the generator; beats `lr` beside it")
    optimizer: Optimizers = described("optimiser of both players")
    beta1: Betas = described("Adam's first decay rate; SGD's momentum")
    beta2: Betas = described("Adam's second decay rate; RMSProp's smoothing constant")
    n_critic: Annotated[Any, swept(or_recipe(kinds.UPDATES))] = described(
        "critic updates a generator step, or {base, first: [steps, updates], every: [steps, updates]}"
    )
    critic_init: Inits = described("initial weights of the critic: he, default, dcgan, or {normal: sd}")
    generator_init: Inits = described("initial weights of the generator: he, default, dcgan, or {normal: sd}")
    schedule: Annotated[Any, swept(kinds.SCHEDULE)] = described(
        "hyperparameters that fall to zero: {lr: linear} or cosine; constant keeps one that a trick lets fall"
    )
    pack: Counts = described("samples that the critic sees at once (PacGAN); 1 if not said")
    micro_batch: Counts = described(
        "samples passed at once, the gradient summed up over the batch: less memory; the whole batch if not said"
    )
    compile: Truths = described(
        "compile updates by torch.compile: faster steps after about a minute of compilation, equal up to rounding"
    )
    tf32: Truths = described(
        "multiply and convolve in TensorFloat-32 on a GPU that has it: faster, 10 bits of fraction"
    )
    constrain: Annotated[Any, swept(one_of("after", "before", "after+start"))] = described(
        "when the critic's weights are constrained, relative to its step; after if not said"
    )
    generator: Annotated[Any, swept(one_of("trained", "fixed"))] = described("fixed: the critic is trained alone")


# How an update is computed, which is the same update up to rounding: a swept value is compared, and never tuned.
COMPUTING = ("compile", "tf32", "micro_batch")


class Limits(Strict):
    """What training may take before it is stopped; no limit where none is said."""

    seconds: Annotated[Any, kinds.LIMIT] = described(
        "wall time of a run in seconds; a stack of n runs has n times that"
    )
    memory_gb: Annotated[Any, kinds.LIMIT] = described("memory of a worker process, in 1e9 bytes")


class SuiteTrain(Train):
    """How every run is trained; `keep`, `checkpoint_s` and `limits` are no part of a run: they say what is kept of it
    and how the machine is used."""

    keep: list[Annotated[Any, kinds.FRACTION]] = described(
        "fractions of the steps after which the networks and all that training goes on from are kept: `harness sample "
        "--step`, and longer trainings that continue this one",
        [],
    )
    checkpoint_s: Annotated[Any, or_word(kinds.POSITIVE, kinds.NEVER)] = described(
        "seconds of training between two checkpoints of a stack, or never", 60
    )
    limits: Limits = Field(default_factory=Limits, description="what training may take before it is stopped")


class Score(Strict):
    """When a run is scored, and on how many samples."""

    at: Fractions = described("fractions of the steps, rounded up to a step; 0 is allowed", [1])
    samples: Annotated[Any, kinds.COUNT] = described("generated samples that a score is computed from", 1000)
    extractors: list[Name] = described(
        "networks in whose features images are compared; the first ranks; if not said the data set's own: poses "
        "where it has classes that show a way up, else classifier, else rotations"
    )
    frames: Annotated[Any, kinds.FRAMES] = described(
        "steps, evenly spaced, at which 64 samples of fixed latents are kept for an animation", 0
    )


class Primary(Strict):
    """The metrics that objectives are ranked on; all others are exploratory."""

    toys: Annotated[Any, kinds.COLUMN] = described("column for toys and for your own points", "w1_excess")
    images: Annotated[Any, kinds.COLUMN] = described("column for images", "fid")


class ArchitectureVariant(Strict):
    """An architecture under a name of its own. Keys beside those below set a parameter of both players."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Parameters]

    base: Name = described("name of the architecture in the table; needed where the variant has another name")
    allow: Allow = described("combinations to allow that are otherwise refused", [])
    generator: dict[str, Parameters] = described("parameters of the generator alone", {})
    critic: dict[str, Parameters] = described("parameters of the critic alone", {})


PATHS = {
    "file": "content",
    "folder": "content",
    "fakes": "fakes",
}  # keys that name data, and what a Setup holds


class DatasetVariant(Strict):
    """A data set under a name of its own. Keys beside those below set its parameters, such as `sd` or `size`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Parameters]

    base: Name = described("name of the data set in the table; needed where the variant has another name")
    fixed: Counts = described(
        "train on a set of this many points, drawn once, else on a fresh batch each step; on the first so many images"
    )
    file: Text = described("file of your own points (csv, npy, npz), relative to this file; for `points`")
    folder: Annotated[Any, kinds.FOLDERS] = described(
        "folder of your own images, or a list of folders as one set, relative to this file; for `folder`"
    )
    fakes: Text = described("file of the generated side, as `file`; for `pair`")


class ObjectiveVariant(Train):
    """An objective under a name of its own. Keys beside those below set its hyperparameters, such as `gp_weight`."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Numbers]

    base: Name = described("name of the objective in the table; needed where the variant has another name")
    penalty: Name = described(
        "penalty on the critic's slope, added to an objective that has none: gp, lp, r1, r1r2, ..."
    )
    tricks: dict[str, dict[str, Annotated[Any, swept(kinds.NUMBER)]]] = described(
        "additions to the objective, each with its parameters: {ema: {decay: 0.99}}", {}
    )
    allow: Allow = described("combinations to allow that are otherwise refused", [])


class Block(Strict):
    """A part of the matrix: every data set with every architecture with every objective, swept values and seeds."""

    dataset: Names = Field(description="data set or list of data sets, by variant or table name")
    architecture: Names = Field(description="architecture or list of architectures")
    objective: Names = Field(description="objective or list of objectives")
    train: Train = described("training settings of this block", Train())
    seeds: Seeds = described("seeds of this block, where they differ from the suite's")
    zip: list[list[Text]] = described("groups of swept names whose lists advance together", [])
    exclude: list[Plain] = described("combinations to leave out: {objective: gan, architecture: mlp-deep}", [])


class Body(Strict):
    """What a suite says, and what a scale of it may replace."""

    question: Text = described("what the suite is to find out, in a sentence")
    primary: Primary = described("metrics that objectives are ranked on", Primary())
    seeds: Seeds = described("number of seeds (0, 1, ...), or a list of them", 1)
    train: SuiteTrain = Field(default_factory=SuiteTrain, description="training settings of every run")
    score: Score = described("when runs are scored", Score())
    architectures: dict[str, ArchitectureVariant] = described("variants of architectures by name", {})
    datasets: dict[str, DatasetVariant] = described("variants of data sets by name", {})
    objectives: dict[str, ObjectiveVariant] = described("variants of objectives by name", {})
    matrix: list[Block] = described("blocks of combinations to train", [])
    study: StudyChange = described("settings that `harness study` draws for every objective of the matrix")
    allow: Allow = described("combinations to allow that are otherwise refused, suite wide", [])


class Suite(Body):
    """A whole suite file."""

    version: Annotated[Any, kinds.VERSION] = Field(description="version of this format: 1")
    name: Name = Field(description="name of the suite and of its results folder")
    matrix: list[Block] = Field(description="blocks of combinations to train")
    study: Study = described("settings that `harness study` draws for every objective of the matrix")
    scales: dict[str, Body] = described("changes to the suite by name, merged in by --scale", {})
    scale: Name = described("the scale that this suite was resolved at; written by the harness")
    set: list[Text] = described("KEY=VALUE settings that win over every block, as of --set", [])
    extends: Text = described("a suite file that this one is merged into, by a path relative to this file")
    plugins: list[Text] = described(
        "Python files with further tables, relative to this file, and names of installed plug-ins", []
    )

    @property
    def folder(self) -> str:
        """The name of its results folder: `<suite>`, or `<suite>@<scale>`."""
        return f"{self.name}@{self.scale}" if self.scale else str(self.name)

    def seeds_of(self, block: Block) -> list[int]:
        """Return the seeds of a block: its own, else the suite's."""
        return seed_list(self.seeds if block.seeds is None else block.seeds)

    def to_json(self) -> Plain:
        """Return everything the suite says, defaults included, `seeds` and `score.at` as lists."""
        plain = self.model_dump(mode="json", exclude_none=True, exclude={"scales", "extends"})
        at = self.score.at if isinstance(self.score.at, list) else [self.score.at]
        return {**plain, "seeds": seed_list(self.seeds), "score": {**plain["score"], "at": at}}

    def to_yaml(self) -> str:
        """Return the suite as a file that says the same: `load_suite` reads it back."""
        written = self.model_dump(mode="json", exclude_unset=True, exclude={"scales", "extends"})
        first = {"version": self.version, "name": self.name, "question": written.get("question")}
        always = {
            "primary": self.primary.model_dump(),
            "seeds": self.seeds,
            "score": self.score.model_dump(exclude_none=True),
        }
        plain = {key: value for key, value in {**first, **always, **written, **always}.items() if value is not None}
        writer = YAML(typ="safe", pure=True)
        writer.default_flow_style, writer.sort_base_mapping_type_on_output = False, False  # type: ignore[assignment]
        stream = io.StringIO()
        writer.dump(plain, stream)
        return stream.getvalue()


def scored_steps(at: float | Sequence[float], steps: int) -> list[int]:
    """Return the steps at which a run of `steps` is scored: fractions rounded up, and always the last step."""
    fractions = at if isinstance(at, Sequence) else [at]
    # .07 * 100 is 7.000000000000001: what exceeds a whole step by rounding alone is that step.
    return sorted({min(steps, ceil(fraction * steps * (1 - 1e-12))) for fraction in fractions} | {steps})


def state_steps(keep: Sequence[float], steps: int) -> list[int]:
    """Return the steps after which the states of a run of `steps` are kept: fractions rounded up, as for scores."""
    return sorted({step for fraction in keep for step in scored_steps(fraction, steps)[:1]})


def frame_steps(frames: int, steps: int) -> list[int]:
    """Return the steps whose samples make an animation of so many frames: evenly spaced, the first and last included.

    Fewer where a run has fewer steps.
    """
    return sorted({round(k * steps / (frames - 1)) for k in range(frames)}) if frames else []


def schema() -> Plain:
    """Return the JSON schema (draft 2020-12) of a suite file, for editors. Names stand in it as free text."""
    plain = Suite.model_json_schema()
    plain["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    tidy: Plain = {**_tidy(plain), "title": "A suite of the GAN harness"}
    for table in ("architectures", "datasets", "objectives", "scales"):
        for holder in (tidy, tidy["$defs"]["Body"]):
            if table in holder["properties"]:
                holder["properties"][table]["propertyNames"] = dict(kinds.NAMED.json)
    return tidy


def _tidy(node: Any) -> Any:
    """Drop the titles that repeat a key and the defaults that mean "not said"."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    own = {key: value for key, value in node.items() if not (key == "default" and _is_empty(value))}
    return {key: _tidy(value) for key, value in own.items() if not (key == "title" and isinstance(value, str))}


def _is_empty(default: Any) -> bool:
    return all(value is None for value in default.values()) if isinstance(default, dict) else default in (None, [])
