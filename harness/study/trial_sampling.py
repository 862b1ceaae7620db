"""The next trials of a study, asked of Optuna, which keeps nothing: the same history gives the same trials."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler

from harness.suite.format.study_block import Range, Study

Params = dict[str, Any]
History = Sequence[tuple[Params, float]]  # trials that have ended, with their values


def distributions(study: Study, names: Iterable[str]) -> dict[str, BaseDistribution]:
    """Return Optuna's distribution of each of these settings, sorted: the order of keys in the file does not matter."""
    return {name: _distribution(study.space[name]) for name in sorted(names)}


def _distribution(domain: Range) -> BaseDistribution:
    if domain.choices is not None:
        return CategoricalDistribution(domain.choices)
    if domain.whole:
        return IntDistribution(domain.low, domain.high, log=domain.log)
    return FloatDistribution(float(domain.low), float(domain.high), log=domain.log)


def points(study: Study, names: Iterable[str], start: int, stop: int) -> list[Params]:
    """Return the settings of the trials from `start` to before `stop`, of a sampler that learns nothing.

    They depend on the space, the seed and their place alone: a longer list begins with the shorter.
    """
    assert study.sampler != "tpe", "it learns"
    if start >= stop:
        return []
    with quiet():
        if study.sampler == "random":
            return _ask(study, names, RandomSampler(seed=_seed(study)), stop)[start:]
        # Optuna's first trial is none of the sequence; scrambled, the sequence does not begin in a corner of the space.
        sampler = QMCSampler(qmc_type="sobol", scramble=True, seed=_seed(study))
        return _ask(study, names, sampler, stop + 1)[start + 1 :]


def learnt(study: Study, names: Iterable[str], history: History, n: int) -> list[Params]:
    """Return the settings of `n` trials at once by TPE, which learns from all trials before.

    Trials of one batch are kept apart: each is taken for a bad one by those after it.
    """
    with quiet():
        sampler = TPESampler(seed=_seed(study, len(history)), constant_liar=True)
        return _ask(study, names, sampler, n, history)


def _ask(study: Study, names: Iterable[str], sampler: BaseSampler, n: int, history: History = ()) -> list[Params]:
    search, space = optuna.create_study(direction="maximize", sampler=sampler), distributions(study, names)
    for params, value in history:
        search.add_trial(optuna.create_trial(params=params, distributions=space, value=value))
    drawn = [search.ask(space).params for _ in range(n)]
    return [{name: _rounded(value, space[name]) for name, value in params.items()} for params in drawn]


def _rounded(value: Any, domain: BaseDistribution) -> Any:
    """Round a fraction to four digits, within its bounds, so that it can be copied and typed."""
    if isinstance(domain, FloatDistribution):
        return min(max(float(f"{value:.4g}"), domain.low), domain.high)
    return value


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's messages on studies that last one call, and on interfaces that a later version may change."""
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
