"""Each trick against a plain loop in which it is written out; and what a trick may not change."""

import copy
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from oracles import (
    DOUBLE,
    Draws,
    alike,
    arrays,
    data_for,
    descend,
    generator_loss,
    load_initial,
    make_optimizer,
    make_spec,
    same,
    score_loss,
)
from torch import nn

from harness.architectures import ARCHITECTURES
from harness.datasets import DATASETS
from harness.engine import Checkpoints, Placement, noise, train
from harness.engine.networks import Layout, build_network, build_pair, couples_samples, with_statistics_of
from harness.engine.sampling import draw_samples, latent_batches
from harness.engine.stack import Stack
from harness.errors import SuiteError
from harness.objectives import TRICKS, minibatch
from harness.objectives.virtual_norm import VirtualNorm
from harness.plugins.hooks import hooks_of, setting_of
from harness.plugins.trial import fault
from harness.suite.expand import expand
from harness.suite.load import load_suite

STEPS, N = 7, 16
OTHERS = {  # than the defaults: values at which the trick shows within STEPS
    "ema": {"decay": 0.8},
    "feature-matching": {"weight": 3.0},
    "historical-averaging": {"weight": 30.0},
    "instance-noise": {"sd": 0.5},
    "replay": {"share": 0.7},
    "minibatch-std": {},
    "minibatch-discrimination": {},
    "virtual-batch-norm": {"every": 3.0},
}


def spec_of(name, seed=0, **more):
    """A run with the trick, its floats falling as its schedule says."""
    hyper = {f"{name}.{key}": value for key, value in OTHERS[name].items()}
    schedule = {f"{name}.{key}": kind for key, kind in TRICKS[name].schedule.items()}
    more = {"architecture": "mlp-bn" if TRICKS[name].couples is False else "mlp", **more}
    return make_spec("nsgan", seed=seed, tricks=(name,), hyper=hyper, steps=STEPS, schedule=schedule, **more)


class Textbook:
    """A loop of plain modules and optimisers, in float64; what a trick changes is a method."""

    def __init__(self, spec):
        self.spec, self.setup, self.hyper = spec, spec.setup, spec.hyper
        entry, self.dataset = ARCHITECTURES[self.setup.architecture], DATASETS[self.setup.dataset]
        self.generator = entry.build_generator(entry.generator_model(**self.setup.generator), (2,))
        self.critic = self.build_critic(entry.build_critic(entry.critic_model(**self.setup.critic), (2,)))
        for player in ("generator", "critic"):
            network = getattr(self, player)
            load_initial(network, "he", noise.generator(spec.seed, f"init.{player}"))
            network.double()
        floats = {k.removeprefix("data."): v for k, v in self.hyper.items() if k.startswith("data.")}
        settings = {**self.setup.data, **floats}
        self.draws = Draws(spec.seed, N, 2, self.dataset, settings, torch.float64)
        self.done = 0
        self.start()

    def run(self):
        """Train; return the losses by player, and both networks."""
        losses = {"critic": [], "generator": []}
        of = {p: make_optimizer("adam", getattr(self, p), self.hyper, f"{p}_lr") for p in losses}
        for step in range(STEPS):
            self.done = step
            real, latent, _ = self.draws.critic(step)
            fake = self.sample(latent).detach()
            shown = self.shown("critic", real, fake)
            loss = score_loss("nsgan", *self.scores(*shown), self.hyper) + self.added("critic", *shown)
            descend(of["critic"], loss)
            self.after("critic", fake)
            losses["critic"].append(loss.item())
            real = self.draws.real("generator", step).double()
            fake = self.sample(self.draws.generator(step))
            shown = self.shown("generator", real, fake)
            loss = generator_loss("nsgan", *self.scores(*shown)) + self.added("generator", *shown)
            descend(of["generator"], loss)
            self.after("generator", fake.detach())
            losses["generator"].append(loss.item())
        return losses

    def rng(self, purpose):
        return noise.generator(self.spec.seed, purpose)

    def falling(self, key):
        """A float that falls to 0 along a line."""
        return self.hyper[key] * (1 - self.done / STEPS)

    def flat(self, player):
        return torch.cat([p.flatten() for p in getattr(self, player).parameters()])

    def scores(self, real, fake):
        return self.critic(real).squeeze(1), self.critic(fake).squeeze(1)

    def sample(self, latent):
        return self.generator(latent)

    def build_critic(self, critic):
        return critic

    def start(self):
        pass

    def shown(self, player, real, fake):
        return real, fake

    def added(self, player, real, fake):
        return 0.0

    def after(self, player, fake):
        pass


class FeatureMatching(Textbook):
    def added(self, player, real, fake):
        if player == "critic":
            return 0.0
        below = self.critic[:-1]
        return self.hyper["feature-matching.weight"] * (below(real).mean(0) - below(fake).mean(0)).pow(2).sum()


class HistoricalAveraging(Textbook):
    def start(self):
        self.past = {player: [self.flat(player).detach()] for player in ("critic", "generator")}

    def added(self, player, real, fake):
        mean = torch.stack(self.past[player]).mean(0)
        return self.falling("historical-averaging.weight") * torch.dist(self.flat(player), mean) ** 2

    def after(self, player, fake):
        self.past[player].append(self.flat(player).detach())


class InstanceNoise(Textbook):
    def shown(self, player, real, fake):
        moved = []
        for name, x in (("real", real), ("fake", fake)):
            drawn = torch.randn(noise.BLOCK, N, 2, generator=self.rng(f"{player}.instance-noise.{name}"))
            moved.append(x + self.falling("instance-noise.sd") * drawn[self.done].double())
        return moved


class Replay(Textbook):
    def start(self):
        first = self.sample(self.draws.critic(0)[1]).detach()
        self.slots = [first.clone() for _ in range(16)]

    def places(self, which):
        drawn = torch.rand(noise.BLOCK, N, generator=self.rng(f"critic.replay.{which}"))[self.done]
        return [int(16 * u) for u in drawn]

    def shown(self, player, real, fake):
        if player == "generator":
            return real, fake
        old = [self.slots[slot][i] for i, slot in enumerate(self.places("read"))]
        few = 12  # of 16, at a share of .7
        return real, torch.stack(old[:few] + list(fake[few:]))

    def after(self, player, fake):
        if player == "critic":
            for i, slot in enumerate(self.places("write")):
                self.slots[slot][i] = fake[i]


class Beside(nn.Module):
    """A critic whose last layer reads more than the features of a sample."""

    def __init__(self, critic, features, more):
        super().__init__()
        self.below, self.kernels = critic[:-1], nn.Linear(features, 80, bias=False) if more == 16 else nn.Identity()
        self.last = nn.Linear(features + more, 1)

    def forward(self, x):
        h = self.below(x)
        return self.last(torch.cat([h, self.more(h)], 1))


class Spread(Beside):
    def more(self, h):
        return h.var(0, correction=0).add(1e-8).sqrt().mean().expand(len(h), 1)


class Nearness(Beside):
    def more(self, h):
        rows = self.kernels(h).reshape(len(h), 16, 5)
        return torch.stack([torch.stack([torch.exp(-(a - b).abs().sum(1)) for b in rows]).mean(0) for a in rows])


class MinibatchStd(Textbook):
    def build_critic(self, critic):
        return Spread(critic, 8, 1)


class MinibatchDiscrimination(Textbook):
    def build_critic(self, critic):
        return Nearness(critic, 8, 16)


class VirtualBatchNorm(Textbook):
    """The statistics of each norm are those of the reference and the sample together, one sample at a time."""

    def start(self):
        self.references = self.draws.critic(0)[:2]
        self.updates = 0

    def through(self, network, reference, x):
        for layer in network:
            if isinstance(layer, nn.BatchNorm1d):
                x = torch.cat([layer(torch.cat([reference, one[None]]))[-1:] for one in x])
            else:
                x = layer(x)
            reference = layer(reference)
        return x

    def sample(self, latent):
        return self.through(self.generator, self.references[1], latent)

    def scores(self, real, fake):
        return tuple(self.through(self.critic, self.references[0], x).squeeze(1) for x in (real, fake))

    def after(self, player, fake):
        if player == "critic":
            self.updates += 1
            if self.updates % 3 == 0:
                self.references = self.draws.critic(self.updates - 1)[:2]


ORACLES = {
    "ema": Textbook,  # which changes no training: its average has a test in tests/engine
    "feature-matching": FeatureMatching,
    "historical-averaging": HistoricalAveraging,
    "instance-noise": InstanceNoise,
    "replay": Replay,
    "minibatch-std": MinibatchStd,
    "minibatch-discrimination": MinibatchDiscrimination,
    "virtual-batch-norm": VirtualBatchNorm,
}
MODES = ["stacked", "vmap", "single"]


def placed(mode, monkeypatch, dtype=torch.float64):
    """How runs train in a mode; "vmap" takes the MLP's own way with stacks away."""
    if mode == "vmap":
        plain = {name: copy.copy(ARCHITECTURES[name]) for name in ("mlp", "mlp-bn")}
        for name, entry in plain.items():
            object.__setattr__(entry, "forward", None)
            object.__setattr__(entry, "slope", None)
            monkeypatch.setitem(ARCHITECTURES, name, entry)
    return Placement("single" if mode == "single" else "stacked", dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_equals_a_plain_loop_that_writes_it_out(name, mode, monkeypatch):
    """Which makes stacks, torch.vmap and single runs equal to one another as well."""
    specs = [spec_of(name, seed) for seed in range(1 if mode == "single" else 2)]
    outcomes = train(specs, placement=placed(mode, monkeypatch))
    for spec, outcome in zip(specs, outcomes, strict=True):
        book = ORACLES[name](spec)
        losses = book.run()
        for player in ("critic", "generator"):
            got = outcome.curves[f"{player}_loss"]
            np.testing.assert_allclose(got, losses[player], rtol=2e-6, atol=1e-7)  # curves are float32
            kept = {key: w for key, w in outcome.weights[player].items() if key != "reference.rows"}
            ours = torch.cat([torch.from_numpy(w).flatten() for w in kept.values()])
            torch.testing.assert_close(ours.double(), book.flat(player), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(TRICKS) - {"ema"}))
def test_an_oracle_of_a_trick_is_another_training(name):
    """A trick that did nothing would pass the test above with an oracle that did nothing."""
    assert not np.allclose(ORACLES[name](spec_of(name)).run()["critic"], Textbook(spec_of(name)).run()["critic"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["stacked", pytest.param("vmap", marks=pytest.mark.slow), "single"])
@pytest.mark.parametrize("name", TRICKS)
def test_a_training_with_a_trick_goes_on_from_its_checkpoint_bit_for_bit(name, mode, monkeypatch):
    placement = placed(mode, monkeypatch, torch.float32)
    specs = [spec_of(name, seed) for seed in range(1 if mode == "single" else 2)]
    kept = []
    whole = train(specs, (0, STEPS), 20, placement, Checkpoints(kept.append, every_s=0))
    later = []
    resumed = train(specs, (0, STEPS), 20, placement, Checkpoints(later.append, kept[2], every_s=0))
    assert len(later) == STEPS - 3  # it went on, and did not begin anew
    assert alike(resumed, whole)
    assert all(same(arrays(a), arrays(b)) for a, b in zip(later, kept[3:], strict=True))


@pytest.mark.parametrize("name", TRICKS)
def test_a_run_has_the_same_bits_in_every_stack(name):
    three = train([spec_of(name, seed) for seed in range(3)])
    nine = train([spec_of(name, seed) for seed in (5, 6, 0, 7, 8, 2, 9, 1, 4)])
    assert alike([three[0], three[1], three[2]], [nine[2], nine[7], nine[5]])


@pytest.mark.parametrize("lifted", [False, True])
@pytest.mark.parametrize("name", TRICKS)
def test_every_hook_passes_the_trial_of_plug_ins(name, lifted):
    spec = spec_of(name)
    if TRICKS[name].network and not TRICKS[name].fill:
        pytest.skip("it is its network alone")
    setting = setting_of(spec.setup, spec.hyper)._replace(lifted=lifted)
    hooks = list(hooks_of("trick", name, spec.setup, setting))
    assert hooks
    assert [fault(hook, setting) for hook in hooks] == [""] * len(hooks)


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_shifts_no_other_draw(name):
    """Beside it, a run has the initial weights, the real samples and the latents that it has without it."""
    spec = spec_of(name)
    plain = Stack([make_spec("nsgan", steps=STEPS, architecture=spec.setup.architecture)], DOUBLE)
    tricked = Stack([spec], DOUBLE)
    assert same(plain.state.params["generator"], tricked.state.params["generator"])
    for player, streams in plain.streams.items():
        for purpose, stream in streams.items():
            assert torch.equal(stream.row(3), tricked.streams[player][purpose].row(3))


@pytest.mark.parametrize("name", [name for name in TRICKS if TRICKS[name].couples])
@pytest.mark.parametrize("n", [40, minibatch.HELD + 36])
def test_a_batch_that_is_fixed_scores_its_own_samples_as_training_does(name, n):
    pair = build_pair(spec_of(name).setup)
    assert couples_samples(pair.critic)
    weights = Layout(pair.critic).split(pair.draw(spec_of(name).setup, noise.generator(0, "w"), "critic"))
    draw = noise.generator(0, "test")
    real, other = torch.randn(n, 2, generator=draw), torch.randn(7, 2, generator=draw)
    held = real[: minibatch.HELD] if name == "minibatch-discrimination" else real
    expected = torch.func.functional_call(pair.critic, weights, (held,))
    fixed = with_statistics_of(real, pair.critic, weights)
    torch.testing.assert_close(fixed(real)[: len(held)], expected)
    torch.testing.assert_close(fixed(torch.cat([other, real]))[7:][: len(held)], expected)
    whole = torch.func.functional_call(pair.critic, weights, (real,))
    assert torch.allclose(fixed(real), whole) == (len(held) == n)  # of more rows than are held, an estimate


def test_virtual_norm_of_maps_is_batch_norm_of_the_reference_and_one_sample():
    norm, x = nn.BatchNorm2d(3, track_running_stats=False), torch.randn(5 + 4, 3, 6, 6) * 2 + 1
    got = VirtualNorm(norm, 5)(x)
    torch.testing.assert_close(got[:5], norm(x[:5]))
    for one in range(5, 9):
        torch.testing.assert_close(got[one], norm(torch.cat([x[:5], x[one : one + 1]]))[-1], atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("name", [name for name in TRICKS if TRICKS[name].network])
@pytest.mark.parametrize("architecture", ["dcgan"])
def test_a_stack_of_convolutional_runs_equals_each_alone(name, architecture):
    """Two routes: convolutions of all runs at once, and the module called on one run."""
    specs = [spec_of(name, seed, architecture=architecture, dataset=data_for(architecture), batch=8) for seed in (0, 1)]
    stacked = train(specs, placement=DOUBLE)
    for spec, outcome in zip(specs, stacked, strict=True):
        alone = train([spec], placement=Placement("single", dtype=torch.float64))[0]
        for player in ("critic", "generator"):
            np.testing.assert_allclose(outcome.curves[f"{player}_loss"], alone.curves[f"{player}_loss"], rtol=1e-5)


def test_samples_are_drawn_again_from_what_a_run_with_a_reference_keeps():
    """Its generator's reference is kept beside its parameters: no reader needs the trick's memory."""
    spec = spec_of("virtual-batch-norm")
    (outcome,) = train([spec], at=[STEPS], samples=50)
    again = draw_samples(spec.setup, outcome.weights["generator"], spec.seed, "score", 50)
    np.testing.assert_allclose(again, outcome.snapshots[STEPS]["generated"], atol=1e-5)
    other = dict(outcome.weights["generator"])
    other["reference.rows"] = other["reference.rows"][::-1] * 3
    assert not np.allclose(draw_samples(spec.setup, other, spec.seed, "score", 50), again, atol=1e-2)
    network = build_network(spec.setup, "generator", outcome.weights["generator"])
    latents = latent_batches(build_pair(spec.setup), spec.setup, spec.seed, "score", 50)[0]
    np.testing.assert_allclose(network(latents).detach(), again, atol=1e-5)


def test_the_buffer_of_replay_holds_only_what_was_generated():
    """Whatever is read has been written: its slots are filled before the first update."""
    stack = Stack([spec_of("replay", seed) for seed in range(2)], DOUBLE)
    buffer = stack.state.extra["replay"]
    assert buffer.shape == (2, N, 16, 2)
    assert torch.equal(buffer[:, :, 0], buffer[:, :, 15])
    assert float(buffer.abs().min()) > 0


SUITE = """\
version: 1
name: t
train: {steps: 2, batch: 8, TRAIN}
objectives: {mine: {base: BASE, tricks: {TRICK: {}}}}
architectures: {mlp-bn: {critic: {norm: batch}}}
matrix: [{dataset: 8gaussians, architecture: ARCH, objective: mine}]
"""


@pytest.mark.parametrize(
    ("base", "trick", "architecture", "setting", "codes"),
    [
        ("nsgan", "minibatch-std", "mlp", "", []),
        ("wgan-gp", "minibatch-std", "mlp", "", ["not-together"]),
        ("nsgan", "minibatch-discrimination", "mlp", "micro_batch: 4", ["not-together"]),
        ("nsgan", "virtual-batch-norm", "mlp", "", ["not-together"]),
        ("nsgan", "virtual-batch-norm", "mlp-bn", "", []),
        ("wgan-gp", "virtual-batch-norm", "mlp-bn", "", []),
        ("wgan-gp", "instance-noise", "mlp-bn", "", ["batch-norm-in-penalty"]),
        ("nsgan", "instance-noise", "mlp", "schedule: {instance-noise.sd: constant}", []),
        ("nsgan", "replay", "mlp", "schedule: {instance-noise.sd: linear}", ["unknown-name"]),
    ],
)
def test_what_a_trick_cannot_stand_beside_is_refused(base, trick, architecture, setting, codes, tmp_path):
    text = SUITE.replace("BASE", base).replace("TRICK", trick).replace("ARCH", architecture).replace("TRAIN", setting)
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(SuiteError) if codes else nullcontext() as raised:
        load_suite(str(path))
    assert [problem.code for problem in (raised.value.problems if raised else [])] == codes


def test_a_float_falls_to_0_unless_the_suite_says_otherwise(tmp_path):
    schedules = []
    for setting in ("", "schedule: {instance-noise.sd: cosine}", "schedule: {instance-noise.sd: constant}"):
        path = tmp_path / "s.yaml"
        text = SUITE.replace("BASE", "nsgan").replace("TRICK", "instance-noise").replace("ARCH", "mlp")
        path.write_text(text.replace("TRAIN", setting))
        schedules.append(expand(load_suite(str(path))).runs[0].spec.setup.train["schedule"])
    assert schedules == [{"instance-noise.sd": "linear"}, {"instance-noise.sd": "cosine"}, {}]
