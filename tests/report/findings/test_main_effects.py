"""Main effects of an additive table, worked out by hand."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from harness.report.analysis import cell_table
from harness.report.figures import style
from harness.report.findings.main_effects import _levels, find, main_effects, section, sentences, silence, table_of
from harness.report.text.remarks import coupled
from harness.statistics import intervals

SIDES = {"wgan-gp": 0.3, "wgan-lp": 0.32}
WEIGHTS = {0.1: 0.05, 1.0: 0.1, 10.0: 0.2}
NORMS = {"none": 0.1, "layer": 0.05, "batch": 0.0}
DIGITS = {**NORMS, "instance": 0.15}


def table(seeds=3, norms=(NORMS, DIGITS), noise=0.0, **overrides):
    """Scores are sums of effects: of a run's side, weight, norm and seed. Digits have one norm more."""
    rows = []
    for task, norms_of in zip(("ring", "digits"), norms, strict=True):
        for side, weight, norm, seed in itertools.product(SIDES, WEIGHTS, norms_of, range(seeds)):
            own = noise * np.random.default_rng([len(rows)]).normal()
            score = SIDES[side] + WEIGHTS[weight] + norms_of[norm] + 0.01 * seed + own
            rows.append({
                "run_id": f"{len(rows):04d}", "status": "ok", "dataset": task, "architecture": "mlp", "seed": seed,
                "objective": side, "sweep.gp_weight": weight, "sweep.critic.norm": norm, "sweep.lr": 1e-3,
                "setup.critic.norm": norm, "score": score, **overrides,
            })  # fmt: skip
    return cell_table.labelled(pd.DataFrame(rows))


def expected(effects):
    return {str(f"{level:g}" if isinstance(level, float) else level): value for level, value in effects.items()}


@pytest.mark.slow
def test_the_effects_of_an_additive_table_are_its_own():
    side, weight, norm, more = main_effects(table())
    assert [effect.factor for effect in (side, weight, norm, more)] == [
        "objective", "gp_weight", "critic.norm", "critic.norm",
    ]  # fmt: skip
    for effect, own in ((side, SIDES), (weight, WEIGHTS), (norm, NORMS), (more, DIGITS)):
        levels = effect.levels.set_index("level")
        gaps = {level: max(own.values()) - value for level, value in expected(own).items()}
        assert levels["ahead"].to_dict() == pytest.approx(gaps, abs=1e-12)
        np.testing.assert_allclose(levels["ahead_high"], levels["ahead"], atol=1e-12)  # every seed has the same gap
        assert effect.seeds == 3
    assert list(weight.levels["level"]) == ["0.1", "1", "10"]
    assert (norm.tasks, more.tasks) == (("ring / mlp", "digits / mlp"), ("digits / mlp",))
    assert (norm.contexts, more.contexts) == (2 * 6, 6)


def test_intervals_are_over_seeds_and_gaps_are_paired_by_them():
    runs = table(noise=0.05)
    norm = next(effect for effect in main_effects(runs) if effect.factor == "critic.norm")
    shared = runs[runs["sweep.critic.norm"].isin(NORMS)]
    cells = shared.pivot_table(index="seed", columns=["sweep.critic.norm", "task"], values="score")
    by_seed = cells.T.groupby(level=0).mean().T
    best = by_seed.mean().idxmax()
    for row in norm.levels.to_dict("records"):
        mean, gap = (
            intervals.t_interval(by_seed[row["level"]]),
            intervals.paired_difference(by_seed[best], by_seed[row["level"]]),
        )
        assert [row[key] for key in ("score", "low", "high")] == pytest.approx([mean.mean, mean.low, mean.high])
        assert [row[key] for key in ("ahead", "ahead_low", "ahead_high")] == pytest.approx(
            [gap.mean, gap.low, gap.high]
        )


@pytest.mark.slow
def test_the_norm_of_auto_is_the_one_that_it_stands_for():
    runs = table()
    auto = runs.assign(**{"sweep.critic.norm": runs["sweep.critic.norm"].replace("layer", "auto")})
    pd.testing.assert_frame_equal(table_of(main_effects(auto)), table_of(main_effects(runs)))


@pytest.mark.slow
def test_a_lost_run_scores_0_and_nothing_is_said_before_all_have_ended():
    runs = table()
    runs.loc[0, ["status", "score"]] = ["diverged", np.nan]  # wgan-gp, 0.1, none, seed 0 of ring
    side = main_effects(runs)[0].levels.set_index("level")
    lost = SIDES["wgan-gp"] + WEIGHTS[0.1] + NORMS["none"]
    whole = main_effects(table())[0].levels.set_index("level")
    assert whole.loc["wgan-gp", "score"] - side.loc["wgan-gp", "score"] == pytest.approx(lost / (9 * 3 * 2))
    runs.loc[0, "status"] = "pending"
    assert main_effects(runs) == []


def test_settings_of_training_and_what_is_not_crossed_have_no_effect():
    runs = table()
    rates = runs.drop(columns=["sweep.gp_weight", "sweep.critic.norm"]).assign(**{"sweep.lr": runs["sweep.gp_weight"]})
    assert main_effects(cell_table.labelled(rates.drop(columns=["task", "setting"]))) == []
    apart = runs[(runs["objective"] == "wgan-gp") == (runs["sweep.gp_weight"] < 1)]  # each weight with one side
    factors = {effect.factor for effect in main_effects(apart)}
    assert factors == {"critic.norm"}


def test_batch_norm_beside_a_penalty_is_said():
    runs = table(**{"hyper.gp_weight": 10.0})
    assert coupled(runs).startswith("In 36 runs ")
    assert coupled(runs.drop(columns="hyper.gp_weight")) == coupled(runs[runs["setup.critic.norm"] != "batch"]) == ""


@pytest.mark.slow
def test_each_effect_is_a_sentence_and_a_figure():
    effects = main_effects(table(noise=0.02))
    said = sentences(effects)
    assert len(said) == 4
    assert "wgan-lp scores highest" in said[0]
    assert "10 scores highest" in said[1]
    assert "none scores highest" in said[2]
    assert "on digits / mlp alone: instance scores highest" in said[3]
    assert [text.count("significant") for text in said] == [1, 2, 2, 2]
    assert len(section(effects).panels) == 4
    with style.applied():
        ax = _levels(effects[2])[0].axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["none", "layer", "batch"]


@pytest.mark.slow
def test_tasks_in_which_all_score_0_are_named_and_in_no_effect():
    """They would halve every difference."""
    runs = table()
    whole = runs[runs["dataset"] == "ring"]
    runs.loc[runs["dataset"] == "digits", "score"] = 0.0
    pd.testing.assert_frame_equal(table_of(main_effects(runs)), table_of(main_effects(whole)))
    assert silence(runs).startswith("All runs on digits / mlp score 0")
    assert silence(table()) == ""
    runs["score"] = 0.0
    assert main_effects(runs) == []
    assert "there are no main effects" in silence(runs)
    rates = runs.drop(columns=["sweep.gp_weight", "sweep.critic.norm"])
    assert silence(cell_table.labelled(rates.drop(columns=["task", "setting"]))) == ""  # nothing is crossed


@pytest.mark.slow
def test_they_open_the_answer_where_a_setting_is_asked_about():
    runs = table()
    view = {"is_study": False, "data_axes": ()}
    opening = find(SimpleNamespace(learners=runs, **view))
    assert opening.opens
    assert opening.paragraphs[0].startswith("Main effect of objective (2 tasks, n = 3 seeds): wgan-lp scores highest")
    norms = runs[runs["sweep.gp_weight"] == 1.0].drop(columns=["sweep.gp_weight", "task", "setting"])
    assert not find(SimpleNamespace(learners=cell_table.labelled(norms), **view)).opens
    silent = find(SimpleNamespace(learners=runs.assign(score=0.0), **view))
    assert not silent.frames
    assert not silent.draw()["effects"].panels
