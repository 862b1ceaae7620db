"""The yardstick: one WGAN-GP run on 8gaussians, as a careful author of a plain PyTorch script would write it.

Fair means: nn.Module and torch.optim's foreach Adam, data drawn in one vectorised call, real and fake samples in one
pass, no graph for the fakes of a critic step, one backward pass a critic step, no `.item()`. It shares nothing with the
engine but the numbers.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SD, SCALE, WEIGHT = 0.02, 1.414, 0.1  # of 8gaussians, and of the penalty in the paper's toys


@dataclass(frozen=True)
class Size:
    """What a benchmark trains: hidden units of each of three layers, samples a batch, critic updates a step."""

    width: int
    batch: int
    n_critic: int = 5


class PlainLoop:
    """One run; `step()` makes one generator step."""

    def __init__(self, size: Size, seed: int = 0) -> None:
        self.size = size
        self._draw = torch.Generator().manual_seed(seed)
        self.generator, self.critic = _mlp(2, size.width, 2), _mlp(2, size.width, 1)
        self._players = [_adam(self.critic), _adam(self.generator)]
        angle = torch.arange(8) * (math.pi / 4)
        self._modes = 2 * torch.stack([angle.cos(), angle.sin()], 1) / SCALE

    def step(self) -> None:
        """Make `n_critic` critic updates and one generator update."""
        for _ in range(self.size.n_critic):
            self._critic_step()
        self.critic.requires_grad_(False)  # of which the generator's step needs no gradient
        self._move(1, -self.critic(self.generator(self._latent())).mean())
        self.critic.requires_grad_(True)

    def _critic_step(self) -> None:
        real = self._real()
        with torch.no_grad():
            fake = self.generator(self._latent())
        mix = torch.rand(self.size.batch, 1, generator=self._draw)
        between = torch.lerp(fake, real, mix).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        penalty = (slope.norm(dim=1) - 1).square().mean()
        real_scores, fake_scores = self.critic(torch.cat([real, fake])).chunk(2)
        self._move(0, fake_scores.mean() - real_scores.mean() + WEIGHT * penalty)

    def _move(self, player: int, loss: Tensor) -> None:
        self._players[player].zero_grad()
        loss.backward()
        self._players[player].step()

    def _real(self) -> Tensor:
        which = torch.randint(8, (self.size.batch,), generator=self._draw)
        return self._modes[which] + torch.randn(self.size.batch, 2, generator=self._draw) * (SD / SCALE)

    def _latent(self) -> Tensor:
        return torch.randn(self.size.batch, 2, generator=self._draw)


def _mlp(n_in: int, width: int, n_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in in (n_in, width, width):
        layers += [nn.Linear(fan_in, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, n_out))


def _adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.5, 0.9), foreach=True)
