"""The networks of suite faces-gp: a DCGAN for pictures of 64x64, its generator twice as wide as its critic."""

from torch import nn

from harness.architectures import dcgan
from harness.architectures.convolutional import Shape, need_side

SIDE = 64  # the critic's last convolution, 4x4 with stride 2 and no padding, is one place then


def build_generator(player: dcgan.DcganGenerator, shape: Shape) -> nn.Sequential:
    """Return the generator of latents [n, latent]. Raises ShapeError for other samples than pictures of 64x64."""
    need_side(shape, SIDE)
    return dcgan.build_generator(player, shape)


def build_critic(player: dcgan.DcganCritic, shape: Shape) -> nn.Sequential:
    """Return the critic of pictures [n, c, 64, 64]. Raises ShapeError for other samples."""
    need_side(shape, SIDE)
    return dcgan.build_critic(player, shape)
