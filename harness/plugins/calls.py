"""One function called on two invented runs: stacked, each alone, and twice. What differs is a fault, in a sentence.

First in float64, to 1e-9. A function may be made for float32, in which runs train: what is wrong is told where it is
wrong in float32 as well, to 1e-4.
"""

import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from harness.plugins.where import place, where_raised

RUNS = 2
PASSES = ((torch.float64, 1e-9), (torch.float32, 1e-4))


class Setting(NamedTuple):
    """What the runs that a function serves have: samples a pass, a sample's shape, whether they run under torch.vmap,
    and their floats."""

    batch: int
    shape: tuple[int, ...]
    lifted: bool
    hyper: dict[str, float]


@dataclass(frozen=True)
class Called:
    """A function of an entry and what it is called on.

    call      (inputs of one run, or of a stack; "plain", or "vmap" inside it) -> tensors, what the function returns
    inputs    trees of tensors by name, with the axis [runs] in front
    leaves    the inputs of which a gradient must reach each that changes the value
    shapes    of one run's result, tensor by tensor; None: any
    in_place  whether it may change its arguments     stacks    whether it serves a stack of runs
    vanishes  whether the result is the difference between a slope written out and the scores' own: 0
    """

    role: str
    function: Any
    call: Callable[[Mapping[str, Any], str], Any]
    inputs: Mapping[str, Any]
    leaves: Sequence[str] = ()
    shapes: Sequence[tuple[int, ...]] | None = ((),)
    in_place: bool = False
    needed: str = "one number"
    may_be_constant: bool = False
    stacks: bool = True
    vanishes: bool = False
    hints: Mapping[str, str] = field(default_factory=dict)  # by stage of the trial, what to do


class Found(NamedTuple):
    """What a call returned, and the gradients of its sum: None where none arrives."""

    values: list[Tensor]
    grads: list[Tensor | None]


class Undeclared(KeyError):
    """A name that an entry reads and does not declare."""


class Declared(dict[str, Tensor]):
    """Values by name, as a function is given them; another name is told with those that there are."""

    def __init__(self, what: str, values: Mapping[str, Tensor], offered: Sequence[str]) -> None:
        super().__init__(values)
        self.what, self.offered = what, offered

    def __missing__(self, key: str) -> Tensor:
        has = f"its entry declares {', '.join(self.offered)}" if self.offered else "its entry declares none"
        raise Undeclared(f"reads {self.what}[{key!r}], and {has}")


class Wrong(Exception):
    """What is wrong with a function, in words that follow its name."""


def fault(called: Called, setting: Setting) -> str:
    """Return what is wrong with a function in a sentence, "" where nothing is."""
    said = ""
    for dtype, tolerance in PASSES:
        with _quiet(dtype):
            try:
                _try(_cast(called, dtype), setting, tolerance)
                return ""
            except Wrong as wrong:
                said = str(wrong)
    return f"its {called.role} {place(called.function)} {said}."


def _try(called: Called, setting: Setting, tolerance: float) -> None:
    alone = [_guarded(called, one(called.inputs, i), "one run") for i in range(RUNS)]
    for found in alone:
        _refuse_shapes(called, found.values, ())
    for i, found in enumerate(alone):
        _refuse_memory(called, one(called.inputs, i), found)
        _refuse_dead(called, found)
        _refuse_cut(called, one(called.inputs, i), found)
        if called.vanishes:
            _refuse_difference(called, found, tolerance)
    if not called.stacks:
        return
    stacked = _lifted(called) if setting.lifted else _guarded(called, called.inputs, f"{RUNS} runs stacked")
    if not setting.lifted:
        _refuse_shapes(called, stacked.values, (RUNS,))
    for i, found in enumerate(alone):
        _refuse_mixing(called, setting, (found, one(stacked, i), i), tolerance)


def one(tree: Any, run: int) -> Any:
    """Return one run's part of a tree of tensors."""
    return tree_map(lambda x: x[run] if isinstance(x, Tensor) and x.ndim else x, tree)


def _cloned(leaf: Any) -> Any:
    """Return a copy of a tensor; anything else as it is: a trick may remember nothing, None."""
    return leaf.clone() if isinstance(leaf, Tensor) else leaf


def _guarded(called: Called, inputs: Mapping[str, Any], on: str) -> Found:
    """Call it, in words that a user understands where it cannot be called, or does what it must not."""
    given = tree_map(_cloned, inputs)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # type: ignore[index]
    try:
        found = _evaluated(called, given)
    except Undeclared as error:
        raise Wrong(str(error.args[0])) from None
    except Exception as error:
        raise Wrong(_raised(called, error, on)) from None
    same = torch.equal(torch.get_rng_state(), before[0]) and random.getstate() == before[1]
    if not (same and np.array_equal(np.random.get_state()[1], before[2])):  # type: ignore[index]
        raise Wrong(f"draws random numbers of its own{_hint(called, 'random')}")
    pairs = zip(tree_leaves(given), tree_leaves(inputs), strict=True)
    changed = [isinstance(a, Tensor) and not torch.equal(a, b) for a, b in pairs]
    if any(changed) and not called.in_place:
        raise Wrong("changes its arguments in place; work on a copy")
    return found


def _evaluated(called: Called, inputs: Mapping[str, Any]) -> Found:
    with torch.enable_grad():
        given = dict(inputs)
        leaves = {name: given[name].requires_grad_() for name in called.leaves}
        values = tree_leaves(called.call(given, "plain"))
        if called.may_be_constant:
            values = [torch.tensor(float(v)) if isinstance(v, int | float) else v for v in values]
        for value in values:
            if not isinstance(value, Tensor):
                raise Wrong(f"returns {_kind(value)}, where a tensor of {called.needed} a run is needed")
        total = sum(value.sum() for value in values if value.requires_grad)
        grads: Sequence[Tensor | None] = [None] * len(leaves)
        if leaves and isinstance(total, Tensor):
            grads = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    for leaf in leaves.values():
        leaf.requires_grad_(False)
    return Found([value.detach() for value in values], [None if g is None else g.detach() for g in grads])


def _raised(called: Called, error: Exception, on: str) -> str:
    if isinstance(error, Wrong):
        return str(error)
    said = " ".join(str(error).split()).rstrip(".")
    text = f"raises {type(error).__name__} on {on}{where_raised(called.function, error)}: {said[:200]}"
    return text + (_hint(called, "stacked") if "stacked" in on else _hint(called, "alone"))


def _hint(called: Called, stage: str) -> str:
    return f"; {called.hints[stage]}" if stage in called.hints else ""


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _refuse_shapes(called: Called, values: Sequence[Tensor], runs: tuple[int, ...]) -> None:
    if called.shapes is None:
        return
    got, needed = [tuple(value.shape) for value in values], [(*runs, *shape) for shape in called.shapes]
    if got == needed or (called.may_be_constant and all(not value.any() for value in values)):
        return
    on = f"{RUNS} runs stacked" if runs else "one run"
    wants = f"{called.needed} a run" if called.shapes == ((),) else f"shape {_shapes(needed)}"
    raise Wrong(f"returns {_shapes(got)} for {on}, where {wants} is needed{_hint(called, 'shape')}")


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    if not shapes:
        return "nothing"
    return " and ".join(str(list(shape)) if shape else "a single number" for shape in shapes)


def _refuse_memory(called: Called, inputs: Mapping[str, Any], first: Found) -> None:
    """Raise Wrong where a second call on the same input gives something else."""
    second = _guarded(called, inputs, "one run")
    if not _same(first, second, 0.0):
        raise Wrong(f"returns something else when it is called again on the same input{_hint(called, 'random')}")


def _refuse_dead(called: Called, found: Found) -> None:
    if not all(bool(value.isfinite().all()) for value in found.values if value.is_floating_point()):
        raise Wrong(f"returns {_not_finite(found.values)} on values around 0{_hint(called, 'finite')}")
    if called.leaves and all(grad is None for grad in found.grads):
        if called.may_be_constant and all(not value.any() for value in found.values):
            return
        raise Wrong(f"gives no gradient{_hint(called, 'gradient')}")
    if any(grad is not None and not bool(grad.isfinite().all()) for grad in found.grads):
        raise Wrong("has a gradient that is not a finite number on values around 0")


def _refuse_cut(called: Called, inputs: Mapping[str, Any], found: Found) -> None:
    """Raise Wrong where an input changes the value and has no gradient of it: half a loss would train nothing."""
    for name, grad in zip(called.leaves, found.grads, strict=True):
        if grad is None:
            other = _guarded(called, {**inputs, name: inputs[name] * 0.5}, "one run")
            if not _same(Found(found.values, []), Found(other.values, []), 0.0):
                raise Wrong(f"gives no gradient to its input {name!r}, on which it depends{_hint(called, 'gradient')}")


def _refuse_difference(called: Called, found: Found, tolerance: float) -> None:
    """Raise Wrong where a slope is not that of the scores, or a penalty on it would have another gradient."""
    if not all(_close(torch.zeros_like(x), x, tolerance) for x in found.values):
        raise Wrong("is not the derivative of the scores")
    if not all(_close(torch.zeros_like(x), x, tolerance) for x in found.grads if x is not None):
        raise Wrong(f"has another gradient than the derivative of the scores{_hint(called, 'gradient')}")


def _not_finite(values: Sequence[Tensor]) -> str:
    return "nan" if any(bool(value.isnan().any()) for value in values) else "infinity"


def _refuse_mixing(called: Called, setting: Setting, pair: tuple[Found, Found, int], tolerance: float) -> None:
    """Raise Wrong where a run has other values or gradients in a stack than alone."""
    alone, stacked, run = pair
    if _same(alone, stacked, tolerance):
        return
    what = "gradient" if _same(Found(alone.values, []), Found(stacked.values, []), tolerance) else "value"
    figures = ""
    if what == "value" and all(value.ndim == 0 for value in (*alone.values, *stacked.values)):
        figures = f" ({float(stacked.values[0]):.4g} and {float(alone.values[0]):.4g})"
    why = "it reduces over the wrong axis"
    if what == "gradient" or (not setting.lifted and _depends_on_neighbours(called, run, stacked, tolerance)):
        why = "it mixes the runs of a stack"
    raise Wrong(f"gives a run another {what} in a stack than alone{figures}: {why}{_hint(called, 'axis')}")


def _depends_on_neighbours(called: Called, run: int, before: Found, tolerance: float) -> bool:
    """Whether what a run gets in a stack changes with the inputs of the others."""

    def others(x: Any) -> Any:
        if not (isinstance(x, Tensor) and x.ndim and x.is_floating_point()):
            return x
        return torch.where(torch.arange(RUNS).reshape(RUNS, *[1] * (x.ndim - 1)) == run, x, x * 0.5)

    return not _same(before, one(_guarded(called, tree_map(others, called.inputs), "runs stacked"), run), tolerance)


def _same(a: Found, b: Found, tolerance: float) -> bool:
    """Whether two calls gave the same; a gradient that does not arrive is one of zeros."""
    pairs = list(zip(a.values, b.values, strict=True))
    pairs += [(_or_zero(x, y), _or_zero(y, x)) for x, y in zip(a.grads, b.grads, strict=True)]
    return all(_close(x, y, tolerance) for x, y in pairs)


def _or_zero(grad: Tensor | None, other: Tensor | None) -> Tensor:
    return grad if grad is not None else torch.zeros(()) if other is None else torch.zeros_like(other)


def _close(x: Tensor, y: Tensor, tolerance: float) -> bool:
    if x.shape != y.shape:  # zeros that a constant stands for
        return not (x.any() or y.any())
    x, y = x.double(), y.double()
    scale = max(float(x.nan_to_num(0.0, 0.0, 0.0).abs().max()), 1.0) if x.numel() else 1.0
    return torch.allclose(x, y, rtol=0.0, atol=tolerance * scale, equal_nan=True)


def _lifted(called: Called) -> Found:
    """Call it as the engine calls it for an architecture that runs under torch.vmap."""

    def run(leaves: dict[str, Tensor], rest: dict[str, Any]) -> tuple[list[Tensor], list[Tensor]]:
        def total(leaves: dict[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
            values = tree_leaves(called.call({**rest, **leaves}, "vmap"))
            return sum((value.sum() for value in values if value.is_floating_point()), torch.zeros(())), values

        grads, values = torch.func.grad(total, has_aux=True)(leaves)
        return values, list(grads.values())

    leaves = {name: called.inputs[name] for name in called.leaves}
    rest = {name: tree for name, tree in called.inputs.items() if name not in leaves}
    try:
        values, grads = torch.vmap(run, out_dims=0)(leaves, rest)
    except Exception as error:
        text = _raised(called, error, "runs under torch.vmap, as this architecture runs")
        raise Wrong(text + _hint(called, "lifted")) from None
    return Found([value.detach() for value in values], [grad.detach() for grad in grads])


def _cast(called: Called, dtype: torch.dtype) -> Called:
    def cast(x: Any) -> Any:
        return x.to(dtype) if isinstance(x, Tensor) and x.is_floating_point() else x

    return Called(**{**called.__dict__, "inputs": tree_map(cast, dict(called.inputs))})


@contextmanager
def _quiet(dtype: torch.dtype) -> Iterator[None]:
    """Leave no trace in the process: its default dtype, random states, warnings."""
    kept, states = torch.get_default_dtype(), (random.getstate(), np.random.get_state())
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_default_dtype(dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(kept)
            random.setstate(states[0])
            np.random.set_state(states[1])
