"""A study's space as Optuna has it."""

from collections.abc import Iterable

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from harness.suite.format.study_block import Range, Study


def distributions(study: Study, names: Iterable[str]) -> dict[str, BaseDistribution]:
    """Return the distribution of every setting of the space that is among `names`, in alphabetical order: that of keys
    in the file does not matter.
    """
    return {name: _distribution(study.space[name]) for name in sorted(names)}


def _distribution(where: Range) -> BaseDistribution:
    if where.choices is not None:
        return CategoricalDistribution(where.choices)
    if where.whole:
        return IntDistribution(where.low, where.high, log=where.log)
    return FloatDistribution(float(where.low), float(where.high), log=where.log)
