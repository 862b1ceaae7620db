"""Independent routes to the same numbers, and run specs to try them on."""

import io
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import create_model
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS, Dataset, picture_dataset
from harness.datasets.dataset_settings import PictureSettings
from harness.datasets.images import Pictures
from harness.engine import Placement, noise
from harness.engine.checkpoint import FILE
from harness.objectives import OBJECTIVES, Trick
from harness.spec import ENGINE_VERSION, RunSpec, Setup

POINTS = str(Path(__file__).with_name("data") / "points.csv")  # 500 points in the plane
PICTURES = str(Path(__file__).with_name("data") / "pictures")  # 12 images of 12 x 10 pixels
FILES = {"file": POINTS, "folder": PICTURES, "fakes": POINTS}  # by the key that names one
SMALL = {
    "shapes": {"n": 60, "held_out": 30, "size": 16},
    "stacked-digits": {"n": 60, "held_out": 30},
    "folder": {"size": 8},
}
SMALL_NETWORKS = {
    "mlp-deep": {"depth": 12},
    "resnet": {"depth": 14, "width": 4},
    "faces": {"width": 2},
    "strided-critic": {"width": 1},
}
HERE = [name for name, entry in DATASETS.items() if entry.fetch is None]  # without a download
DOUBLE = Placement(dtype=torch.float64)
TRAIN = {"steps": 15, "batch": 16, "schedule": {}, "pack": 1, "constrain": "after", "generator": "trained"}

NAN_AT = Trick(  # the critic's loss turns NaN once `at` generator steps are done
    init=lambda params, draw: params["critic"][0] * 0,
    loss=lambda player, params, critic, real, fake, extra, hyper: (
        torch.where((extra >= hyper["nan.at"]) & (player == "critic"), torch.nan, 0.0) * params.sum(-1)
    ),
    after=lambda player, params, fake, extra, noise, hyper: extra + (player == "generator"),
    hyper={"at": 1e9},
)


def _blobs(settings: Any) -> Pictures:
    """One bright spot an image, of random place and width, on a dark ground: 60 to train on, 30 held out."""
    side, channels, draw = settings["side"], settings["channels"], noise.generator(0, "blobs")
    x, y, width = (torch.rand(90, channels, 1, 1, generator=draw) for _ in range(3))
    grid = torch.arange(side) / (side - 1)
    far = (grid - x).square() + (grid[:, None] - y).square()
    drawn = (255 * torch.exp(-far / (0.02 + 0.1 * width))).to(torch.uint8)
    return Pictures(drawn[:60], drawn[60:])


def _pictured(side: int, channels: int) -> Dataset:
    return picture_dataset(
        _blobs,
        version=1,
        shape=lambda settings: (settings["channels"], settings["side"], settings["side"]),
        model=create_model("BlobSettings", __base__=PictureSettings, side=(int, side), channels=(int, channels)),
        summary="bright spots",
    )


# For tests of networks; DATASETS holds them where the fixture `pictures` is used.
BLOBS = {"pictures": _pictured(16, 1), "colours": _pictured(32, 3), "large": _pictured(64, 3)}


_RNG = np.random.default_rng(0)
GREY = {  # images and labels of a data set in MNIST's files
    part: (_RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8), np.arange(n, dtype=np.uint8) % 10)
    for part, n in {"train": 40, "t10k": 20}.items()
}


def write_grey(folder: Path, times: int = 1) -> None:
    """Write GREY, so many times, as MNIST is published."""
    folder.mkdir(parents=True)
    for part, (pictures, labels) in GREY.items():
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(np.tile(pictures, (times, 1, 1))))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.tile(labels, times)))


def idx(array: Any) -> bytes:
    """Return the bytes of an IDX file: two zeros, 8 for bytes, the dimensions, their sizes, the values."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + bytes(array.tobytes())


def looked_at(critic: Callable[[Tensor], Tensor], *points: Tensor) -> dict[str, Any]:
    """Return what a snapshot holds of a critic's scores, slopes and gradients at real, generated and points between."""
    leaves = [x.detach().requires_grad_() for x in points]
    scores = [critic(x) for x in leaves]
    gradients = [torch.autograd.grad(s.sum(), x)[0].numpy() for s, x in zip(scores, leaves, strict=True)]
    return {
        "critic_real": scores[0].detach().numpy(),
        "critic_fake": scores[1].detach().numpy(),
        "critic_slopes": np.stack([(slopes := np.linalg.norm(gradients, axis=-1)).max(1), slopes.mean(1)], -1),
        "critic_gradient": gradients[1],
    }


def data_for(architecture: str) -> str:
    """Return the name of a data set that an architecture can make: a toy, or one of BLOBS."""
    shape = ARCHITECTURES[architecture].shape
    return "8gaussians" if len(shape) == 1 else "large" if shape[-1] == 64 else "pictures"


def data_defaults(name: str) -> dict[str, Any]:
    """Return what a Setup holds of a data set by default, of a small one; of the files above where it reads some."""
    entry = {**BLOBS, **DATASETS}[name]
    files = [read(FILES[key]) for key, read in entry.files.items()]
    return {**entry.setup, **SMALL.get(name, {}), **{key: value for file in files for key, value in file.items()}}


def make_spec(
    objective: str = "wgan-gp",
    dataset: str = "8gaussians",
    architecture: str = "mlp",
    seed: int = 0,
    players: dict[str, Any] | None = None,
    critic: dict[str, Any] | None = None,
    tricks: tuple[str, ...] = (),
    data: dict[str, Any] | None = None,
    hyper: dict[str, float] | None = None,
    **train: Any,
) -> RunSpec:
    """Return a small run of the given names, its objective's toy recipe unless told otherwise."""
    entry, network, toy = OBJECTIVES[objective], ARCHITECTURES[architecture], {**BLOBS, **DATASETS}[dataset]
    recipe = entry.recipe["toys"]
    small = {"width": 8, **({} if network.shape[1:] else {"depth": 2}), **SMALL_NETWORKS.get(architecture, {})}
    generator = network.generator_model(**settings_of(network.generator_model, small, network.generator, players))
    judge = network.critic_model(**settings_of(network.critic_model, small, network.critic, players, critic))
    judge = judge.model_dump(mode="json")
    judge["norm"] = entry.auto_norm if judge["norm"] == "auto" else judge["norm"]
    from harness.objectives import TRICKS

    trick_hyper = {f"{t}.{k}": v for t in tricks for k, v in TRICKS[t].hyper.items()}
    data_hyper = {f"data.{k}": v for k, v in toy.hyper.items()}
    rates = {"critic_lr": 2e-3, "generator_lr": 1e-3, "beta1": recipe.beta1, "beta2": recipe.beta2}
    setup = Setup(
        dataset=dataset,
        architecture=architecture,
        objective=objective,
        data={**data_defaults(dataset), **(data or {})},
        generator=generator.model_dump(mode="json"),
        critic=judge,
        tricks={t: dict(TRICKS[t].setup) for t in tricks},
        train={"optimizer": recipe.optimizer, "n_critic": min(recipe.n_critic, 2), **TRAIN, **train},
        versions={"dataset": toy.version, "engine": ENGINE_VERSION},
    )
    own = {**entry.hyper, **recipe.hyper}
    return RunSpec(setup, {**rates, **own, **data_hyper, **trick_hyper, **(hyper or {})}, seed)


def settings_of(model: Any, *levels: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the levels say of a player, later ones winning: what its model does not have is left out."""
    said = {key: value for level in levels for key, value in (level or {}).items()}
    return {key: value for key, value in said.items() if key in model.model_fields}


def plain_loop(spec: RunSpec, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    """Train one run as a textbook script would: nn.Module, torch.optim, autograd.

    Losses, penalty and clipping are written out here again. Returns losses by player and final parameters by name.
    """
    setup, hyper, seed = spec.setup, spec.hyper, spec.seed
    entry, dataset, n = ARCHITECTURES[setup.architecture], DATASETS[setup.dataset], setup.train["batch"]
    shape, pack = dataset.shape(setup.data), setup.train["pack"]
    packed_shape = (pack * shape[0], *shape[1:])
    networks = {
        "generator": entry.build_generator(entry.generator_model(**setup.generator), shape),
        "critic": entry.build_critic(entry.critic_model(**setup.critic), packed_shape),
    }
    for player, network in networks.items():
        load_initial(network, getattr(setup, player)["init"], noise.generator(seed, f"init.{player}"))
    if setup.critic["norm"] == "spectral":
        add_spectral_norm(networks["critic"], noise.generator(seed, "init.norm:spectral"))
    for network in networks.values():
        network.to(dtype)
    optimizers = {p: make_optimizer(setup.train["optimizer"], networks[p], hyper, f"{p}_lr") for p in networks}
    settings = {**setup.data, **{k.removeprefix("data."): v for k, v in hyper.items() if k.startswith("data.")}}
    steps, k = setup.train["steps"], setup.train["n_critic"]
    draws = Draws(seed, n, setup.generator["latent"], dataset, settings, dtype, pack)
    losses: dict[str, list[float]] = {"critic": [], "generator": []}
    for step in range(steps):
        for player, optimizer in optimizers.items():
            decayed = 1 - step / steps if setup.train["schedule"].get(f"{player}_lr") == "linear" else 1
            optimizer.param_groups[0]["lr"] = hyper[f"{player}_lr"] * decayed
        for i in range(k):
            real, latent, mix = draws.critic(step * k + i)
            real, fake = (x.reshape(n, *packed_shape) for x in (real, networks["generator"](latent).detach()))
            uniform = (mix, draws.jitter(step * k + i, real.shape))
            loss = critic_loss(setup.objective, networks["critic"], real, fake, uniform, hyper)
            descend(optimizers["critic"], loss)
            if setup.critic["norm"] == "spectral":
                networks["critic"].train()(real)  # a power step
                networks["critic"].eval()  # and none in what follows
            if setup.objective == "wgan-clip":
                with torch.no_grad():
                    for p in networks["critic"].parameters():
                        p.clamp_(-hyper["clip"], hyper["clip"])
        losses["critic"].append(loss.item())
        samples = draws.real("generator", step), networks["generator"](draws.generator(step))
        scores = [networks["critic"](x.reshape(n, *packed_shape)).squeeze(1) for x in samples]
        loss = generator_loss(setup.objective, *scores)
        descend(optimizers["generator"], loss)
        losses["generator"].append(loss.item())
    return {"losses": losses, **{player: dict(network.named_parameters()) for player, network in networks.items()}}


class Draws:
    """The same addressed noise as the engine's, read one update at a time: n * pack samples, for n scores."""

    def __init__(
        self, seed: int, n: int, latent: int, dataset: Any, settings: dict[str, Any], dtype: torch.dtype, pack: int = 1
    ) -> None:
        self.seed, self.scores, self.n, self.latent = seed, n, n * pack, latent
        self.dataset, self.settings, self.dtype = dataset, settings, dtype

    def _rng(self, purpose: str, update: int) -> torch.Generator:
        return noise.generator(self.seed, purpose, update // noise.BLOCK)

    def critic(self, u: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        latent = torch.randn(noise.BLOCK, self.n, self.latent, generator=self._rng("critic.latent", u))
        mix = torch.rand(noise.BLOCK, self.scores, generator=self._rng("critic.mix", u))
        row = u % noise.BLOCK
        return self.real("critic", u), latent[row].to(self.dtype), mix[row].to(self.dtype)

    def jitter(self, u: int, shape: torch.Size) -> torch.Tensor:
        """A uniform number for every coordinate of real samples."""
        return torch.rand(noise.BLOCK, *shape, generator=self._rng("critic.jitter", u))[u % noise.BLOCK].to(self.dtype)

    def real(self, player: str, u: int) -> torch.Tensor:
        """What an update of a player reads: relative losses and tricks do so for the generator."""
        if self.dataset.kind == "toys":
            drawn = self.dataset.sample(noise.BLOCK * self.n, self._rng(f"{player}.real", u), self.settings)
            return drawn[u % noise.BLOCK * self.n :][: self.n].to(self.dtype)
        held = self.dataset.to_values(self.dataset.pictures(self.settings).train, self.settings).to(self.dtype)
        places = range(u * self.n, (u + 1) * self.n)  # in shuffled passes over all images
        return torch.stack([held[self._order(player, i // len(held), len(held))[i % len(held)]] for i in places])

    def _order(self, player: str, number: int, n: int) -> list[int]:
        return torch.randperm(n, generator=noise.generator(self.seed, f"{player}.real.order", number)).tolist()

    def generator(self, u: int) -> torch.Tensor:
        latent = torch.randn(noise.BLOCK, self.n, self.latent, generator=self._rng("generator.latent", u))
        return latent[u % noise.BLOCK].to(self.dtype)


LOGISTIC = ("gan", "nsgan", "gan-sigmoid", "nsgan-sigmoid", "nsgan-smooth", "dragan", "r1", "r1r2")
PAIRING = ("rpgan", "rpgan-r1r2")


def critic_loss(name: str, critic: nn.Module, real: Any, fake: Any, uniform: Any, hyper: Any) -> torch.Tensor:
    """The papers' critic losses, written with probabilities' cross-entropy and autograd."""
    loss = score_loss(name, critic(real).squeeze(1), critic(fake).squeeze(1), hyper)
    mix, jitter = uniform
    mix = mix.reshape(-1, *[1] * (real.ndim - 1))
    if name in ("wgan-gp", "wgan-lp"):
        beyond = squared_slopes(critic, mix * real + (1 - mix) * fake).sqrt() - 1
        return loss + hyper["gp_weight"] * (beyond if name == "wgan-gp" else F.relu(beyond)).pow(2).mean()
    if name == "dragan":
        ends = real + 0.5 * real.numpy().std() * jitter
        return loss + hyper["gp_weight"] * (squared_slopes(critic, real + mix * (ends - real)).sqrt() - 1).pow(2).mean()
    where = {"r1": [real], "r1r2": [real, fake], "rpgan-r1r2": [real, fake]}.get(name, [])
    return loss + sum(hyper["gamma"] / 2 * squared_slopes(critic, x).mean() for x in where)


def squared_slopes(critic: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The squared norm of the scores' gradient at each sample, which can be differentiated again."""
    point = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    return slope.flatten(1).pow(2).sum(1)


def score_loss(name: str, on_real: torch.Tensor, on_fake: torch.Tensor, hyper: Any) -> torch.Tensor:
    """The part of a critic's loss that scores alone decide."""
    ones, zeros, bce = torch.ones_like(on_real), torch.zeros_like(on_fake), F.binary_cross_entropy_with_logits
    if name in LOGISTIC:
        return bce(on_real, ones * (1 - hyper.get("smoothing", 0))) + bce(on_fake, zeros)
    if name in PAIRING:
        return bce(on_real - on_fake, ones)
    if name == "lsgan":
        return F.mse_loss(on_real, torch.ones_like(on_real)) + F.mse_loss(on_fake, torch.zeros_like(on_fake))
    if name == "hinge":
        return torch.clamp(1 - on_real, min=0).mean() + torch.clamp(1 + on_fake, min=0).mean()
    return on_fake.mean() - on_real.mean()


def generator_loss(name: str, on_real: torch.Tensor, on_fake: torch.Tensor) -> torch.Tensor:
    """The papers' generator losses."""
    if name in ("gan", "gan-sigmoid"):
        return torch.log1p(-torch.sigmoid(on_fake)).mean()
    if name in PAIRING:
        return -torch.log(torch.sigmoid(on_fake - on_real)).mean()
    if name in LOGISTIC:
        return -torch.log(torch.sigmoid(on_fake)).mean()
    if name == "lsgan":
        return F.mse_loss(on_fake, torch.ones_like(on_fake))
    return -on_fake.mean()


def make_optimizer(name: str, network: nn.Module, hyper: Any, rate: str) -> torch.optim.Optimizer:
    """torch's own optimiser with the run's settings."""
    if name == "adam":
        return torch.optim.Adam(network.parameters(), lr=hyper[rate], betas=(hyper["beta1"], hyper["beta2"]))
    if name == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), lr=hyper[rate], alpha=hyper["beta2"])
    return torch.optim.SGD(network.parameters(), lr=hyper[rate], momentum=hyper["beta1"])


def load_initial(network: nn.Module, init: Any, rng: torch.Generator) -> None:
    """Fill a network in the order of its parameters, by the definitions of He, of PyTorch's defaults and of DCGAN."""
    layers = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, layers):
                _load_layer(module, init, rng)
            elif init == "dcgan" and getattr(module, "weight", None) is not None:  # a norm
                module.weight.copy_(1 + 0.02 * torch.randn(module.weight.shape, generator=rng))


def _load_layer(layer: Any, init: Any, rng: torch.Generator) -> None:
    """One linear or convolutional layer; the others start at weight 1, bias 0."""
    taps = 1 if isinstance(layer, nn.Linear) else layer.kernel_size[0] ** 2
    if init == "default":
        bound = 1 / math.sqrt(layer.weight.shape[1] * taps)
        for p in layer.parameters():
            p.copy_(torch.empty(p.shape).uniform_(-bound, bound, generator=rng))
        return
    if init == "he":
        if isinstance(layer, nn.ConvTranspose2d):
            sd = math.sqrt(2 / (layer.in_channels * taps / layer.stride[0] ** 2))
        else:
            sd = math.sqrt(2 / (layer.weight.shape[1] * taps))
    else:
        sd = 0.02 if init == "dcgan" else init["normal"]
    layer.weight.copy_(sd * torch.randn(layer.weight.shape, generator=rng))
    if layer.bias is not None:
        layer.bias.zero_()


def add_spectral_norm(critic: nn.Module, rng: torch.Generator) -> None:
    """Put torch's spectral norm on every linear and convolutional layer, in the order of its parameters."""
    for module in [m for m in critic.modules() if isinstance(m, nn.Linear | nn.Conv2d)]:
        power = parametrizations.spectral_norm(module).parametrizations.weight[0]
        power._v.copy_(torch.randn(power._v.shape, generator=rng))
        power._power_method(module.parametrizations.weight.original.detach().flatten(1), 16)
    critic.eval()


def descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    """One step."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def same(a: Any, b: Any) -> bool:
    """Whether two trees of arrays are equal bit for bit."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def alike(outcomes: Any, expected: Any) -> bool:
    """Whether outcomes of training are equal bit for bit, timings aside."""

    def content(outcome: Any) -> dict[str, Any]:
        timeless = {
            key: value
            for key, value in outcome.facts.items()
            if key not in ("train_s", "step_ms", "ms_per_image", "compile_s")
        }
        states = {step: {k: v for k, v in state.items() if k != "seconds"} for step, state in outcome.states.items()}
        return {**vars(outcome), "spec": outcome.spec.run_id, "facts": timeless, "states": states, "begun": 0}

    pairs = zip(outcomes, expected, strict=True)
    return all(same(content(a), content(b)) for a, b in pairs)


def arrays(files: Any) -> dict[str, Any]:
    """Return the arrays of a checkpoint, its seconds aside, and where it began."""
    with np.load(io.BytesIO(files[FILE])) as file:
        return {name: file[name] for name in file.files if not name.endswith(("seconds", "begun"))}


class Shown(torch.utils.data.Dataset[torch.Tensor]):
    """uint8 images [n, c, h, w], as torch-fidelity takes them."""

    def __init__(self, pictures: Any) -> None:
        self.pictures = torch.from_numpy(pictures)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, place: int) -> torch.Tensor:
        return self.pictures[place]
