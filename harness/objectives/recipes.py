"""The papers' training settings: used wherever a suite does not say otherwise.

Each recipe names its source. `verified` is False where the figures were taken from a secondary account and the paper
itself was not opened for this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.text import plain


@dataclass(frozen=True)
class Recipe:
    """Optimiser, rates, betas and n_critic of a paper, and its values of the objective's own hyperparameters.

    Adam reads beta1 and beta2; RMSProp reads beta2 as its smoothing constant; SGD reads beta1 as its momentum.
    """

    source: str
    optimizer: str = "adam"
    critic_lr: float = 2e-4
    generator_lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    n_critic: int = 1
    hyper: Mapping[str, float] = field(default_factory=dict)
    verified: bool = False

    def __str__(self) -> str:
        """Write the settings on a line, with their source."""
        rates = f"lr {plain(self.critic_lr)}"
        if self.critic_lr != self.generator_lr:
            rates = f"critic lr {plain(self.critic_lr)}, generator lr {plain(self.generator_lr)}"
        own = "".join(f", {name} {plain(value)}" for name, value in self.hyper.items())
        betas = f"betas {plain(self.beta1)} and {plain(self.beta2)}"
        paper, mark = self.source.split(" (")[0], "" if self.verified else " [unverified]"
        return f"{self.optimizer}, {rates}, {betas}, n_critic {self.n_critic}{own}; {paper}{mark}"


_DCGAN = Recipe(source="Radford et al. 2016, section 4 (Adam 2e-4, beta1 .5)")
_CLIP = Recipe(
    source="Arjovsky et al. 2017, algorithm 1 (RMSProp 5e-5, clip .01, n_critic 5, batch 64)",
    optimizer="rmsprop",
    critic_lr=5e-5,
    generator_lr=5e-5,
    beta1=0.0,
    beta2=0.99,
    n_critic=5,
    hyper={"clip": 0.01},
)
_GP_IMAGES = Recipe(
    source="Gulrajani et al. 2017, algorithm 1 (Adam 1e-4, betas 0 and .9, weight 10, n_critic 5)",
    critic_lr=1e-4,
    generator_lr=1e-4,
    beta1=0.0,
    beta2=0.9,
    n_critic=5,
    hyper={"gp_weight": 10.0},
)
_GP_TOYS = Recipe(
    source="the toy script published with Gulrajani et al. 2017 (Adam 1e-4, betas .5 and .9, weight .1, n_critic 5)",
    critic_lr=1e-4,
    generator_lr=1e-4,
    beta1=0.5,
    beta2=0.9,
    n_critic=5,
    hyper={"gp_weight": 0.1},
)


_LSGAN = Recipe(
    source="Mao et al. 2017, section 4 (Adam, beta1 .5), at the rate of Radford et al. 2016",
)
_HINGE = Recipe(
    source="Miyato et al. 2018, section 4 and table 1 (Adam 2e-4, betas 0 and .9, n_critic 5)",
    beta1=0.0,
    beta2=0.9,
    n_critic=5,
)


def without_hyper(recipe: Recipe) -> Recipe:
    """Return the same settings for an objective that has no hyperparameter of its own."""
    return Recipe(**{**recipe.__dict__, "hyper": {}, "source": f"as wgan-gp: {recipe.source}"})


LEAST_SQUARES = {"images": _LSGAN, "toys": _LSGAN}
HINGE = {"images": _HINGE, "toys": _HINGE}
DCGAN = {"images": _DCGAN, "toys": _DCGAN}
CLIPPING = {"images": _CLIP, "toys": _CLIP}
PENALTY = {"images": _GP_IMAGES, "toys": _GP_TOYS}
UNCONSTRAINED = {"images": without_hyper(_GP_IMAGES), "toys": without_hyper(_GP_TOYS)}
