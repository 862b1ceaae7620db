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
                                relative=relative, draws={"mix": ()}, hyper={"gp_weight": 10.0})}
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
        ["reads hyper['weight']", "declares gp_weight"],
    ),
    "cut off": ("generator", "return -fake.detach().mean(-1)", ["no gradient"]),
    "a number": ("critic", "return torch.tensor(fake.mean().item() - real.mean().item())", ["no gradient"]),
    "a branch": (
        "critic",
        "d = (fake - real).mean(-1)\nreturn 2 * d if d > 0 else d",
        ["raises RuntimeError on 2 runs stacked at plug.py:16"],
    ),
    "real scores not asked for": ("generator", "return real.mean(-1) - fake.mean(-1)", ["nan", "relative=True"]),
    "pairs not asked for": ("generator", "return (real - fake).mean(-1)", ["raises RuntimeError", "relative=True"]),
    "not a number": ("critic", "return torch.log(fake).mean(-1)", ["returns nan"]),
    "in place": ("critic", "return fake.mean(-1) - real.detach().add_(1).mean(-1)", ["in place"]),
    "random numbers of torch": (
        "penalty",
        "return critic.slope(real + torch.rand_like(fake)).square().sum(-1).mean(-1)",
        ["random numbers of its own", "`draws`"],
    ),
    "of a seed": (
        "critic",
        "torch.manual_seed(0)\nreturn (fake + torch.rand(8) - real).mean(-1)",
        ["random numbers of its own"],
    ),
    "of numpy": ("critic", "return np.random.rand() * (fake - real).mean(-1)", ["random numbers of its own"]),
    "of a generator": (
        "critic",
        "return (fake - real + torch.rand(8, generator=own)).mean(-1)",
        ["something else when it is called again"],
    ),
    "a memory": (
        "critic",
        "memory.append(1)\nreturn len(memory) * (fake - real).mean(-1)",
        ["something else when it is called again"],
    ),
    "undeclared noise": (
        "penalty",
        "return critic.scores(real * noise['eps'][..., None]).mean(-1)",
        ["reads noise['eps']", "declares mix"],
    ),
    "the wrong axis": (
        "penalty",
        "return between(critic, real, fake, noise).norm(2, dim=1).square().mean(-1)",
        ["another value in a stack than alone", "the wrong axis", "dim=-1"],
    ),
    "runs mixed": (
        "penalty",
        "norm = between(critic, real, fake, noise).norm(2, dim=-1)\nreturn hyper['gp_weight'] * (norm.mean() - 1) ** 2",
        ["another value in a stack than alone", "mixes the runs of a stack"],
    ),
    "runs mixed in the gradient": (
        "critic",
        "d = (fake - real).mean(-1)\nreturn d + 0.5 * (d.sum() - d.sum().detach())",
        ["another gradient in a stack than alone", "mixes the runs"],
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
    "autograd.grad, which plain stacks allow": (
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
    "half cut off": ("critic", "return fake.mean(-1) - real.detach().mean(-1)"),
}
