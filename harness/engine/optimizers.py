"""Adam, RMSProp and SGD over one flat [..., P] vector, with a rate and betas of each run's own.

They are ours because a stack of runs needs a rate a run, which torch.optim's fused and foreach forms refuse. Each
`step` takes (params [..., P], grad [..., P], state, lr [...], hyper) and returns the new params and state; hyper
holds beta1 and beta2 [...]. Numerics follow torch.optim (2.13), its eps of 1e-8 included.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

EPS = 1e-8
OptState = Mapping[str, Tensor]
Step = Callable[[Tensor, Tensor, OptState, Tensor, Mapping[str, Tensor]], tuple[Tensor, OptState]]


class Optimizer(NamedTuple):
    """`init(params)` makes the state of one player; `step` moves it; `reads` names the betas it depends on."""

    init: Callable[[Tensor], OptState]
    step: Step
    reads: frozenset[str]


def _adam_init(params: Tensor) -> OptState:
    zeros = torch.zeros_like(params)
    ones = params.new_ones(params.shape[:-1])
    return {"mean": zeros, "square": zeros.clone(), "decay1": ones, "decay2": ones.clone()}


def _adam(
    params: Tensor, grad: Tensor, state: OptState, lr: Tensor, hyper: Mapping[str, Tensor]
) -> tuple[Tensor, OptState]:
    """Kingma & Ba 2015, algorithm 1. The powers of its betas are carried: a power differs in the last bit by place."""
    beta1, beta2 = hyper["beta1"], hyper["beta2"]
    decay1, decay2 = state["decay1"] * beta1, state["decay2"] * beta2
    mean = torch.lerp(state["mean"], grad, (1 - beta1)[..., None])
    square = torch.lerp(state["square"], grad * grad, (1 - beta2)[..., None])
    root = square.sqrt() / (1 - decay2).sqrt()[..., None] + EPS
    params = params - (lr / (1 - decay1))[..., None] * (mean / root)
    return params, {"mean": mean, "square": square, "decay1": decay1, "decay2": decay2}


def _rmsprop_init(params: Tensor) -> OptState:
    return {"square": torch.zeros_like(params)}


def _rmsprop(
    params: Tensor, grad: Tensor, state: OptState, lr: Tensor, hyper: Mapping[str, Tensor]
) -> tuple[Tensor, OptState]:
    """Tieleman & Hinton 2012, lecture 6.5, with beta2 as the smoothing constant."""
    square = torch.lerp(state["square"], grad * grad, (1 - hyper["beta2"])[..., None])
    return params - lr[..., None] * grad / (square.sqrt() + EPS), {"square": square}


def _sgd_init(params: Tensor) -> OptState:
    return {"momentum": torch.zeros_like(params)}


def _sgd(
    params: Tensor, grad: Tensor, state: OptState, lr: Tensor, hyper: Mapping[str, Tensor]
) -> tuple[Tensor, OptState]:
    """Gradient descent with heavy-ball momentum beta1 (Polyak 1964)."""
    momentum = hyper["beta1"][..., None] * state["momentum"] + grad
    return params - lr[..., None] * momentum, {"momentum": momentum}


OPTIMIZERS: dict[str, Optimizer] = {
    "adam": Optimizer(_adam_init, _adam, frozenset({"beta1", "beta2"})),
    "rmsprop": Optimizer(_rmsprop_init, _rmsprop, frozenset({"beta2"})),
    "sgd": Optimizer(_sgd_init, _sgd, frozenset({"beta1"})),
}
