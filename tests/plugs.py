"""Functions of objectives as users write them: right ones, and wrong ones with the words that must tell them."""

HEAD = """\
import numpy as np
import torch
from harness import OBJECTIVES, Objective
recipe, relative, memory = OBJECTIVES["wgan-gp"].recipe, False, []
own = torch.Generator().manual_seed(0)
def critic_loss(real, fake, hyper): return fake.mean(-1) - real.mean(-1)
def generator_loss(real, fake, hyper): return -fake.mean(-1)
def constrain(params, hyper): return params
def between(critic, real, fake, noise):
    mix = noise["mix"].reshape(noise["mix"].shape + (1,) * critic.sample_dims)
    return critic.slope(torch.lerp(fake, real, mix)).flatten(-critic.sample_dims)
def penalty(critic, real, fake, noise, hyper):
    return hyper["gp_weight"] * (between(critic, real, fake, noise).norm(2, dim=-1) - 1).square().mean(-1)
"""
FOOT = """
OBJECTIVES = {"mine": Objective(1, critic_loss, generator_loss, recipe, "mine", penalty=penalty, constrain=constrain,
                                relative=relative, draws={"mix": ()}, hyper={"gp_weight": 10.0, "off": 0.0})}
"""
HEADS = {
    "critic": "def critic_loss(real, fake, hyper):",
    "generator": "def generator_loss(real, fake, hyper):",
    "relative": "relative = True\ndef generator_loss(real, fake, hyper):",
    "penalty": "def penalty(critic, real, fake, noise, hyper):",
    "constrain": "def constrain(params, hyper):",
}


def written(role, body):
    """Return a plug-in in which one function is another."""
    lines = "".join(f"\n    {line}" for line in body.strip().splitlines())
    return f"{HEAD}{HEADS[role]}{lines}\n{FOOT}"


WRONG = {
    # whose function it is, its body, and what must be said of it
    "mean of everything": ("critic", "return fake.mean() - real.mean()", ["single number for 2 runs", "mean(-1)"]),
    "no mean": ("critic", "return fake - real", ["returns [8] for one run"]),
    "an axis too many": ("generator", "return -fake.mean(-1, keepdim=True)", ["returns [1] for one run"]),
    "nothing": ("critic", "pass", ["returns nothing"]),
    "undeclared hyper": (
        "critic",
        "return hyper['weight'] * (fake - real).mean(-1)",
        ["reads hyper['weight']", "declares gp_weight, off"],
    ),
    "cut off": ("generator", "return -fake.detach().mean(-1)", ["no gradient"]),
    "a number": ("critic", "return torch.tensor(fake.mean().item() - real.mean().item())", ["no gradient"]),
    "half cut off": (
        "critic",
        "return fake.mean(-1) - real.detach().mean(-1)",
        ["no gradient", "detach"],
    ),
    "a hidden axis": (
        "penalty",
        "norm = between(critic, real, fake, noise).norm(2, dim=1)\nreturn hyper['off'] * norm.square().mean(-1)",
        ["another value in a stack", "the wrong axis"],
    ),
    "hidden mixed runs": (
        "critic",
        "d = (fake - real).mean(-1)\nreturn d + hyper['off'] * d.mean()",
        ["mixes the runs"],
    ),
    "a hidden detached slope": (
        "penalty",
        "return hyper['off'] * between(critic, real, fake, noise).detach().square().sum(-1).mean(-1)",
        ["no gradient"],
    ),
    "a branch": (
        "critic",
        "d = (fake - real).mean(-1)\nreturn 2 * d if d > 0 else d",
        ["raises RuntimeError on 2 runs"],
    ),
    "undeclared real scores": ("generator", "return real.mean(-1) - fake.mean(-1)", ["nan", "relative=True"]),
    "pairs not asked for": ("generator", "return (real - fake).mean(-1)", ["raises RuntimeError", "relative=True"]),
    "not a number": ("critic", "return torch.log(fake).mean(-1)", ["returns nan"]),
    "in place": ("critic", "return fake.mean(-1) - real.detach().add_(1).mean(-1)", ["in place"]),
    "random numbers of torch": (
        "penalty",
        "return critic.slope(real + torch.rand_like(fake)).square().sum(-1).mean(-1)",
        ["random numbers", "`draws`"],
    ),
    "of a seed": (
        "critic",
        "torch.manual_seed(0)\nreturn (fake + torch.rand(8) - real).mean(-1)",
        ["random numbers"],
    ),
    "of numpy": ("critic", "return np.random.rand() * (fake - real).mean(-1)", ["random numbers"]),
    "of a generator": (
        "critic",
        "return (fake - real + torch.rand(8, generator=own)).mean(-1)",
        ["something else"],
    ),
    "a memory": (
        "critic",
        "memory.append(1)\nreturn len(memory) * (fake - real).mean(-1)",
        ["something else"],
    ),
    "undeclared noise": (
        "penalty",
        "return critic.scores(real * noise['eps'][..., None]).mean(-1)",
        ["reads noise['eps']", "declares mix"],
    ),
    "the wrong axis": (
        "penalty",
        "return between(critic, real, fake, noise).norm(2, dim=1).square().mean(-1)",
        ["another value in a stack", "the wrong axis", "dim=-1"],
    ),
    "runs mixed": (
        "penalty",
        "norm = between(critic, real, fake, noise).norm(2, dim=-1)\nreturn hyper['gp_weight'] * (norm.mean() - 1) ** 2",
        ["another value in a stack", "mixes the runs"],
    ),
    "a mixed gradient": (
        "critic",
        "d = (fake - real).mean(-1)\nreturn d + 0.5 * (d.sum() - d.sum().detach())",
        ["another gradient in a stack", "mixes the runs"],
    ),
    "a detached slope": (
        "penalty",
        "return between(critic, real, fake, noise).detach().square().sum(-1).mean(-1)",
        ["no gradient"],
    ),
    "a constraint that mixes": ("constrain", "return params / params.norm()", ["mixes the runs"]),
    "a constraint of another shape": ("constrain", "return params[..., 1:]", ["returns ["]),
}

RIGHT = {
    "a relative loss": ("relative", "return (real - fake).mean(-1)"),
    "a constraint in place": ("constrain", "return params.clamp_(-0.01, 0.01)"),
    "a penalty that is off": ("penalty", "return 0.0"),
    "a penalty of zeros": ("penalty", "return real.new_zeros(())"),
    "autograd.grad": (
        "penalty",
        "x = torch.lerp(fake, real, noise['mix'][..., None]).requires_grad_(True)\n"
        "slope = torch.autograd.grad(critic.scores(x).sum(), x, create_graph=True)[0]\n"
        "return hyper['gp_weight'] * (slope.norm(2, dim=-1) - 1).square().mean(-1)",
    ),
    "a part in float32": ("critic", "return fake.float().mean(-1) - real.float().mean(-1)"),
    "float32 alone": ("critic", "return torch.lerp(fake, real, torch.full((8,), 2.0, dtype=torch.float32)).mean(-1)"),
    "features": (
        "penalty",
        "return (critic.features(real).mean(-2) - critic.features(fake).mean(-2)).square().sum(-1)",
    ),
    "a rate": ("critic", "return (1 + hyper['critic_lr']) * (fake - real).mean(-1)"),
    "one half alone": ("critic", "return fake.mean(-1)"),
    "a detached mean beside a gradient": (
        "critic",
        "return (fake - real).mean(-1) * (1 + real.detach().mean(-1) ** 2)",
    ),
}

PLUGS = {  # of kinds beside objectives: a plug-in of which one {function} is to be written
    "trick": """\
import torch
from harness.objectives import Trick
memory = []
{function}
TRICKS = {{"mine": Trick({fields})}}
""",
    "architecture": """\
from dataclasses import replace
from torch import nn
from harness import ARCHITECTURES
from harness.architectures import mlp
memory = []
{function}
ARCHITECTURES = {{"mine": replace(ARCHITECTURES["mlp"], {fields})}}
""",
    "dataset": """\
from dataclasses import replace
import torch
from harness import DATASETS
memory = []
{function}
DATASETS = {{"mine": replace(DATASETS["8gaussians"], {fields})}}
""",
}
FUNCTIONS = {  # its kind, its head, and the fields of the entry
    "inputs": ("trick", "(player, real, fake, extra, noise, hyper)", "inputs=inputs"),
    "loss": ("trick", "(player, params, critic, real, fake, extra, hyper)", "loss=loss"),
    "build_critic": ("architecture", "(player, shape)", "build_critic=build_critic, forward=None, slope=None"),
    "forward": ("architecture", "(network, params, x)", "forward=forward, slope=None"),
    "slope": ("architecture", "(network, params, x)", "slope=slope"),
    "sample": ("dataset", "(n, draw, settings)", "sample=sample"),
}


def plug(name, body):
    """Return the kind of a plug-in, and its text: an entry `mine` in which one function has this body."""
    kind, head, fields = FUNCTIONS[name]
    lines = "".join(f"\n    {line}" for line in body.splitlines())
    return kind, PLUGS[kind].format(function=f"def {name}{head}:{lines}", fields=fields)


RANDOM = "random numbers"
AGAIN = "something else"
WRONG_PLUGS = {
    "a trick of random numbers": ("inputs", "return real + torch.randn_like(real), fake", RANDOM),
    "a trick of another shape": ("inputs", "return real[..., :1], fake", "keeps the shapes"),
    "a trick that remembers": ("inputs", "memory.append(1)\nreturn real * len(memory), fake", AGAIN),
    "a trick that mixes": ("inputs", "return real - real.mean(), fake", "another value in a stack"),
    "a mean of everything": ("loss", "return critic.scores(fake).mean()", "single number for 2 runs"),
    "a loss that mixes": ("loss", "x = critic.scores(fake).mean(-1)\nreturn x + x.mean()", "mixes the runs"),
    "a network of random numbers": (
        "build_critic",
        "return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], 8), nn.Dropout(), nn.Linear(8, 1))",
        RANDOM,
    ),
    "a network of two scores": (
        "build_critic",
        "return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], 2))",
        "one score a sample",
    ),
    "a network that remembers": (
        "forward",
        "memory.append(1)\nreturn mlp.forward(network, params, x) * len(memory)",
        AGAIN,
    ),
    "networks that mix": ("forward", "y = mlp.forward(network, params, x)\nreturn y - y.mean()", "mixes the runs"),
    "the first axis": (
        "forward",
        "y = mlp.forward(network, params, x)\nreturn y - y.mean(0)",
        "mixes the runs",
    ),
    "weights cut off": (
        "forward",
        "return mlp.forward(network, {name: p.detach() for name, p in params.items()}, x)",
        "no gradient",
    ),
    "a doubled slope": ("slope", "return 2 * mlp.slope(network, params, x)", "not the derivative"),
    "a slope cut off": (
        "slope",
        "return mlp.slope(network, params, x).detach()",
        "than the derivative",
    ),
    "a slope that mixes": (
        "slope",
        "g = mlp.slope(network, params, x)\nreturn g + g.sum() * (x.ndim > 2)",
        "mixes the runs",
    ),
    "samples of random numbers": ("sample", "return torch.randn(n, 2)", RANDOM),
    "samples of another shape": (
        "sample",
        "return torch.randn(n, 3, generator=draw)",
        "n samples",
    ),
    "samples that remember": (
        "sample",
        "memory.append(1)\nreturn torch.randn(n, 2, generator=draw) + len(memory)",
        AGAIN,
    ),
}
RIGHT_PLUGS = {
    "inputs": "return real + 0.1, fake",
    "loss": "return 0.1 * critic.scores(fake).square().mean(-1)",
    "build_critic": "return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], 8), nn.Tanh(), nn.Linear(8, 1))",
    "forward": "return mlp.forward(network, params, x)",
    "slope": "return mlp.slope(network, params, x)",
    "sample": "return torch.randn(n, 2, generator=draw)",
}
