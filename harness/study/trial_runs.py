"""The runs of a trial: one for every task and seed, with the trial's settings over everything that the suite says."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.errors import Problem, SuiteError
from harness.store.plan_file import PlannedTrial
from harness.study.trial_sampling import Params
from harness.suite.checks.study_check import at_space
from harness.suite.expand import ExpandedRun, Expansion, drawn, drawn_names, seeded
from harness.suite.format.models import Suite
from harness.suite.matrix import matrix_of
from harness.suite.resolve import Resolved
from harness.suite.settings import Triple


class Trial(NamedTuple):
    """Settings of an objective, and their place among its trials."""

    objective: str
    number: int
    params: Params


class Planner:
    """Plans the runs of a suite's trials. Raises SuiteError where settings that were drawn cannot be trained together.

    names   the settings that each objective draws, by its name in the suite, in the order of the matrix
    """

    def __init__(self, suite: Suite) -> None:
        self._matrix = matrix_of(suite)
        self._triples: dict[str, list[Triple]] = {}
        for triple in self._matrix.triples:
            self._triples.setdefault(triple.objective.label, []).append(triple)
        self._setups: dict[str, Resolved] = {}  # runs share theirs
        self.names = {objective: sorted(drawn_names(triples[0])) for objective, triples in self._triples.items()}

    def runs(self, trial: Trial, seeds: Sequence[int]) -> list[ExpandedRun]:
        """Return the runs of a trial, by task, seeds innermost."""
        runs: list[ExpandedRun] = []
        for triple in self._triples[trial.objective]:
            choice = drawn(triple, trial.params)
            resolved = self._matrix.resolved(triple, choice.values)
            problems = self._matrix.refusals(triple, choice.values)
            if isinstance(resolved, Problem) or problems:
                raise SuiteError(at_space(self._matrix, triple, choice.sweep, problems))
            shared = self._setups.setdefault(resolved.text, resolved)
            runs += seeded(triple, choice, shared, resolved.hyper, seeds)
        return runs

    def ids(self, trial: Trial, seeds: Sequence[int]) -> list[str]:
        """Return the ids of the runs of a trial."""
        return [run.run_id for run in self.runs(trial, seeds)]

    def planned(self, trial: Trial, seeds: Sequence[int]) -> PlannedTrial:
        """Return a trial with the ids of its runs."""
        return PlannedTrial(*trial, self.ids(trial, seeds))

    def expansion(self, trials: Iterable[tuple[Trial, Sequence[int]]]) -> Expansion:
        """Return the runs of trials on seeds, each once; trials with the same settings share theirs."""
        runs = [run for trial, seeds in trials for run in self.runs(trial, seeds)]
        distinct = {(run.objective, run.dataset, run.architecture, run.run_id): run for run in runs}
        return Expansion(list(distinct.values()), len(runs) - len(distinct))
