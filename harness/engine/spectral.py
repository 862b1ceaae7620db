"""Spectral norm of a critic: its weights are divided by their largest singular values (Miyato et al. 2018)."""

from collections.abc import Mapping

from torch import Generator, Tensor, randn
from torch.nn.functional import normalize

from harness.engine.networks import Layout
from harness.objectives import Hyper, Trick
from harness.papers import PAPERS

NAME = "norm:spectral"  # in a game and in its state; no trick of a suite has such a name
WARM_UP = 16  # power steps before the first update: torch's module makes 15, and one in its first forward pass
Vectors = tuple[Tensor, Tensor]


def spectral_norm(layout: Layout) -> Trick:
    """Return the trick whose memory holds, for each weight of a critic, its first singular vectors (u [out], v [in]).

    A weight [out, in, *kernel] is taken as the matrix [out, in * kernel]; a bias stays. One power step follows each
    update of the critic (algorithm 1, with u and v constants): sigma = u' W v is what torch's `spectral_norm` has in
    the next forward pass.
    """
    dims = {name: len(shape) for name, shape in layout.shapes.items() if len(shape) > 1}

    def matrices(params: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: params[name].flatten(1 - n) for name, n in dims.items()}

    def init(params: Mapping[str, Tensor], draw: Generator) -> dict[str, Vectors]:
        vectors = {}
        for name, matrix in matrices(layout.split(params["critic"])).items():
            v = randn(matrix.shape[-1], generator=draw).to(matrix)
            for _ in range(WARM_UP):
                u, v = power_step(matrix, v)
            vectors[name] = u, v
        return vectors

    def divided(player: str, params: Mapping[str, Tensor], extra: Mapping[str, Vectors]) -> Mapping[str, Tensor]:
        if player != "critic":
            return params
        scaled = dict(params)
        for name, matrix in matrices(params).items():
            scale = sigma(matrix, *extra[name])
            scaled[name] = params[name] / scale.reshape(scale.shape + (1,) * dims[name])
        return scaled

    def after(
        player: str,
        params: Tensor,
        fake: Tensor,
        extra: Mapping[str, Vectors],
        noise: Mapping[str, Tensor],
        hyper: Hyper,
    ) -> Mapping[str, Vectors]:
        if player != "critic":
            return extra
        return {name: power_step(matrix, extra[name][1]) for name, matrix in matrices(layout.split(params)).items()}

    return Trick(init=init, params=divided, after=after, papers=(PAPERS["miyato2018"].at("algorithm 1"),))


def power_step(matrix: Tensor, v: Tensor) -> Vectors:
    """Return (u, v) one power step on: u along W v, then v along W' u."""
    u = normalize((matrix @ v[..., None])[..., 0], dim=-1)
    return u, normalize((matrix.mT @ u[..., None])[..., 0], dim=-1)


def sigma(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return u' W v [...]: the largest singular value once u and v have converged."""
    return (u * (matrix @ v[..., None])[..., 0]).sum(-1)
