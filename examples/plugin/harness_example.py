"""One component of each kind for `harness`: a plug-in package."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from harness import ARCHITECTURES, OBJECTIVES, Column, Dataset, Metric, Objective, Trick
from harness.metrics.extractors import fixed, frozen


# An objective: losses of scores [..., n], reduced over the last axis alone.
def critic_loss(real, fake, hyper):
    return ((real - 1) ** 2).mean(-1) + hyper["fake_weight"] * ((fake + 1) ** 2).mean(-1)


def generator_loss(real, fake, hyper):
    return (fake**2).mean(-1)  # halfway between the critic's two targets


OBJECTIVES = {
    "signed-lsgan": Objective(
        1,
        critic_loss,
        generator_loss,
        OBJECTIVES["lsgan"].recipe,
        "LSGAN's a = -1, b = 1, c = 0",
        hyper={"fake_weight": 1.0},
    )
}

# An architecture: here a built-in one with other defaults.
ARCHITECTURES = {
    "shallow": replace(ARCHITECTURES["mlp"], summary="one hidden layer", generator={"depth": 1}, critic={"depth": 1})
}


# A data set: samples [n, 2]; all random numbers come from `draw`.
def cross(n, draw, settings):
    along = 2 * torch.rand(n, generator=draw) - 1
    is_flat = torch.rand(n, generator=draw) < 0.5
    return torch.stack([along * is_flat, along * ~is_flat], 1)


DATASETS = {"cross": Dataset(1, "toys", lambda settings: (2,), cross, cross, "points on a plus sign")}


# A metric: samples and reference to columns.
def spread(generated, reference):
    return {"spread": abs(float(np.std(generated) / np.std(reference.points)) - 1)}


columns = (Column("spread", "lower", "|spread / the data's - 1|"),)
METRICS = {"spread": Metric(1, columns, spread, lambda reference: True, "how far the spread is from the data's")}


# An extractor: uint8 images [n, c, h, w] to features [n, k]. Load weights of your own in `load`.
class Pooled(nn.Module):
    def forward(self, images):
        return nn.functional.adaptive_avg_pool2d(images.float() / 255, 3).flatten(1)


EXTRACTORS = {"pooled": fixed(1, lambda: frozen(Pooled()), "means of nine parts of the image")}


# A trick: here a term in the critic's loss.
def shrink(player, params, critic, real, fake, extra, hyper):
    return hyper["shrink.weight"] * params.square().mean(-1) * (player == "critic")


TRICKS = {"shrink": Trick(loss=shrink, hyper={"weight": 1e-3}, summary="weight decay of the critic in its loss")}
