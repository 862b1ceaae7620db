"""The next trials of a study, asked of Optuna, which keeps nothing: the same history gives the same trials."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler

from harness.study.search_space import distributions
from harness.suite.format.study_block import Study

Params = dict[str, Any]


def points(study: Study, names: Iterable[str], start: int, stop: int) -> list[Params]:
    """Return the settings of the trials from `start` to before `stop`, of a sampler that learns nothing.

    They depend on the space, the seed and their place alone: a longer list begins with the shorter.
    """
    assert study.sampler != "tpe", "it learns"
    if start >= stop:
        return []
    with quiet():
        if study.sampler == "random":
            return _asked(study, names, RandomSampler(seed=_seed(study)), stop)[start:]
        # Optuna's first trial is none of the sequence; scrambled, the sequence does not begin in a corner of the space.
        sampler = QMCSampler(qmc_type="sobol", scramble=True, seed=_seed(study))
        return _asked(study, names, sampler, stop + 1)[start + 1 :]


def learnt(study: Study, names: Iterable[str], told: Sequence[tuple[Params, float]], n: int) -> list[Params]:
    """Return the settings of `n` trials at once by TPE, which is told all trials before with their values.

    Trials of one batch are kept apart: each is taken for a bad one by those after it.
    """
    with quiet():
        sampler = TPESampler(seed=_seed(study, len(told)), constant_liar=True)
        return _asked(study, names, sampler, n, told)


def _asked(
    study: Study, names: Iterable[str], sampler: BaseSampler, n: int, told: Sequence[tuple[Params, float]] = ()
) -> list[Params]:
    search, space = optuna.create_study(direction="maximize", sampler=sampler), distributions(study, names)
    for params, value in told:
        search.add_trial(optuna.create_trial(params=params, distributions=space, value=value))
    asked = [search.ask(space).params for _ in range(n)]
    return [{name: _said(value, space[name]) for name, value in params.items()} for params in asked]


def _said(value: Any, where: BaseDistribution) -> Any:
    """Return a value as it can be said, copied and typed: of a fraction four digits, within its bounds."""
    return min(max(float(f"{value:.4g}"), where.low), where.high) if isinstance(where, FloatDistribution) else value


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from telling of studies that last one call, and of interfaces that a later version may change."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


def _seed(study: Study, *more: int) -> int:
    """Return 32 bits that depend on every number given: neighbouring seeds give unrelated trials."""
    return int.from_bytes(hashlib.sha256(repr((study.seed, *more)).encode()).digest()[:4], "big")
