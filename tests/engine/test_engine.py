"""Stacked training against a plain loop, and the ways in which a run must not depend on its surroundings."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles import DOUBLE, NAN_AT, make_spec, plain_loop, same

from harness import objectives
from harness.architectures import ARCHITECTURES
from harness.engine import noise, schedules, train
from harness.engine.networks import with_statistics_of
from harness.engine.snapshots import AMONG, critic_scores
from harness.engine.stack import Placement, Stack
from harness.objectives import OBJECTIVES, TRICKS, Trick

PLAYERS = ("generator", "critic")
MAXOUT = {"activation": "maxout", "pieces": 5}


def check_equal_to_plain_loop(specs, mode):
    for spec, outcome in zip(specs, train(specs, placement=Placement(mode, dtype=torch.float64)), strict=True):
        expected = plain_loop(spec)
        for player in PLAYERS:
            got = outcome.curves[f"{player}_loss"]
            np.testing.assert_allclose(got, expected["losses"][player], rtol=2e-6, atol=1e-7)  # curves are float32
            for name, value in expected[player].items():
                got = outcome.weights[player][name]
                np.testing.assert_allclose(got, value.detach().numpy(), rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "objective"),
    [*itertools.product(["mlp", "mlp-bn"], OBJECTIVES), ("mlp-tanh", "nsgan"), ("mlp-tanh", "wgan-gp")],
)
def test_a_stack_equals_plain_loops(objective, architecture):
    specs = [
        make_spec(
            objective, architecture=architecture, seed=seed, hyper={"critic_lr": rate, "data.sd": 0.1 * (seed + 1)}
        )
        for seed, rate in enumerate([1e-3, 5e-3])
    ]
    check_equal_to_plain_loop(specs, "stacked")


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_single_run_equals_a_plain_loop(objective):
    check_equal_to_plain_loop([make_spec(objective)], "single")


@pytest.mark.parametrize("mode", ["stacked", "single"])
@pytest.mark.parametrize("objective", ["nsgan", "wgan-gp"])
def test_a_packed_critic_equals_a_plain_loop_over_packs(objective, mode):
    """A penalty takes one norm a pack, of the gradient in all of its samples."""
    specs = [make_spec(objective, seed=seed, pack=3, critic=MAXOUT) for seed in range(2)]
    check_equal_to_plain_loop(specs[:1] if mode == "single" else specs, mode)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "objective"), [*(("mlp", name) for name in OBJECTIVES), ("mlp-bn", "nsgan"), ("mlp-bn", "r1r2")]
)
def test_under_vmap_a_stack_equals_plain_loops(objective, architecture, monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, architecture, replace(ARCHITECTURES[architecture], forward=None, slope=None))
    check_equal_to_plain_loop([make_spec(objective, architecture=architecture, seed=s) for s in range(2)], "stacked")


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
@pytest.mark.parametrize("init", ["he", "default", {"normal": 0.3}])
def test_every_optimiser_and_initialisation_equals_the_plain_loop(optimizer, init):
    specs = [make_spec(seed=s, players={"init": init}, optimizer=optimizer, hyper={"beta1": 0.5}) for s in range(2)]
    check_equal_to_plain_loop(specs, "stacked")


def check_alone_and_in_stacks(run):
    """`run(seed, **hyper)` makes a spec. A lone run is padded to two, so that 1 belongs to the list."""
    seven, mates = run(7), [run(seed, critic_lr=1e-2) for seed in range(8)]
    steps = seven.setup.train["steps"]
    alone = train([seven], at=[steps], samples=100)[0]
    for stack in ([*mates[:2], seven], [*mates[:3], seven, *mates[3:8]]):
        again = train(stack, at=[steps], samples=100)[stack.index(seven)]
        assert same(alone.weights, again.weights)
        assert same(alone.curves, again.curves)
        assert same(alone.snapshots, again.snapshots)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("architecture", ["mlp", "mlp-bn"])
def test_a_run_does_not_depend_on_its_stack_bit_for_bit(objective, architecture):
    check_alone_and_in_stacks(
        lambda seed, **hyper: make_spec(objective, architecture=architecture, seed=seed, steps=8, hyper=hyper)
    )


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["nsgan", "wgan-gp"])
@pytest.mark.parametrize("pack", [2, 3, 4])
def test_nor_does_one_whose_critic_sees_packs(objective, pack):
    """With the networks of suite `modes`: batch norm in the generator, maxout in the critic."""
    players = {"norm": "batch"}
    check_alone_and_in_stacks(
        lambda seed, **hyper: make_spec(
            objective, seed=seed, steps=8, pack=pack, players=players, critic={"norm": "none", **MAXOUT}, hyper=hyper
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "softplus", "elu", "sigmoid", "scaled_softplus"])
@pytest.mark.parametrize("architecture", ["mlp", "mlp-bn"])
@pytest.mark.parametrize(("batch", "width"), [(13, 7), (100, 10)])
def test_nor_where_sizes_fill_no_register(activation, architecture, batch, width):
    """The remainder of an odd tensor goes through code that rounds otherwise; matrices lie at odd addresses."""
    players = {"width": width, "activation": activation}
    check_alone_and_in_stacks(
        lambda seed, **hyper: make_spec(
            "nsgan", architecture=architecture, seed=seed, steps=4, batch=batch, players=players, hyper=hyper
        )
    )


@pytest.mark.slow
def test_score_points_change_nothing():
    often = train([make_spec(steps=70)], at=range(0, 71, 14), samples=50)[0]
    never = train([make_spec(steps=70)])[0]
    assert same(often.weights, never.weights)
    assert same(often.curves, never.curves)


def test_noise_is_addressed():
    """A later block is the same whether or not earlier ones were read, and whatever else the stack draws."""
    draw = noise.normal([3, 4], "critic.latent", (5, 2))
    whole = noise.Stream(2, draw, torch.device("cpu"), torch.float32)
    rows = [whole.row(u).clone() for u in range(2 * noise.BLOCK)]
    late = noise.Stream(2, draw, torch.device("cpu"), torch.float32)
    assert torch.equal(late.row(noise.BLOCK + 3), rows[noise.BLOCK + 3])
    other = noise.Stream(1, noise.normal([4], "critic.latent", (5, 2)), torch.device("cpu"), torch.float32)
    assert torch.equal(other.row(9)[0], rows[9][1])


@pytest.mark.parametrize("runs", [1, 2, 2 * noise.AT_ONCE + 2])
@pytest.mark.parametrize("gathered", [False, True])
def test_noise_that_threads_draw_ahead_is_the_same(runs, gathered):
    """Read in order and with a gap, of more runs than one thread draws at once."""
    points = torch.randn(runs, 20, 2, dtype=torch.float64)
    draw, gather = noise.normal(range(runs), "critic.latent", (5, 2)), None
    if gathered:
        draw = noise.shuffled(range(runs), "critic.real", 5, [20] * runs)
        gather = lambda places: points[torch.arange(runs)[:, None], places]  # noqa: E731
    cpu, double = torch.device("cpu"), torch.float64
    plain = noise.Stream(runs, draw, cpu, double, gather)
    with ThreadPoolExecutor(2) as threads:
        ahead = noise.Stream(runs, draw, cpu, double, gather, threads)
        for update in (*range(70), 3 * noise.BLOCK - 1, 3):
            row = ahead.row(update)
            assert (len(row), row.dtype) == (runs, double)
            assert torch.equal(row, plain.row(update))


def test_a_fixed_set_is_read_in_whole_shuffled_passes():
    n, size = 6, 20
    points = torch.arange(size).float()[:, None]
    stream = noise.Stream(1, noise.passes([1], "critic.real.order", n, [points]), torch.device("cpu"), torch.float32)
    read = torch.cat([stream.row(u)[0, :, 0] for u in range(200)])
    for start in range(0, len(read) - size, size):
        assert sorted(read[start : start + size].tolist()) == list(range(size))
    assert read[:size].tolist() != read[size : 2 * size].tolist()


def test_two_objectives_with_one_seed_start_alike_and_see_the_same_data():
    gan = train([make_spec("gan", seed=5, steps=1)], at=[0], samples=64)[0]
    gp = train([make_spec("wgan-gp", seed=5, steps=1)], at=[0], samples=64)[0]
    of_objective = {"critic_logistic", "critic_layers", "generator_layers", "critic_activations"}
    first, second = ({k: v for k, v in x.snapshots[0].items() if k not in of_objective} for x in (gan, gp))
    assert same(first, second)
    stacks = [Stack([make_spec(name, seed=5)], Placement()) for name in ("gan", "wgan-gp")]
    for player, purpose in (("critic", "real"), ("critic", "latent"), ("generator", "latent")):
        for update in (0, 3, noise.BLOCK + 1):
            first, second = (stack.streams[player][purpose].row(update) for stack in stacks)
            assert torch.equal(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["batched", "vmap"])
def test_a_diverging_run_stops_at_its_step_and_leaves_its_neighbours_alone(mode, monkeypatch):
    monkeypatch.setitem(TRICKS, "nan", NAN_AT)
    if mode == "vmap":
        monkeypatch.setitem(ARCHITECTURES, "mlp", replace(ARCHITECTURES["mlp"], forward=None, slope=None))
    good = [make_spec("wgan-gp", seed=s, steps=30, tricks=("nan",)) for s in (1, 2)]
    bad = make_spec("wgan-gp", seed=3, steps=30, tricks=("nan",), hyper={"nan.at": 12.0})
    left, broken, right = train([good[0], bad, good[1]], at=[1, 12, 13, 30], samples=20)
    assert (broken.status, broken.first_bad_step) == ("diverged", 13)
    assert broken.curves["step"].tolist() == list(range(1, 14))
    assert np.isnan(broken.curves["critic_loss"]).tolist() == [False] * 12 + [True]
    assert list(broken.snapshots) == [1, 12]
    assert broken.weights == {}
    calm = train([good[0], good[1], good[1]], at=[1, 12, 13, 30], samples=20)
    assert left.status == right.status == "ok"
    assert same(left.weights, calm[0].weights)
    assert same(right.snapshots, calm[1].snapshots)


def test_a_run_that_overflows_is_diverged():
    outcome = train([make_spec("wgan", steps=30, optimizer="sgd", hyper={"critic_lr": 1e12, "beta1": 0.0})])[0]
    assert outcome.status == "diverged"
    assert outcome.first_bad_step < 30


def test_ema_is_the_average_of_the_generators_path():
    decay = 0.9
    spec = make_spec(tricks=("ema",), hyper={"ema.decay": decay}, steps=6)
    outcome = train([spec], at=[6], samples=10, placement=DOUBLE)[0]
    path = [train([make_spec(steps=k)], placement=DOUBLE)[0].weights["generator"] for k in range(1, 7)]
    average = {k: v.copy() for k, v in initial_generator(spec).items()}
    for weights in path:
        average = {k: decay * average[k] + (1 - decay) * weights[k] for k in average}
    for name, value in average.items():
        np.testing.assert_allclose(outcome.weights["ema"][name], value, atol=1e-6)
    assert same(outcome.weights["generator"], path[-1])  # both are kept, and averaging changes no training


def initial_generator(spec):
    """Weights after training at a rate of zero."""
    still = replace(spec, hyper={**spec.hyper, "generator_lr": 0.0, "critic_lr": 0.0})
    return train([still], placement=DOUBLE)[0].weights["generator"]


def test_the_moving_average_is_what_is_sampled():
    still = make_spec(tricks=("ema",), hyper={"ema.decay": 1.0}, steps=5)
    outcome = train([still], at=[0, 5], samples=30)[0]
    assert same(outcome.snapshots[0]["generated"], outcome.snapshots[5]["generated"])


def test_every_hook_of_a_trick_is_called(monkeypatch):
    """Hooks that undo each other leave training as it was; one that adds to the loss shows in the curve."""
    called = []

    def note(name, result):
        called.append(name)
        return result

    trick = Trick(
        init=lambda params, draw: note("init", params["critic"][0] * 0),
        inputs=lambda player, real, fake, extra, noise, hyper: note("inputs", (real, fake)),
        params=lambda player, params, extra: note("params", params),
        loss=lambda player, params, critic, real, fake, extra, hyper: note("loss", hyper["test.shift"] * 1.0),
        after=lambda player, params, fake, extra, noise, hyper: note("after", extra + noise["test.coin"].mean(-1)),
        draws={"coin": ()},
        hyper={"shift": 0.0},
    )
    monkeypatch.setitem(TRICKS, "test", trick)
    plain = train([make_spec(steps=4)])[0]
    tricked = train([make_spec(steps=4, tricks=("test",), hyper={"test.shift": 3.0})])[0]
    assert set(called) == {"init", "inputs", "params", "loss", "after"}
    np.testing.assert_allclose(tricked.curves["critic_loss"], plain.curves["critic_loss"] + 3, rtol=1e-5)
    assert same(plain.weights, tricked.weights)


@pytest.mark.slow
def test_scheduled_rates_equal_a_plain_loop_that_sets_them():
    rates = {"critic_lr": "linear", "generator_lr": "linear"}
    check_equal_to_plain_loop([make_spec(seed=s, steps=20, schedule=rates) for s in range(2)], "stacked")


def test_schedules_go_from_one_to_zero():
    assert schedules.factors({"critic_lr": "linear"}, 1, 4) == {"critic_lr": 0.75}
    assert schedules.factors({"gp_weight": "cosine"}, 2, 4)["gp_weight"] == pytest.approx(0.5)
    assert schedules.factors({"a": "linear", "b": "cosine"}, 0, 4) == {"a": 1, "b": 1}


def test_n_critic_follows_its_schedule():
    n_critic = {"base": 2, "first": [3, 7], "every": [5, 4]}
    counts = [schedules.critic_updates(n_critic, step) for step in range(11)]
    assert counts == [7, 7, 7, 2, 2, 4, 2, 2, 2, 2, 4]
    outcome = train([make_spec(steps=11, n_critic=n_critic)])[0]
    assert outcome.facts["critic_updates"] == sum(counts)
    assert outcome.facts["samples_seen"] == sum(counts) * 16


@pytest.mark.parametrize("when", ["after", "before", "after+start"])
def test_clipping_happens_when_it_is_told_to(when):
    spec = make_spec("wgan-clip", steps=1, n_critic=1, constrain=when, hyper={"clip": 0.01, "critic_lr": 1.0})
    largest = max(np.abs(w).max() for w in train([spec])[0].weights["critic"].values())
    assert (largest <= 0.01 + 1e-9) == (when != "before")


def test_a_generator_without_gradient_is_saturated():
    """A critic clipped to zero scores everything alike: no gradient reaches the generator."""
    flat = train([make_spec("wgan-clip", steps=10, hyper={"clip": 0.0})])[0]
    assert flat.facts["saturated"]
    assert not train([make_spec("wgan-gp", steps=10)])[0].facts["saturated"]


def test_packing_shows_the_critic_pairs_of_samples():
    spec = make_spec("wgan-gp", pack=2, steps=3)
    outcome = train([spec], at=[3], samples=40)[0]
    assert outcome.weights["critic"]["1.weight"].shape == (8, 4)
    assert outcome.facts["samples_seen"] == 2 * 16 * outcome.facts["critic_updates"]
    assert outcome.snapshots[3]["generated"].shape == (40, 2)


@pytest.mark.slow
def test_a_fixed_generator_trains_the_critic_alone_towards_the_exact_distance():
    """On parallel lines the best 1-Lipschitz critic scores theta higher on one line than on the other."""
    spec = make_spec(
        "wgan-gp", "parallel-lines", generator="fixed", steps=400, batch=64,
        hyper={"data.theta": 0.7, "critic_lr": 5e-3, "gp_weight": 10.0},
    )  # fmt: skip
    spec = replace(spec, setup=replace(spec.setup, generator={}))
    outcome = train([spec], at=[400], samples=500)[0]
    assert set(outcome.weights) == {"critic"}
    assert "generator_loss" not in outcome.curves
    assert outcome.facts["critic_updates"] == 400
    assert (outcome.snapshots[400]["generated"][:, 0] == 0).all()
    assert outcome.curves["critic_gap"][-50:].mean() == pytest.approx(0.7, abs=0.07)


def test_snapshots_hold_what_they_declare():
    shot = train([make_spec(steps=2)], at=[2], samples=77)[0].snapshots[2]
    assert {k: v.shape for k, v in shot.items()} == {
        "generated": (77, 2),
        "fixed": (64, 2),
        "critic": (8 * 3 + 8 * 9 + 9,),
        "critic_real": (77,),
        "critic_fake": (77,),
        "critic_slopes": (3, 2),
        "critic_gradient": (77, 2),
        "critic_lipschitz": (),
        "critic_layers": (3,),
        "generator_layers": (3,),
        "critic_activations": (3,),
        "critic_logistic": (),
        "critic_pack": (),
        "critic_alone": (),
        "critic_grid": (128, 128),
        "critic_extent": (4,),
        "critic_batch": (),
    }
    assert shot["critic_batch"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("data", [{"dataset": "digits", "architecture": "dcgan"}, {"architecture": "mlp-bn"}, {}])
def test_frames_are_the_fixed_samples_of_whole_snapshots(data):
    """And keeping them changes nothing else."""
    specs = [make_spec("nsgan", seed=seed, steps=4, **data) for seed in range(2)]
    for whole, few in zip(train(specs, [0, 1, 3, 4], 70), train(specs, [1, 4], 70, frames=[0, 1, 3]), strict=True):
        assert [set(few.snapshots[step]) for step in (0, 3)] == [{"fixed"}] * 2
        for step in (0, 1, 3, 4):
            np.testing.assert_allclose(
                few.snapshots[step]["fixed"].astype(float), whole.snapshots[step]["generated"][:64], atol=1e-5
            )
        assert same(few.snapshots[4], whole.snapshots[4])
        assert same(few.curves, whole.curves)


def test_pictures_are_kept_in_bytes_and_points_in_floats():
    shot = train([make_spec("nsgan", "digits", "dcgan", steps=1)], at=[1], samples=70)[0].snapshots[1]
    assert {name: (shot[name].dtype.name, shot[name].shape) for name in ("generated", "fixed")} == {
        "generated": ("uint8", (70, 1, 16, 16)),
        "fixed": ("uint8", (64, 1, 16, 16)),
    }
    assert train([make_spec(steps=1)], at=[1])[0].snapshots[1]["generated"].dtype == np.float32


def test_the_critic_grid_is_the_critic_on_the_grid():
    outcome = train([make_spec(steps=3)], at=[3], samples=10)[0]
    shot, weights = outcome.snapshots[3], outcome.weights["critic"]
    left, right, low, high = shot["critic_extent"]
    x, y = np.linspace(left, right, 128)[100], np.linspace(low, high, 128)[17]
    h = np.array([x, y])
    for layer in ("1", "3"):
        h = np.maximum(weights[f"{layer}.weight"] @ h + weights[f"{layer}.bias"], 0)
    score = weights["5.weight"] @ h + weights["5.bias"]
    assert shot["critic_grid"][17, 100] == pytest.approx(score.item(), rel=1e-4)


def stack_with_norm(norm, runs=2):
    specs = [make_spec("wgan-clip", architecture="mlp-bn", seed=seed, players={"norm": norm}) for seed in range(runs)]
    return Stack(specs, DOUBLE)


@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_contours_have_no_seams(norm):
    """A point's score depends on neither where a grid is cut nor on what is scored beside it."""
    stack, draw = stack_with_norm(norm), noise.generator(0, "test")
    points, real = (torch.randn(2, n, 2, generator=draw, dtype=torch.float64) for n in (96, 50))
    whole = critic_scores(stack, points, real)
    for other in (critic_scores(stack, points, real, chunk=32), critic_scores(stack, points[:, 7:8], real)):
        torch.testing.assert_close(other, whole if other.shape == whole.shape else whole[:, 7:8])


def test_contours_of_batch_norm_are_scores_among_the_stated_points():
    """The real points keep the scores that training gives them; a point elsewhere changes none of the statistics."""
    stack, draw = stack_with_norm("batch"), noise.generator(1, "test")
    real = torch.randn(2, 50, 2, generator=draw, dtype=torch.float64)
    trained = stack.each(lambda flat, x, extra: stack.game.networks.critic(flat, extra).scores(x))
    torch.testing.assert_close(
        critic_scores(stack, real, real), trained(stack.state.params["critic"], real, stack.state.extra)
    )
    shot = train(stack.specs, at=[1], samples=10)[0].snapshots[1]
    assert shot["critic_batch"] == AMONG


def test_batch_norm_of_maps_uses_the_statistics_of_the_stated_batch():
    draw = noise.generator(2, "test")
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4, track_running_stats=False))
    batch, other = (3 * torch.randn(n, 1, 8, 8, generator=draw) + 1 for n in (6, 2))
    fixed = with_statistics_of(batch, network, dict(network.named_parameters()))
    torch.testing.assert_close(fixed(batch), network(batch))
    torch.testing.assert_close(fixed(torch.cat([other, batch]))[:2], fixed(other))


def test_objectives_table_names_its_critic_norms():
    assert {o.auto_norm for o in OBJECTIVES.values()} <= {"batch", "layer"}
    assert objectives.OBJECTIVES["wgan-gp"].auto_norm == "layer"


@pytest.mark.slow
def test_a_network_of_any_module_trains_under_vmap_and_alone(monkeypatch):
    """Not only Sequential ones: a builder may return whatever is an nn.Module."""

    class Wrapped(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x)

    known = ARCHITECTURES["mlp"]
    wrapped = replace(
        known,
        forward=None,
        slope=None,
        build_generator=lambda s, shape: Wrapped(known.build_generator(s, shape)),
        build_critic=lambda s, shape: Wrapped(known.build_critic(s, shape)),
    )
    plain = train([make_spec(seed=s) for s in range(2)], placement=DOUBLE)
    monkeypatch.setitem(ARCHITECTURES, "mlp", wrapped)
    for mode in ("stacked", "single"):
        again = train(
            [make_spec()] if mode == "single" else [make_spec(seed=s) for s in range(2)],
            placement=Placement(mode, dtype=torch.float64),
        )
        np.testing.assert_allclose(again[0].curves["critic_loss"], plain[0].curves["critic_loss"], rtol=1e-5)


def test_a_trick_may_change_the_weights_a_network_runs_with(monkeypatch):
    """Halving the critic's last layer halves its scores, in training and in what is kept."""

    def half(player, params, extra):
        return {k: v / 2 if player == "critic" and k.startswith("5.") else v for k, v in params.items()}

    monkeypatch.setitem(TRICKS, "half", Trick(params=half))
    still = {"critic_lr": 0.0, "generator_lr": 0.0}
    whole = train([make_spec("wgan", steps=1, hyper=still)], at=[1], samples=10)[0]
    halved = train([make_spec("wgan", steps=1, hyper=still, tricks=("half",))], at=[1], samples=10)[0]
    np.testing.assert_allclose(halved.curves["critic_gap"], whole.curves["critic_gap"] / 2, rtol=1e-5)
    np.testing.assert_allclose(halved.snapshots[1]["critic_grid"], whole.snapshots[1]["critic_grid"] / 2, rtol=1e-4)
