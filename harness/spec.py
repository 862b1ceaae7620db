"""RunSpec: one fully resolved training run, and the address its content gives it. Task: what runs are compared on."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.errors import HarnessError

ENGINE_VERSION = 2  # raised when the engine's numerics change, so that old records are not taken for new ones

WIDEST = 2**63  # a whole number that a column of a table takes is below
MAX_COUNT = 10**9  # steps, samples, updates
MAX_NUMBER = 1e30  # networks compute in 32 bits, which end at 3e38, and with sums and multiples
KINDS = ("dataset", "architecture", "objective")  # of components that a run has one each of


@dataclass(frozen=True)
class Setup:
    """Everything that fixes shapes and control flow: names, integers, schedules. Runs that share it train as one stack.

    `data`, `generator`, `critic` and `tricks` hold the non-float parameters of those components; `train` holds
    steps, batch, optimizer, n_critic, schedule, pack, constrain and generator ("trained" or "fixed"), and where they
    are set micro_batch, compile, tf32 and the penalty that is added to the objective; `versions` holds the version of
    every component by name, and the engine's.
    """

    dataset: str
    architecture: str
    objective: str
    data: Mapping[str, Any] = field(default_factory=dict)
    generator: Mapping[str, Any] = field(default_factory=dict)
    critic: Mapping[str, Any] = field(default_factory=dict)
    tricks: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSpec:
    """One training run: a Setup, the floats that may differ within a stack, and a seed.

    `hyper` holds critic_lr, generator_lr, beta1, beta2, the objective's own ("gp_weight"), the data set's with the
    prefix "data." ("data.sd") and each trick's with its name ("ema.decay").
    """

    setup: Setup
    hyper: Mapping[str, float]
    seed: int

    @cached_property
    def run_id(self) -> str:
        """First 16 hex digits of the sha256 of the canonical JSON: the same run has the same id everywhere."""
        return content_id(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the plain form that is hashed, stored and sent to workers."""
        return {
            "setup": dict(vars(self.setup)),
            "hyper": {k: float(v) for k, v in self.hyper.items()},
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "RunSpec":
        """Invert `to_json`."""
        return cls(Setup(**plain["setup"]), dict(plain["hyper"]), plain["seed"])


@dataclass(frozen=True)
class Task:
    """What objectives are compared on: a data set, an architecture and every swept value of the data, by its name.

    Where architectures compete, the objective that they train stands in the place of `architecture`.
    """

    dataset: str
    architecture: str
    data: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        """Return "ring / mlp, theta=0.5"."""
        return f"{self.dataset} / {self.architecture}{self._values}"

    @property
    def data_label(self) -> str:
        """Return "ring, theta=0.5"."""
        return f"{self.dataset}{self._values}"

    @property
    def _values(self) -> str:
        return "".join(f", {name}={value}" for name, value in self.data)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys, no spaces and no NaN: equal content, equal text.

    Raises HarnessError where a number is not finite.
    """
    try:
        return _ENCODER.encode(_canonical(value))
    except ValueError as error:
        raise HarnessError(f"a number that is not finite cannot be part of a run: {error}") from None


def content_id(value: Any) -> str:
    """Return the first 16 hex digits of the sha256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:
    """Write whole floats as integers (1.0 and 1 are one number) and tuples as lists."""
    if isinstance(value, float):  # most of them are: a look at an abstract class takes longest
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    return value
