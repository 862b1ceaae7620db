"""The runs of a trial: one for every task and seed, with the trial's settings over everything that the suite says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.plugins.components import tables
from harness.suite.checks.refusals import Seen, resolved_or_refused
from harness.suite.checks.study_check import at_space
from harness.suite.expand import Expansion, PlannedRun, all_triples, drawn, drawn_names, seeded
from harness.suite.format.models import Suite
from harness.suite.format.problems import Refused
from harness.suite.resolve import Resolved
from harness.suite.settings import Triple


class Trial(NamedTuple):
    """Settings of an objective, and their place among its trials."""

    objective: str
    number: int
    params: dict[str, Any]


class Planner:
    """Plans the runs of a suite's trials. Raises Refused where settings that were drawn cannot be trained together.

    names   the settings that each objective draws, by its name in the suite, in the order of the matrix
    """

    def __init__(self, suite: Suite) -> None:
        self._suite, self._tables = suite, tables()
        self._triples: dict[str, list[Triple]] = {}
        for triple in all_triples(suite, self._tables)[0]:
            self._triples.setdefault(triple.objective.label, []).append(triple)
        self._setups: dict[str, Resolved] = {}  # runs share theirs
        self._before: Seen = set()
        self.names = {objective: sorted(drawn_names(triples[0])) for objective, triples in self._triples.items()}

    def runs(self, trial: Trial, seeds: Sequence[int]) -> list[PlannedRun]:
        """Return the runs of a trial, by task, seeds innermost."""
        found: list[PlannedRun] = []
        for triple in self._triples[trial.objective]:
            choice = drawn(triple, trial.params)
            resolved, wrong = resolved_or_refused(triple, choice.values, self._tables, self._before)
            if resolved is None or wrong:
                raise Refused(at_space(self._suite, triple, choice.sweep, wrong, self._tables))
            shared = self._setups.setdefault(resolved.text, resolved)
            found += seeded(triple, choice, shared, resolved.hyper, seeds)
        return found

    def ids(self, trial: Trial, seeds: Sequence[int]) -> list[str]:
        """Return the ids of the runs of a trial."""
        return [run.run_id for run in self.runs(trial, seeds)]

    def plain(self, trial: Trial, seeds: Sequence[int]) -> dict[str, Any]:
        """Return a trial with the ids of its runs, in plain data."""
        return {**trial._asdict(), "runs": self.ids(trial, seeds)}

    def expansion(self, trials: Iterable[tuple[Trial, Sequence[int]]]) -> Expansion:
        """Return the runs of trials on seeds, each once; trials with the same settings share theirs."""
        asked = [run for trial, seeds in trials for run in self.runs(trial, seeds)]
        kept: Mapping[Any, PlannedRun] = {
            (run.objective, run.dataset, run.architecture, run.run_id): run for run in asked
        }
        return Expansion(list(kept.values()), len(asked) - len(kept))
