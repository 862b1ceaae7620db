"""docs/engine.md shows code that is true: its loop gives the engine's losses, its excerpts are the source's lines."""

import re
from pathlib import Path

import numpy as np
import torch
from oracles import DOUBLE, Draws, load_initial, make_spec

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.engine import noise, train

ROOT = Path(__file__).parents[2]
LOOP, *EXCERPTS = re.findall(r"```python\n(.*?)\n```", (ROOT / "docs/engine.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_loop_of_the_page_gives_the_engines_losses():
    spec = make_spec("wgan-gp", "8gaussians", "mlp", seed=3)
    entry, setup = ARCHITECTURES["mlp"], spec.setup
    networks = {
        "generator": entry.build_generator(entry.generator_model(**setup.generator), (2,)),
        "critic": entry.build_critic(entry.critic_model(**setup.critic), (2,)),
    }
    for player, network in networks.items():
        load_initial(network, "he", noise.generator(spec.seed, f"init.{player}"))
        network.double()
    floats = {name.removeprefix("data."): value for name, value in spec.hyper.items() if name.startswith("data.")}
    batch, latent, settings = setup.train["batch"], setup.generator["latent"], {**setup.data, **floats}
    draws = Draws(spec.seed, batch, latent, DATASETS["8gaussians"], settings, torch.float64)
    code = {"torch": torch}
    exec(LOOP, code)
    hyper = {**spec.hyper, "n_critic": setup.train["n_critic"]}
    losses = code["wgan_gp"](networks["generator"], networks["critic"], draws, setup.train["steps"], hyper)
    curves = train([spec], placement=DOUBLE)[0].curves
    for player, values in losses.items():
        np.testing.assert_allclose(curves[f"{player}_loss"], values, rtol=2e-6, atol=1e-7)  # curves are float32


def test_the_loop_fits_on_a_screen():
    assert len(LOOP.splitlines()) <= 30


def test_excerpts_are_lines_of_the_source():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "harness").rglob("*.py")]
    for excerpt in EXCERPTS:
        for function in re.split(r"\n{3}", excerpt):
            assert any(function in source for source in sources), function[:80]
