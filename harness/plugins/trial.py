"""Plug-ins tried before training: every hook on two invented runs stacked, on each alone, and twice.

First in float64, to 1e-9. A function may be made for float32, in which runs train: what is wrong is told where it is
wrong in float32 as well, to 1e-4.
"""

import dataclasses
import functools
import os
import random
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from harness.errors import Interrupted
from harness.plugins.hooks import RUNS, Hook, Inputs, Setting, Undeclared, hooks_of, setting_of
from harness.spec import Setup

PASSES = ((torch.float64, 1e-9), (torch.float32, 1e-4))


class Result(NamedTuple):
    """What a call returned, and the gradients of its sum: None where none arrives."""

    values: list[Tensor]
    grads: list[Tensor | None]


class Fault(Exception):
    """What is wrong with a function, in words that follow its name."""


def faults(kind: str, name: str, setup: Setup, hyper: Mapping[str, float]) -> list[str]:
    """Return a sentence for every function of an entry that cannot serve runs of this Setup and these floats."""
    setting = setting_of(setup, hyper)
    texts: dict[Callable[..., Any], str] = {}
    for hook in hooks_of(kind, name, setup, setting):
        if not texts.get(hook.function):
            texts[hook.function] = fault(hook, setting)
    return [text for text in texts.values() if text]


def fault(hook: Hook, setting: Setting) -> str:
    """Return what is wrong with a function in a sentence, "" where nothing is."""
    text = ""
    for dtype, tolerance in PASSES:
        with quiet(dtype):
            try:
                _try(_cast(hook, dtype), setting, tolerance)
                return ""
            except Fault as wrong:
                text = str(wrong)
    return f"its {hook.role} {_name(hook.function)} {text}."


def _try(hook: Hook, setting: Setting, tolerance: float) -> None:
    """Raise Fault where a hook gives one run something else than a stack, or what cannot be trained on."""
    inputs = [_one(hook.inputs, run) for run in range(RUNS)]
    alone = [_guarded(hook, given, "one run") for given in inputs]
    for result in alone:
        _refuse_shapes(hook, result.values, ())
    for given, result in zip(inputs, alone, strict=True):
        if not _same(result, _guarded(hook, given, "one run"), 0.0):
            raise Fault(f"returns something else when it is called again on the same input{_hint(hook, 'random')}")
        _refuse_dead(hook, result)
        _refuse_cut(hook, given, result)
        if hook.vanishes:
            _refuse_difference(hook, result, tolerance)
    if not hook.stacks:
        return
    stacked = _lifted(hook) if setting.lifted else _guarded(hook, hook.inputs, f"{RUNS} runs stacked")
    if not setting.lifted:
        _refuse_shapes(hook, stacked.values, (RUNS,))
    for run, result in enumerate(alone):
        if not _same(result, _one(stacked, run), tolerance):
            raise Fault(_difference(hook, setting, (result, stacked, run), tolerance))


def _one(tree: Any, run: int) -> Any:
    """Return one run's part of a tree of tensors."""
    return tree_map(lambda x: x[run] if isinstance(x, Tensor) and x.ndim else x, tree)


def _guarded(hook: Hook, inputs: Inputs, on: str) -> Result:
    """Call it, in words that a user understands where it cannot be called, or does what it must not."""
    given = tree_map(lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, inputs)
    before = random_states()
    try:
        result = _evaluated(hook, given)
    except Undeclared as error:
        raise Fault(str(error.args[0])) from None
    except (Interrupted, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise Fault(_raised(hook, error, on)) from None
    if random_states() != before:
        raise Fault(f"draws random numbers of its own{_hint(hook, 'random')}")
    pairs = zip(tree_leaves(given), tree_leaves(inputs), strict=True)
    if not hook.in_place and any(isinstance(a, Tensor) and not torch.equal(a, b) for a, b in pairs):
        raise Fault("changes its arguments in place; work on a copy")
    return result


def random_states() -> tuple[object, ...]:
    numpy_state: Any = np.random.get_state()
    return bytes(torch.get_rng_state().numpy()), random.getstate(), bytes(numpy_state[1]), numpy_state[2:]


def _evaluated(hook: Hook, inputs: Inputs) -> Result:
    with torch.enable_grad():
        given = dict(inputs)
        leaves = [given[name].requires_grad_() for name in hook.leaves]
        values = tree_leaves(hook.call(given, "plain"))
        if hook.may_be_constant:
            values = [torch.tensor(float(v)) if isinstance(v, int | float) else v for v in values]
        for value in values:
            if not isinstance(value, Tensor):
                kind = "nothing" if value is None else f"a {type(value).__name__}"
                raise Fault(f"returns {kind}, where a tensor of {hook.needed} a run is needed")
        total = sum(value.sum() for value in values if value.requires_grad)
        grads: Sequence[Tensor | None] = [None] * len(leaves)
        if leaves and isinstance(total, Tensor):
            grads = torch.autograd.grad(total, leaves, allow_unused=True)
    for leaf in leaves:
        leaf.requires_grad_(False)
    return Result([value.detach() for value in values], [None if g is None else g.detach() for g in grads])


def _lifted(hook: Hook) -> Result:
    """Call it as the engine calls it for an architecture that runs under torch.vmap."""
    leaves = {name: hook.inputs[name] for name in hook.leaves}
    rest = {name: tree for name, tree in hook.inputs.items() if name not in leaves}

    def run(leaves: dict[str, Tensor], rest: dict[str, Any]) -> tuple[list[Tensor], list[Tensor]]:
        def total(leaves: dict[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
            values = tree_leaves(hook.call({**rest, **leaves}, "vmap"))
            return sum((value.sum() for value in values if value.is_floating_point()), torch.zeros(())), values

        grads, values = torch.func.grad(total, has_aux=True)(leaves)
        return values, list(grads.values())

    try:
        values, grads = torch.vmap(run, out_dims=0)(leaves, rest)
    except Exception as error:
        text = _raised(hook, error, "runs under torch.vmap, as this architecture runs")
        raise Fault(text + _hint(hook, "lifted")) from None
    return Result([value.detach() for value in values], [grad.detach() for grad in grads])


def _raised(hook: Hook, error: BaseException, on: str) -> str:
    if isinstance(error, Fault):
        return str(error)
    words = " ".join(str(error).split()).rstrip(".")[:200]
    text = f"raises {type(error).__name__} on {on}{_where_raised(hook.function, error)}: {words}"
    return text + _hint(hook, "stacked" if "stacked" in on else "alone")


def _hint(hook: Hook, stage: str) -> str:
    return f"; {hook.hints[stage]}" if stage in hook.hints else ""


def _is_off(hook: Hook, values: Sequence[Tensor]) -> bool:
    """Whether a penalty that may be a constant is 0."""
    return hook.may_be_constant and not any(bool(value.any()) for value in values)


def _refuse_shapes(hook: Hook, values: Sequence[Tensor], runs: tuple[int, ...]) -> None:
    if hook.shapes is None:
        return
    got, needed = [tuple(value.shape) for value in values], [(*runs, *shape) for shape in hook.shapes]
    if got != needed and not _is_off(hook, values):
        on = f"{RUNS} runs stacked" if runs else "one run"
        wants = f"{hook.needed} a run" if hook.shapes == ((),) else f"shape {_shapes(needed)}"
        raise Fault(f"returns {_shapes(got)} for {on}, where {wants} is needed{_hint(hook, 'shape')}")


def _shapes(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(str(list(shape)) if shape else "a single number" for shape in shapes) or "nothing"


def _refuse_dead(hook: Hook, result: Result) -> None:
    """Raise Fault where a value or gradient is no number, or no gradient arrives."""
    if not all(bool(value.isfinite().all()) for value in result.values if value.is_floating_point()):
        what = "nan" if any(bool(value.isnan().any()) for value in result.values) else "infinity"
        raise Fault(f"returns {what} on values around 0{_hint(hook, 'finite')}")
    grads = [grad for grad in result.grads if grad is not None]
    if hook.leaves and not grads and not _is_off(hook, result.values):
        raise Fault(f"gives no gradient{_hint(hook, 'gradient')}")
    if not all(bool(grad.isfinite().all()) for grad in grads):
        raise Fault("has a gradient that is not a finite number on values around 0")


def _refuse_cut(hook: Hook, inputs: Inputs, result: Result) -> None:
    """Raise Fault where an input changes the value and has no gradient of it: half a loss would train nothing."""
    for name, grad in zip(hook.leaves, result.grads, strict=True):
        if grad is None:
            other = _guarded(hook, {**inputs, name: inputs[name] * 0.5}, "one run")
            if not _same(Result(result.values, []), Result(other.values, []), 0.0):
                raise Fault(f"gives no gradient to its input {name!r}, on which it depends{_hint(hook, 'gradient')}")


def _refuse_difference(hook: Hook, result: Result, tolerance: float) -> None:
    """Raise Fault where a slope is not that of the scores, or a penalty on it would have another gradient."""
    if not all(_close(torch.zeros_like(x), x, tolerance) for x in result.values):
        raise Fault("is not the derivative of the scores")
    if not all(_close(torch.zeros_like(x), x, tolerance) for x in result.grads if x is not None):
        raise Fault(f"has another gradient than the derivative of the scores{_hint(hook, 'gradient')}")


def _difference(hook: Hook, setting: Setting, results: tuple[Result, Result, int], tolerance: float) -> str:
    """Return how a run has other values or gradients in a stack than alone, and why."""
    alone, stack, run = results
    stacked = _one(stack, run)
    is_gradient = _same(Result(alone.values, []), Result(stacked.values, []), tolerance)
    figures = ""
    if not is_gradient and all(value.ndim == 0 for value in (*alone.values, *stacked.values)):
        figures = f" ({float(stacked.values[0]):.4g} and {float(alone.values[0]):.4g})"
    is_mixed = is_gradient or (not setting.lifted and _depends_on_neighbours(hook, run, stacked, tolerance))
    why = "it mixes the runs of a stack" if is_mixed else "it reduces over the wrong axis"
    what = "gradient" if is_gradient else "value"
    return f"gives a run another {what} in a stack than alone{figures}: {why}{_hint(hook, 'axis')}"


def _depends_on_neighbours(hook: Hook, run: int, before: Result, tolerance: float) -> bool:
    """Whether what a run gets in a stack changes with the inputs of the others."""

    def others(x: Any) -> Any:
        if not (isinstance(x, Tensor) and x.ndim and x.is_floating_point()):
            return x
        return torch.where(torch.arange(RUNS).reshape(RUNS, *[1] * (x.ndim - 1)) == run, x, x * 0.5)

    return not _same(before, _one(_guarded(hook, tree_map(others, hook.inputs), "runs stacked"), run), tolerance)


def _same(a: Result, b: Result, tolerance: float) -> bool:
    """Whether two calls gave the same; a gradient that does not arrive is one of zeros."""
    zero = torch.zeros(())
    pairs = list(zip(a.values, b.values, strict=True))
    pairs += [(zero if x is None else x, zero if y is None else y) for x, y in zip(a.grads, b.grads, strict=True)]
    return all(_close(x, y, tolerance) for x, y in pairs)


def _close(x: Tensor, y: Tensor, tolerance: float) -> bool:
    if x.shape != y.shape:  # zeros that a constant, or a gradient that does not arrive, stands for
        return not (x.any() or y.any())
    x, y = x.double(), y.double()
    scale = max(float(x.nan_to_num(0.0, 0.0, 0.0).abs().max()), 1.0) if x.numel() else 1.0
    return torch.allclose(x, y, rtol=0.0, atol=tolerance * scale, equal_nan=True)


def _cast(hook: Hook, dtype: torch.dtype) -> Hook:
    def cast(x: Any) -> Any:
        return x.to(dtype) if isinstance(x, Tensor) and x.is_floating_point() else x

    return dataclasses.replace(hook, inputs=tree_map(cast, dict(hook.inputs)))


@contextmanager
def quiet(dtype: torch.dtype) -> Iterator[None]:
    """Leave no trace in the process: its default dtype, random states, warnings."""
    default, states = torch.get_default_dtype(), (random.getstate(), np.random.get_state())
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.set_default_dtype(dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(default)
            random.setstate(states[0])
            np.random.set_state(states[1])


def _name(function: Any) -> str:
    """Return `name` (file:line) of a function; of one typed into a notebook the name alone."""
    code = _code(function)
    if code is None:
        return f"`{getattr(function, '__qualname__', type(function).__name__)}`"
    name = f"`{code.co_qualname.rpartition('.<locals>.')[2]}`"
    is_file = os.path.isfile(code.co_filename)
    return f"{name} ({_near(code.co_filename)}:{code.co_firstlineno})" if is_file else name


def _where_raised(function: Any, error: BaseException) -> str:
    """Return the line of the function's own file at which an error was raised, as ` at file:line`; "" if none."""
    code = _code(function)
    if code is None or not os.path.isfile(code.co_filename):
        return ""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == code.co_filename]
    return f" at {_near(code.co_filename)}:{frames[-1].lineno}" if frames else ""


def _code(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    of_object = getattr(type(function), "__call__", None)  # noqa: B004  # its method, not whether it has one
    return getattr(function, "__code__", None) or getattr(of_object, "__code__", None)


def _near(path: str) -> str:
    """Return a path relative to the working folder where it lies in it."""
    near = os.path.relpath(path)
    return path if near.startswith("..") else near
