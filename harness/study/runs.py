"""The runs of a trial: one for every task and seed, with the trial's settings over everything that the suite says."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.errors import HarnessError
from harness.suite.expand import Expansion, PlannedRun, all_triples, drawn, drawn_names, seeded
from harness.suite.format import Suite
from harness.suite.plugins import tables
from harness.suite.resolve import Resolved, resolve
from harness.suite.settings import Triple
from harness.wording import plain


class Trial(NamedTuple):
    """Settings of an objective, and their place among its trials."""

    objective: str
    number: int
    params: dict[str, Any]


class Planner:
    """Plans the runs of a suite's trials. Raises HarnessError where settings that were drawn contradict each other.

    names   the settings that each objective draws, by its name in the suite, in the order of the matrix
    """

    def __init__(self, suite: Suite) -> None:
        self._tables = tables()
        self._triples: dict[str, list[Triple]] = {}
        for triple in all_triples(suite, self._tables)[0]:
            self._triples.setdefault(triple.objective.label, []).append(triple)
        self._setups: dict[str, Resolved] = {}  # runs share theirs
        self.names = {objective: sorted(drawn_names(triples[0])) for objective, triples in self._triples.items()}

    def runs(self, trial: Trial, seeds: Sequence[int]) -> list[PlannedRun]:
        """Return the runs of a trial, by task, seeds innermost."""
        found: list[PlannedRun] = []
        for triple in self._triples[trial.objective]:
            choice = drawn(triple, trial.params)
            try:
                resolved = resolve(triple, choice.values, self._tables)
            except HarnessError as error:
                settings = ", ".join(f"{name}={plain(value)}" for name, value in trial.params.items())
                raise HarnessError(f"study: {settings} was drawn for '{trial.objective}': {error}") from None
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
