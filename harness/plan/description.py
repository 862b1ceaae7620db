"""The values of what a plan holds and can show, which `harness plan` prints. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.plan.estimate import Estimate
from harness.store.plan_file import Json

if TYPE_CHECKING:
    from harness.statistics.power import Power  # which imports scipy


@dataclass(frozen=True)
class Cell:
    """A data set x architecture x objective x swept values, and how many seeds it has."""

    dataset: str
    architecture: str
    objective: str
    sweep: Json
    seeds: int


@dataclass(frozen=True)
class StackCounts:
    """How many stacks hold a planned run, and how many one that is to be trained."""

    all: int
    unfinished: int = 0


@dataclass(frozen=True)
class Continued:
    """Runs left to train that go on from finished ones of `length` steps, after `step`."""

    runs: int
    length: int
    step: int


@dataclass(frozen=True)
class ScoredRuns:
    """At which steps the runs of so many steps are scored."""

    steps: int
    at: Sequence[int]


@dataclass(frozen=True)
class Scoring:
    """How runs are scored.

    samples       drawn of each run at each scored step
    held_out      the images of each data set that holds fewer out: its runs are scored on these
    on_train      data sets that hold none out: their runs are scored against the images that they train on
    few_for_fid   on how few images each data set is scored that takes more for FID in an extractor's features
    weak          by data set, the held-out errors of extractors too weak for what images are ranked on
    plugged       names of the metrics of plug-ins
    """

    samples: int
    runs_of: Sequence[ScoredRuns]
    held_out: Mapping[str, int]
    on_train: Sequence[str]
    few_for_fid: Mapping[str, int]
    weak: Mapping[str, Mapping[str, float]]
    plugged: Sequence[str]


@dataclass(frozen=True)
class RecipeUse:
    """A paper's recipe as far as some run follows it.

    keys        the settings at the paper's value in some run
    in_part     those of them that have another value in other runs
    overrides   defaults of a plug-in that its recipe replaces, {name: [default, value]}
    """

    source: str
    keys: Sequence[str]
    in_part: Sequence[str]
    overrides: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class SettingsRow:
    """Each value that a setting of an objective takes in some run, on one kind of data.

    `hyper` has those that are the objective's and its tricks' own. `papers` are those of all components of the runs.
    """

    objective: str
    base: str
    kind: str
    critic_lr: Sequence[float]
    generator_lr: Sequence[float]
    beta1: Sequence[float]
    beta2: Sequence[float]
    optimizer: Sequence[str]
    n_critic: Sequence[Any]
    hyper: Mapping[str, Sequence[Any]]
    recipe: RecipeUse | None = None
    papers: Sequence[Json] = ()


@dataclass(frozen=True)
class PrimaryFamily:
    """All pairs of objectives over the tasks that all of them have, and the smallest p that they can reach."""

    objectives: int
    pairs: int
    tasks: int
    tasks_needed: int | None
    smallest_p: float | None
    smallest_p_corrected: float | None


@dataclass(frozen=True)
class CellTest:
    """The smallest p of a test over the seeds of a cell, before any correction."""

    seeds: int
    smallest_p: float
    exploratory: bool = True


@dataclass(frozen=True)
class SharesTest:
    """The smallest p by which a study can tell shares of its space apart; None where trials repeat each other.

    `distinct` is the fewest settings of an objective, `trials_needed` how many trials p <= .05 takes.
    """

    pairs: int
    distinct: int
    smallest_p: float | None
    smallest_p_corrected: float | None
    trials_needed: int


@dataclass(frozen=True)
class Conclusions:
    """What can be concluded from a plan's results.

    grids      the size of the smallest grid of every swept number
    compared   objectives, architectures or settings: what a report compares; critics, where no generator learns
    shares     of a study that tests them
    """

    primary: PrimaryFamily
    cell: CellTest
    grids: Mapping[str, int]
    compared: str
    shares: SharesTest | None = None


@dataclass(frozen=True)
class Description:
    """A plan for people: what is trained, how much of it, with which settings, and what it can show.

    It is of the whole plan; but `to_train`, `finished`, `lost`, `continued`, `anew`, `cost` and the unfinished stacks
    are of the runs that `--only` selects.

    read        what was read of each file or folder of a data set, a phrase by the data set
    pictures    data sets whose samples are images
    data_axes   swept names that belong to data sets: each of their values makes a task of its own
    planned     rows of the plan; distinct: of runs; merged: asked for twice under the same labels
    seeds       the numbers of seeds that cells have
    lost        runs that failed before, which `harness run` leaves to `harness retry`
    left_out    runs that `--only` leaves out, finished or not
    continued   runs that go on from finished ones of other lengths
    anew        why others train from scratch, though such a run has finished: how many by the reason
    cost, power   where they were asked for
    """

    suite: str
    question: str
    datasets: Sequence[str]
    pictures: Sequence[str]
    read: Mapping[str, str]
    architectures: Sequence[str]
    objectives: Sequence[str]
    swept: Mapping[str, Sequence[Any]]
    study: Json | None
    data_axes: Sequence[str]
    planned: int
    distinct: int
    merged: int
    cells: Sequence[Cell]
    seeds: Sequence[int]
    stacks: StackCounts
    scored: Scoring
    settings: Sequence[SettingsRow]
    conclusions: Conclusions
    finished: int = 0
    to_train: int = 0
    lost: int = 0
    left_out: int = 0
    continued: Sequence[Continued] = field(default_factory=list)
    anew: Mapping[str, int] = field(default_factory=dict)
    cost: Estimate | None = None
    power: "Power | None" = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data, with `cost` and `power` where there are some."""
        plain = asdict(replace(self, cells=())) | {"cells": [vars(cell) for cell in self.cells]}
        return {name: value for name, value in plain.items() if value is not None or name not in ("cost", "power")}
