"""Gradients by layer, of tables whose norms fall or rise by a known factor a layer."""

import numpy as np
import pandas as pd
import pytest

from harness.report.analysis import cell_table
from harness.report.findings.layer_gradients import layer_gradients, paragraph, section
from harness.statistics.trials import wilson

FACTORS = {
    0.1: 3.0,
    0.01: 0.1,
    0.001: 0.01,
    None: 1.0,
}  # that a layer multiplies the norm by, by clip; wgan-gp has none


def table(layers=13, seeds=5, noise=0.0, zeros=0, swept="sweep.clip"):
    """The norm of layer k is FACTORS to the power of layers - k, times a seed's own; `zeros` seeds of clip .001 die."""
    rng, rows = np.random.default_rng(0), []
    for clip, factor in FACTORS.items():
        for seed in range(seeds):
            norms = factor ** (layers - np.arange(1.0, layers + 1)) * np.exp(noise * rng.normal(size=layers))
            if clip == 0.001 and seed < zeros:
                norms[:4] = 0
            rows.append({
                "run_id": f"{len(rows):04d}", "status": "ok", "dataset": "swissroll", "architecture": "mlp-deep",
                "objective": "wgan-clip" if clip else "wgan-gp", "seed": seed, swept: clip,
                **{f"activation_grad[{k}]": norm for k, norm in enumerate(norms, 1)},
                **{f"critic_grad[{k}]": 1.0 for k in range(1, layers + 1)},
            })  # fmt: skip
    return cell_table.labelled(pd.DataFrame(rows))


def test_a_factor_of_ten_a_layer_is_found():
    cells = layer_gradients(table()).cells
    assert list(cells["per_layer"]) == pytest.approx(list(FACTORS.values()))
    assert list(cells["factor"]) == pytest.approx([factor**12 for factor in FACTORS.values()])
    np.testing.assert_allclose(cells["low"], cells["high"])  # every seed has the same
    assert set(cells["layers"]) == {13}
    assert set(cells["runs"]) == {5}


def test_intervals_are_of_logarithms_over_seeds():
    runs = table(noise=0.3)
    cell = layer_gradients(runs).cells.iloc[1]
    mine = runs[runs["sweep.clip"] == 0.01]
    logs = np.log(mine["activation_grad[1]"] / mine["activation_grad[13]"])
    half = 2.7764451 * logs.std(ddof=1) / np.sqrt(5)  # Student's t, 4 degrees of freedom
    assert np.log([cell["low"], cell["factor"], cell["high"]]) == pytest.approx(logs.mean() + half * np.arange(-1, 2))


@pytest.mark.slow
def test_exact_zeros_are_counted_and_have_no_factor():
    cells = layer_gradients(table(zeros=2)).cells
    dying = cells.iloc[2]
    assert list(cells["zeros"]) == [0, 0, 2, 0]
    assert (dying["zero_share"], dying["zero_low"], dying["zero_high"]) == (0.4, *wilson(2, 5))
    assert dying["factor"] == pytest.approx(0.01**12)
    dead = layer_gradients(table(zeros=5))
    assert np.isnan(dead.cells.iloc[2]["factor"])
    assert "vanishes with wgan-clip (clip=1e-3)" in paragraph(dead)
    assert len(section(dead).panels) == 2


def test_numbers_far_below_the_squares_of_32_bits_are_not_zero():
    """1e-30 is a number of float32, its square is not."""
    small = table().replace({"activation_grad[1]": {0.01**12: 1e-30}})
    assert layer_gradients(small).cells["zeros"].sum() == 0


@pytest.mark.slow
def test_there_are_none_of_shallow_critics_or_where_nothing_that_shapes_a_gradient_is_swept():
    assert layer_gradients(table(layers=7)) is None
    assert layer_gradients(table(swept="sweep.lr")) is None
    assert layer_gradients(table(swept="sweep.sd"), ["sd"]) is None
    assert layer_gradients(table().drop(columns="sweep.clip").assign(setting="")) is None
    lost = table().assign(status="diverged")
    assert layer_gradients(lost) is None
    bare = table()
    assert layer_gradients(bare.drop(columns=[c for c in bare if "_grad[" in c])) is None


def test_the_sentence_says_which_way_by_how_much_and_how_often_it_is_zero():
    said = paragraph(layer_gradients(table(noise=0.1, zeros=1)))
    assert said.count("grows by a factor of") == 1
    assert said.count("shrinks by a factor of") == 2
    assert said.count("not change significantly") == 1
    assert "1 of 5 runs (20 % [" in said
    assert "0 of 5 runs (0.0 % [" in said
    alike = paragraph(layer_gradients(table()))
    assert alike.count("0 of 5 runs") == 1
    one = paragraph(layer_gradients(table(seeds=1)))
    assert "grows by a factor of 5.3e5 with" in one  # 3 to the power of 12
