"""The papers' training settings: used wherever a suite does not say otherwise.

Every number was read in the file of the authors' code that its recipe names; what differs from there is said. The
captions of both algorithms 1 were read in the papers and give the same numbers; section 4 of Radford et al. is known
from quotations of it, and train.py of R3GAN was read in a copy of that repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.papers import PAPERS, Paper
from harness.text import plain


@dataclass(frozen=True)
class Recipe:
    """Optimiser, rates, betas and n_critic of a paper, and its values of the objective's own hyperparameters.

    Adam reads beta1 and beta2; RMSProp reads beta2 as its smoothing constant; SGD reads beta1 as its momentum.
    `paper` is cited at the place of the numbers; `note` says where they are read as well, and what differs.
    """

    paper: Paper
    note: str = ""
    optimizer: str = "adam"
    critic_lr: float = 2e-4
    generator_lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    n_critic: int = 1
    hyper: Mapping[str, float] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Write where the numbers are from: "Gulrajani et al. 2017, algorithm 1 (gan_64x64.py of ... agrees)"."""
        return f"{self.paper}{f' ({self.note})' if self.note else ''}"

    @property
    def settings(self) -> str:
        """Write the settings on a line."""
        rates = f"lr {plain(self.critic_lr)}"
        if self.critic_lr != self.generator_lr:
            rates = f"critic lr {plain(self.critic_lr)}, generator lr {plain(self.generator_lr)}"
        own = "".join(f", {name} {plain(value)}" for name, value in self.hyper.items())
        betas = f"betas {plain(self.beta1)} and {plain(self.beta2)}"
        return f"{self.optimizer}, {rates}, {betas}, n_critic {self.n_critic}{own}"

    def __str__(self) -> str:
        """Write the settings on a line, with their paper."""
        return f"{self.settings}; {self.paper}"


_DCGAN = Recipe(
    PAPERS["radford2016"].at("section 4"),
    "faces/train_uncond_dcgan.py of Newmu/dcgan_code agrees; its weight decay of 1e-5 is left out",
)
_CLIP = Recipe(
    PAPERS["arjovsky2017"].at("algorithm 1"),
    "main.py of martinarjovsky/WassersteinGAN agrees, with PyTorch's smoothing of .99; its 100 critic updates for the "
    "first 25 generator steps and every 500th are left out",
    optimizer="rmsprop",
    critic_lr=5e-5,
    generator_lr=5e-5,
    beta1=0.0,
    beta2=0.99,
    n_critic=5,
    hyper={"clip": 0.01},
)
_GP_IMAGES = Recipe(
    PAPERS["gulrajani2017"].at("algorithm 1"),
    "gan_64x64.py of igul222/improved_wgan_training agrees",
    critic_lr=1e-4,
    generator_lr=1e-4,
    beta1=0.0,
    beta2=0.9,
    n_critic=5,
    hyper={"gp_weight": 10.0},
)
_GP_TOYS = replace(
    _GP_IMAGES,
    paper=PAPERS["gulrajani2017"].at("gan_toy.py of igul222/improved_wgan_training"),
    note="",
    beta1=0.5,
    hyper={"gp_weight": 0.1},
)
_LSGAN = Recipe(
    PAPERS["mao2017"].at("stability_comparison/BN_G_ls_adam/train.py of xudonmao/LSGAN"),
    "its train_lsun.py has a rate of 1e-3",
)
_HINGE = Recipe(
    PAPERS["miyato2018"].at("configs/sn_cifar10_unconditional.yml of pfnet-research/sngan_projection"),
    "for a critic with norm: spectral; the decay of its rate to 0 is left out",
    beta1=0.0,
    beta2=0.9,
    n_critic=5,
)
_SMOOTHED = replace(
    _DCGAN,
    note=f"{_DCGAN.note}; smoothing of Salimans et al. 2016, section 3.4: targets of .9",
    hyper={"smoothing": 0.1},
)
_DRAGAN = Recipe(
    PAPERS["kodali2017"].at("DRAGAN.ipynb of kodalinaveen3/DRAGAN"),
    critic_lr=1e-4,
    generator_lr=1e-4,
    beta2=0.9,
    hyper={"gp_weight": 10.0},
)
_R1 = Recipe(
    PAPERS["mescheder2018"].at("configs/default.yaml of LMescheder/GAN_stability"),
    "smoothing of .99 in gan_training/config.py; its reg_param of 10 is that of a penalty without the paper's half: as "
    "the code runs, gamma is 20",
    optimizer="rmsprop",
    critic_lr=1e-4,
    generator_lr=1e-4,
    beta1=0.0,
    beta2=0.99,
    hyper={"gamma": 10.0},
)
_R1R2 = replace(_R1, note=f"{_R1.note}; it has one of both penalties at a time")
_RPGAN = Recipe(
    PAPERS["jolicoeurmartineau2019"].at("code/stable.sh of AlexiaJM/RelativisticGAN, DCGAN setup"),
    "for a critic with norm: spectral",
)
_R3GAN = Recipe(
    PAPERS["huang2024"].at("train.py of brownvc/R3GAN, preset CIFAR10"),
    "the first values of its schedules, which end at a rate of 5e-5, a beta2 of .99 and a gamma of .005",
    beta1=0.0,
    beta2=0.9,
    hyper={"gamma": 0.05},
)


def _as_wgan_gp(recipe: Recipe, hyper: Mapping[str, float]) -> Recipe:
    """Return the same settings for another objective, so that only the objective differs."""
    return replace(recipe, note="; ".join(filter(None, (recipe.note, "as wgan-gp"))), hyper=hyper)


LEAST_SQUARES = {"images": _LSGAN, "toys": _LSGAN}
HINGE = {"images": _HINGE, "toys": _HINGE}
SMOOTHED = {"images": _SMOOTHED, "toys": _SMOOTHED}
PERTURBED = {"images": _DRAGAN, "toys": _DRAGAN}
REAL_SLOPE = {"images": _R1, "toys": _R1}
BOTH_SLOPES = {"images": _R1R2, "toys": _R1R2}
PAIRING = {"images": _RPGAN, "toys": _RPGAN}
R3GAN = {"images": _R3GAN, "toys": _R3GAN}
DCGAN = {"images": _DCGAN, "toys": _DCGAN}
CLIPPING = {"images": _CLIP, "toys": _CLIP}
PENALTY = {"images": _GP_IMAGES, "toys": _GP_TOYS}
ONE_SIDED = {kind: _as_wgan_gp(recipe, recipe.hyper) for kind, recipe in PENALTY.items()}
UNCONSTRAINED = {kind: _as_wgan_gp(recipe, {}) for kind, recipe in PENALTY.items()}
