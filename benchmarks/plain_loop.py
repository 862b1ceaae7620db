"""The yardsticks: one run on 8gaussians, and one of images, as a careful author of a plain PyTorch script writes it.

Fair means: nn.Module and torch.optim's foreach Adam (on a GPU its fused one, and everything drawn there), data drawn in
one vectorised call, real and fake samples in one pass, no graph for the fakes of a critic step, one backward pass a
critic step, no `.item()`. It shares nothing with the engine but the numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SD, SCALE, WEIGHT = 0.02, 1.414, 0.1  # of 8gaussians, and of the penalty in the paper's toys


@dataclass(frozen=True)
class Size:
    """What a benchmark trains: hidden units of each of three layers, samples a batch, critic updates a step."""

    width: int
    batch: int
    n_critic: int = 5


class PlainLoop:
    """One run; `step()` makes one generator step."""

    def __init__(self, size: Size, seed: int = 0, device: str = "cpu") -> None:
        self.size, self._device = size, device
        self._draw = torch.Generator(device).manual_seed(seed)
        self.generator, self.critic = _mlp(2, size.width, 2).to(device), _mlp(2, size.width, 1).to(device)
        self._players = [_adam(self.critic), _adam(self.generator)]
        angle = torch.arange(8, device=device) * (math.pi / 4)
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
        mix = torch.rand(self.size.batch, 1, generator=self._draw, device=self._device)
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
        which = torch.randint(8, (self.size.batch,), generator=self._draw, device=self._device)
        return self._modes[which] + self._latent() * (SD / SCALE)

    def _latent(self) -> Tensor:
        return torch.randn(self.size.batch, 2, generator=self._draw, device=self._device)


@dataclass(frozen=True)
class PictureSize:
    """What a benchmark of images trains: a DCGAN by gan or wgan-gp."""

    objective: str
    side: int
    channels: int
    width: int
    batch: int
    n_critic: int = 1
    latent: int = 64


class PlainPictures:
    """One DCGAN run on images [n, c, side, side]; `step()` makes one generator step.

    Batch norm in the generator; in the critic batch norm for gan, where real and fake samples then pass apart, and
    layer norm for wgan-gp. In the default memory format: channels last were measured to differ by a few percent.
    It trains where the images lie.
    """

    def __init__(self, size: PictureSize, real: Tensor, seed: int = 0) -> None:
        self.size, self._real = size, real
        init, self._draw = torch.Generator().manual_seed(seed), torch.Generator(real.device).manual_seed(seed)
        count = (size.side // 4).bit_length() - 1
        filters = [size.width * 2**i for i in range(count)]
        self.generator, self.critic = _dcgan_generator(size, filters[::-1]), _dcgan_critic(size, filters)
        for name, values in [*self.generator.named_parameters(), *self.critic.named_parameters()]:
            if name.endswith("weight"):
                nn.init.normal_(values, 1.0 if values.ndim == 1 else 0.0, 0.02, generator=init)
        self.generator, self.critic = self.generator.to(real.device), self.critic.to(real.device)
        self._players = [_adam(self.critic), _adam(self.generator)]

    def step(self) -> None:
        """Make `n_critic` critic updates and one generator update."""
        for _ in range(self.size.n_critic):
            self._critic_step()
        self.critic.requires_grad_(False)
        scores = self.critic(self.generator(self._latent()))
        self._move(1, -F.softplus(scores).mean() if self.size.objective == "gan" else -scores.mean())
        self.critic.requires_grad_(True)

    def _critic_step(self) -> None:
        device = self._real.device
        real = self._real[torch.randint(len(self._real), (self.size.batch,), generator=self._draw, device=device)]
        with torch.no_grad():
            fake = self.generator(self._latent())
        if self.size.objective == "gan":
            self._move(0, F.softplus(-self.critic(real)).mean() + F.softplus(self.critic(fake)).mean())
            return
        mix = torch.rand(self.size.batch, 1, 1, 1, generator=self._draw, device=device)
        between = torch.lerp(fake, real, mix).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        real_scores, fake_scores = self.critic(torch.cat([real, fake])).chunk(2)
        self._move(0, fake_scores.mean() - real_scores.mean() + 10 * penalty)

    def _move(self, player: int, loss: Tensor) -> None:
        self._players[player].zero_grad()
        loss.backward()
        self._players[player].step()

    def _latent(self) -> Tensor:
        return torch.randn(self.size.batch, self.size.latent, generator=self._draw, device=self._real.device)


def _dcgan_generator(size: PictureSize, filters: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(size.latent, filters[0] * 16, bias=False), nn.Unflatten(1, (filters[0], 4, 4))]
    for n_in, n_out in zip(filters, [*filters[1:], None], strict=True):
        layers += [nn.BatchNorm2d(n_in, track_running_stats=False), nn.ReLU()]
        layers.append(nn.ConvTranspose2d(n_in, n_out or size.channels, 4, 2, 1, bias=n_out is None))
    return nn.Sequential(*layers, nn.Tanh())


def _dcgan_critic(size: PictureSize, filters: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(size.channels, filters[0], 4, 2, 1), nn.LeakyReLU(0.2)]
    for n_in, n_out in pairwise(filters):
        is_batch = size.objective == "gan"
        norm = nn.BatchNorm2d(n_out, track_running_stats=False) if is_batch else nn.GroupNorm(1, n_out)
        layers += [nn.Conv2d(n_in, n_out, 4, 2, 1, bias=not is_batch), norm, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(filters[-1] * 16, 1))


def _mlp(n_in: int, width: int, n_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for fan_in in (n_in, width, width):
        layers += [nn.Linear(fan_in, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, n_out))


def _adam(network: nn.Module) -> torch.optim.Adam:
    is_cuda = next(network.parameters()).is_cuda
    return torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.5, 0.9), foreach=not is_cuda, fused=is_cuda)
