"""The `study:` block of a suite file: which settings are drawn from where, how many times, and on which seeds."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from harness.errors import KeyPath
from harness.hints import quoted
from harness.suite.format.values import (
    CHOICE,
    MAX_CHOICES,
    MAX_TRIALS,
    NUMBER,
    SEEDS,
    TRUTH,
    is_whole,
    one_of,
    seed_list,
    whole,
)

FIRST_SEED = 100  # of tuning, so that the seeds of a suite, 0 and up, are fresh
Seeds = Annotated[Any, SEEDS]


class Strict(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def described(text: str, default: Any = None) -> Any:
    """Return an optional field: None where the file does not say, or a default."""
    return Field(default=default, description=text)


class Range(Strict):
    """Where one setting is drawn from: between two numbers, or among choices."""

    low: Annotated[Any, NUMBER] = described("the least value")
    high: Annotated[Any, NUMBER] = described("the largest value")
    log: Annotated[Any, TRUTH] = described("drawn evenly on a logarithmic axis", False)
    whole: Annotated[Any, TRUTH] = described("whole numbers alone, both ends among them", False)
    choices: list[Annotated[Any, CHOICE]] = described("the values to choose among, in place of low and high")

    @property
    def is_fraction(self) -> bool:
        """Whether fractions are drawn."""
        return self.choices is None and not self.whole

    def ends(self) -> Iterator[tuple[Any, KeyPath]]:
        """Yield the values that a mistake would show at, and the key of each: both ends, or every choice."""
        if self.choices is not None:
            yield from ((value, ("choices", i)) for i, value in enumerate(self.choices))
        else:
            yield from ((self.low, ("low",)), (self.high, ("high",)))

    def wrong(self) -> str:
        """Return why nothing can be drawn from this, in a sentence; "" where it can."""
        if self.choices is not None:
            if {"low", "high", "log", "whole"} & self.model_fields_set:
                return "choices given beside low, high, log or whole; say one or the other."
            if len(self.choices) > MAX_CHOICES:
                return f"{len(self.choices):,} choices given, at most {MAX_CHOICES:,} needed; draw from a range."
            if len({(isinstance(value, bool), value) for value in self.choices}) < max(2, len(self.choices)):
                return "choices must be two different values or more, each once; 1 and 1.0 are one value."
            return ""
        if self.low is None or self.high is None:
            return "low and high needed, or choices."
        ends = f"low {quoted(self.low)} and high {quoted(self.high)}"
        if not self.low < self.high:
            return f"{ends} given; low must be below high."
        if self.log and self.low <= 0:
            return f"low {quoted(self.low)} given with log: true; a logarithmic axis needs a low above 0."
        if self.whole and not (is_whole(self.low) and is_whole(self.high)):
            return f"{ends} given with whole: true; both must be whole numbers."
        return ""


class StudyChange(Strict):
    """What a scale says of a suite's study, into which it is merged."""

    space: dict[str, Range] = described("what is drawn, by the name that --set has for it")
    trials: Annotated[Any, whole(2, MAX_TRIALS)] = described("trials of every objective")
    sampler: Annotated[Any, one_of("random", "qmc", "tpe")] = described(
        "how they are drawn; random and qmc give every objective the same points", "random"
    )
    seeds: Seeds = described(
        "seeds of every trial: a number (from 100 on), or a list; the suite's own seeds are fresh", 3
    )
    batch: Annotated[Any, whole(1, MAX_TRIALS)] = described(
        "trials of every objective that tpe draws at once; random and qmc draw all", 8
    )
    seed: Annotated[Any, whole(0)] = described("seed of the sampler", 0)


class Study(StudyChange):
    """Settings drawn at random in place of swept ones: the same number of trials for every objective."""

    space: dict[str, Range] = Field(
        description="what is drawn, by the name that --set has for it; an objective draws those that it has"
    )
    trials: Annotated[Any, whole(2, MAX_TRIALS)] = Field(description="trials of every objective")

    @property
    def tuning(self) -> list[int]:
        """The seeds that settings are chosen on."""
        return seed_list(self.seeds, FIRST_SEED)
