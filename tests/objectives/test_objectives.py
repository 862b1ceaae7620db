"""Losses, penalties and constraints against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles import DOUBLE, make_spec
from torch.nn import functional as F

from harness.datasets import DATASETS
from harness.engine import train
from harness.objectives import OBJECTIVES, PENALTIES, TRICKS, Critic, no_penalty, objective_of
from harness.objectives.penalties import (
    both_penalties,
    gradient_penalty,
    one_sided_penalty,
    perturbed_penalty,
    real_penalty,
    slope_norm,
)


def bind(scores, sample_dims=1):
    """A Critic of one run from a function of samples."""
    return Critic(scores, lambda x: x, torch.func.grad(lambda x: scores(x).sum()), sample_dims)


def hyper_of(objective):
    return {name: torch.tensor(value) for name, value in OBJECTIVES[objective].hyper.items()}


def test_gradient_penalty_of_a_linear_critic_is_exact():
    w = torch.tensor([3.0, 4.0])  # slope 5 everywhere
    real, fake, noise = torch.randn(5, 2), torch.randn(5, 2), {"mix": torch.rand(5)}
    penalty = gradient_penalty(bind(lambda x: x @ w), real, fake, noise, {"gp_weight": torch.tensor(10.0)})
    torch.testing.assert_close(penalty, torch.tensor(160.0))


@pytest.mark.parametrize(("slope", "expected"), [(0.5, 0.0), (1.0, 0.0), (3.0, 4.0)])
def test_the_one_sided_penalty_leaves_small_slopes_alone(slope, expected):
    critic = bind(lambda x: slope * x[:, 0])
    real, fake = torch.randn(5, 2), torch.randn(5, 2)
    penalty = one_sided_penalty(critic, real, fake, {"mix": torch.rand(5)}, {"gp_weight": torch.tensor(1.0)})
    torch.testing.assert_close(penalty, torch.tensor(expected))


def test_the_penalty_is_taken_between_real_and_fake():
    """On |x|^2 / 2 the slope at x is |x|: mix 1 is the real point, mix 0 the fake one."""
    critic = bind(lambda x: x.square().sum(1) / 2)
    real, fake = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
    for mix, norm in [(1.0, 5.0), (0.0, 2.0), (0.5, math.hypot(1.5, 3))]:
        penalty = gradient_penalty(critic, real, fake, {"mix": torch.tensor([mix])}, {"gp_weight": torch.tensor(1.0)})
        assert penalty.item() == pytest.approx((norm - 1) ** 2, rel=1e-5)


def test_penalties_of_a_slope_at_the_samples_are_exact():
    """R1 of a linear critic w x is gamma / 2 |w|^2, with R2 twice that; of |x|^2 / 2 the slope at x is x itself."""
    w, gamma = torch.tensor([3.0, 4.0]), {"gamma": torch.tensor(10.0)}
    real, fake = torch.randn(5, 2), torch.randn(5, 2)
    for penalty, times in ((real_penalty, 1), (both_penalties, 2)):
        torch.testing.assert_close(penalty(bind(lambda x: x @ w), real, fake, {}, gamma), torch.tensor(125.0 * times))
    curved = bind(lambda x: x.square().sum(1) / 2)
    squares = [5 * x.square().sum(1).mean() for x in (real, fake)]
    torch.testing.assert_close(real_penalty(curved, real, fake, {}, gamma), squares[0])
    torch.testing.assert_close(both_penalties(curved, real, fake, {}, gamma), sum(squares))


def test_the_perturbed_penalty_is_taken_where_its_definition_says():
    """On |x|^2 / 2 the slope at x is |x|, here of x + mix std jitter / 2; a linear critic has one slope everywhere."""
    real, fake = torch.tensor([[3.0, 0.0], [0.0, 3.0]]), torch.full((2, 2), torch.nan)  # std of all values: 1.5
    noise = {"mix": torch.tensor([1.0, 0.5]), "jitter": torch.tensor([[1.0, 0.0], [0.4, 1.0]])}
    points = torch.tensor([[3.75, 0.0], [0.15, 3.375]])
    critic, weight = bind(lambda x: x.square().sum(1) / 2), {"gp_weight": torch.tensor(10.0)}
    expected = 10 * (points.norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(perturbed_penalty(critic, real, fake, noise, weight), expected)
    linear = bind(lambda x: x @ torch.tensor([3.0, 4.0]))
    torch.testing.assert_close(perturbed_penalty(linear, real, fake, noise, weight), torch.tensor(160.0))


def test_penalties_of_pictures_count_every_pixel():
    critic = bind(lambda x: 2 * x.sum((1, 2, 3)), sample_dims=3)
    x = torch.randn(4, 1, 3, 3)
    torch.testing.assert_close(slope_norm(critic, x), torch.full((4,), 6.0))


def test_a_flat_critic_has_a_finite_penalty_and_gradient():
    w = torch.zeros(2, requires_grad=True)
    critic = Critic(lambda x: x @ w, lambda x: x, lambda x: w.expand(x.shape), 1)
    penalty = gradient_penalty(
        critic, torch.randn(3, 2), torch.randn(3, 2), {"mix": torch.rand(3)}, {"gp_weight": torch.tensor(1.0)}
    )
    (grad,) = torch.autograd.grad(penalty, w)
    assert penalty.item() == 1
    assert torch.equal(grad, torch.zeros(2))


def test_logistic_losses_are_cross_entropies():
    real, fake = torch.randn(50) * 3, torch.randn(50) * 3
    gan, nsgan = OBJECTIVES["gan"], OBJECTIVES["nsgan"]
    bce = F.binary_cross_entropy_with_logits
    expected = bce(real, torch.ones(50)) + bce(fake, torch.zeros(50))
    torch.testing.assert_close(gan.critic_loss(real, fake, {}), expected)
    torch.testing.assert_close(gan.generator_loss(real, fake, {}), -bce(fake, torch.zeros(50)))
    torch.testing.assert_close(nsgan.generator_loss(real, fake, {}), bce(fake, torch.ones(50)))


def test_label_smoothing_moves_the_target_of_real_samples_alone():
    real, fake, smoothing = torch.randn(50) * 3, torch.randn(50) * 3, {"smoothing": torch.tensor(0.1)}
    bce = F.binary_cross_entropy_with_logits
    expected = bce(real, torch.full((50,), 0.9)) + bce(fake, torch.zeros(50))
    torch.testing.assert_close(OBJECTIVES["nsgan-smooth"].critic_loss(real, fake, smoothing), expected)
    none = {"smoothing": torch.tensor(0.0)}
    plain = OBJECTIVES["nsgan"].critic_loss(real, fake, {})
    assert OBJECTIVES["nsgan-smooth"].critic_loss(real, fake, none) == plain


def test_pairing_losses_are_those_of_the_other_player_s_scores():
    """Antisymmetric: what the critic gains by real above generated, the generator gains by generated above real."""
    rpgan, real, fake = OBJECTIVES["rpgan"], torch.randn(50) * 3, torch.randn(50) * 3
    torch.testing.assert_close(rpgan.critic_loss(real, fake, {}), rpgan.generator_loss(fake, real, {}))
    torch.testing.assert_close(
        rpgan.critic_loss(real, fake, {}), F.binary_cross_entropy_with_logits(real - fake, torch.ones(50))
    )
    assert rpgan.critic_loss(real, real, {}).item() == pytest.approx(math.log(2))


def test_logistic_losses_survive_scores_whose_probability_is_zero():
    far = torch.tensor([200.0, -200.0])
    for name in ("gan", "nsgan"):
        assert torch.isfinite(OBJECTIVES[name].critic_loss(-far, far, {}))
        assert torch.isfinite(OBJECTIVES[name].generator_loss(far, far, {}))


SIGMOID = [("gan", "gan-sigmoid"), ("nsgan", "nsgan-sigmoid")]


@pytest.mark.parametrize(("logits", "probabilities"), SIGMOID)
def test_losses_from_probabilities_are_those_from_logits_where_both_are_numbers(logits, probabilities):
    one, other = OBJECTIVES[logits], OBJECTIVES[probabilities]
    real, fake = torch.randn(50, dtype=torch.float64) * 3, torch.randn(50, dtype=torch.float64) * 3
    real.requires_grad_()
    fake.requires_grad_()
    for player in ("critic_loss", "generator_loss"):
        values = [getattr(entry, player)(real, fake, {}) for entry in (one, other)]
        slopes = [torch.autograd.grad(value, [real, fake], materialize_grads=True) for value in values]
        torch.testing.assert_close(*values)
        torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("score", [17.0, -90.0])
def test_losses_from_probabilities_overflow_where_32_bits_round_them_to_0_or_1(score):
    """In 1 / (1 + exp(-x)), 1 + exp(-17) is rounded to 1, and exp(90) is above the largest number, 3.4e38."""
    sure, even = torch.full((4,), score), torch.zeros(4)
    critic_loss, saturating, other = (
        OBJECTIVES["gan-sigmoid"].critic_loss,
        OBJECTIVES["gan-sigmoid"].generator_loss,
        OBJECTIVES["nsgan-sigmoid"].generator_loss,
    )
    on_fake, on_real = (math.inf, 0.0) if score > 0 else (0.0, math.inf)
    assert critic_loss(even, sure, {}).item() == pytest.approx(math.log(2) + on_fake)
    assert critic_loss(sure, even, {}).item() == pytest.approx(math.log(2) + on_real)
    assert saturating(even, sure, {}).item() == -on_fake
    assert other(even, sure, {}).item() == on_real


def test_at_its_optimum_the_gan_loss_is_log_4():
    even = torch.zeros(10)
    assert OBJECTIVES["gan"].critic_loss(even, even, {}).item() == pytest.approx(math.log(4))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_losses_reduce_over_samples_alone(name):
    """A stack's losses are its runs' own, and the order of samples is nothing to them."""
    objective, hyper = OBJECTIVES[name], hyper_of(name)
    real, fake = torch.randn(3, 16, dtype=torch.float64), torch.randn(3, 16, dtype=torch.float64)
    for loss in (objective.critic_loss, objective.generator_loss):
        together = loss(real, fake, hyper)
        assert together.shape == (3,)
        torch.testing.assert_close(together, torch.stack([loss(r, f, hyper) for r, f in zip(real, fake, strict=True)]))
        order = torch.randperm(16)
        torch.testing.assert_close(together, loss(real[:, order], fake[:, order], hyper))


SHIFTED = [OBJECTIVES[name].critic_loss for name in ("wgan", "rpgan")]


@pytest.mark.parametrize("name", [name for name, entry in OBJECTIVES.items() if entry.critic_loss in SHIFTED])
def test_losses_of_differences_ignore_a_shift_of_the_critic(name):
    objective, real, fake = OBJECTIVES[name], torch.randn(9), torch.randn(9)
    torch.testing.assert_close(
        objective.critic_loss(real + 7, fake + 7, {}), objective.critic_loss(real, fake, {}), atol=1e-5, rtol=0
    )


def test_clipping_clamps_each_run_to_its_own_limit():
    params = torch.tensor([[-5.0, 0.001, 5.0], [-5.0, 0.001, 5.0]])
    clipped = OBJECTIVES["wgan-clip"].constrain(params, {"clip": torch.tensor([0.01, 2.0])})
    torch.testing.assert_close(clipped, torch.tensor([[-0.01, 0.001, 0.01], [-2.0, 0.001, 2.0]]))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_entry_is_whole(name):
    objective = OBJECTIVES[name]
    assert objective.version >= 1
    assert objective.summary
    assert set(objective.recipe) == {dataset.kind for dataset in DATASETS.values()} | {"images"}
    for recipe in objective.recipe.values():
        assert set(recipe.hyper) == set(objective.hyper)
        assert recipe.source
    if objective.penalty is not no_penalty:
        assert objective.auto_norm != "batch"  # a penalty a sample needs a critic that does not couple samples


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_entry_that_reads_real_scores_says_so(name):
    """`relative` is what makes the engine score real samples for the generator: unsaid, they would be missing."""
    objective = OBJECTIVES[name]
    loss = objective.generator_loss(torch.full((3,), torch.nan), torch.zeros(3), hyper_of(name))
    assert loss.isnan().item() == objective.relative


@pytest.mark.parametrize("name", TRICKS)
def test_every_trick_is_whole(name):
    assert TRICKS[name].version >= 1
    assert TRICKS[name].summary


def test_a_recipe_is_a_line_with_its_paper():
    assert str(OBJECTIVES["wgan-gp"].recipe["images"]) == (
        "adam, lr 1e-4, betas 0 and 0.9, n_critic 5, gp_weight 10; Gulrajani et al. 2017, algorithm 1"
    )
    apart = replace(OBJECTIVES["gan"].recipe["toys"], critic_lr=4e-4)
    assert str(apart).startswith("adam, critic lr 4e-4, generator lr 2e-4, ")
    assert str(apart).endswith("section 4")


@pytest.mark.parametrize("ready", [name for name, entry in OBJECTIVES.items() if entry.penalty is not no_penalty])
def test_a_ready_objective_is_a_loss_with_a_penalty_of_the_table(ready):
    entry = OBJECTIVES[ready]
    (penalty,) = [name for name, one in PENALTIES.items() if one.term is entry.penalty]
    loss = next(
        name
        for name, one in OBJECTIVES.items()
        if one.penalty is no_penalty
        and (one.critic_loss, one.generator_loss) == (entry.critic_loss, entry.generator_loss)
    )
    made = objective_of(loss, penalty)
    facts = ("critic_loss", "generator_loss", "penalty", "draws", "ranges", "whole_batch", "auto_norm", "relative")
    assert [getattr(made, fact) for fact in facts] == [getattr(entry, fact) for fact in facts]
    assert made.hyper.keys() == entry.hyper.keys()


def test_a_penalty_beside_any_loss_trains_as_the_ready_objective_does():
    """`nsgan` with R1 and the recipe of `r1` has its curves, bit by bit; without, others."""
    ready = make_spec("r1")
    added = make_spec("nsgan", hyper=ready.hyper, **ready.setup.train, penalty="r1")
    curves, same = (train([spec], placement=DOUBLE)[0].curves for spec in (ready, added))
    assert all(np.array_equal(curves[name], same[name]) for name in curves)
    plain = train([make_spec("nsgan", hyper=ready.hyper, **ready.setup.train)], placement=DOUBLE)[0].curves
    assert not np.array_equal(curves["critic_loss"], plain["critic_loss"])
