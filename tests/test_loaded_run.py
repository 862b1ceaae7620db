"""What a run keeps, in Python: equal to what the store, the table, the engine and `harness sample` say of it."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import harness
from harness import loaded_run
from harness.architectures import ARCHITECTURES, mlp
from harness.engine.networks import build_pair
from harness.engine.sampling import latent_batches
from harness.errors import HarnessError, StoreError
from harness.store import Store
from harness.store.artefacts import GRID_PARTS


@pytest.fixture
def load(results):
    """Load a run by its objective and architecture."""
    return lambda name: harness.load_run(results[name])


@pytest.mark.parametrize("name", ["averaged mlp", "averaged mlp-bn"])
def test_the_generator_makes_the_samples_of_harness_sample(load, call, name):
    run = load(name)
    assert call("sample", run.run_id[:9], "-n", "20", "-o", "out.npz", "--seed", "3")[0] == 0
    with np.load("out.npz") as file:
        written = file["samples"]
    assert np.array_equal(run.draw(20, seed=3), written)
    rows = latent_batches(build_pair(run.spec.setup), run.spec.setup, 3, loaded_run.PURPOSE, 20)
    with torch.no_grad():
        made = torch.cat([run.generator(row) for row in rows])[:20]
    np.testing.assert_allclose(made.numpy(), written, rtol=1e-5, atol=1e-6)
    assert not run.generator.training
    assert run.weights[0] == "ema"


def test_the_critic_scores_as_it_did_at_the_end_of_training(load):
    # Scores are kept rounded to a part of their range, then to half precision (11 bits).
    for name in ("averaged mlp", "wgan-clip mlp"):
        run = load(name)
        last = run.store.snapshot(run.run_id)
        x0, x1, y0, y1 = last["critic_extent"]
        x, y = np.meshgrid(np.linspace(x0, x1, 128), np.linspace(y0, y1, 128))
        with torch.no_grad():
            scores = run.critic(torch.tensor(np.stack([x, y], -1), dtype=torch.float32).reshape(-1, 2))
        again, kept = scores.numpy().reshape(128, 128), last["critic_grid"]
        np.testing.assert_allclose(again, kept, rtol=2**-11, atol=1e-4 + np.ptp(again) / GRID_PARTS / 2)


def test_its_row_is_that_of_the_table(load):
    table = harness.load("results/small").set_index("run_id", drop=False)
    for name in ("averaged mlp", "wild mlp", "pending mlp"):
        run = load(name)
        whole = table.loc[run.run_id]
        mine, said = (row.dropna().sort_index() for row in (run.row, whole))
        pd.testing.assert_series_equal(mine, said, check_names=False, check_dtype=False)
        assert run.status == run.row["status"]
        assert run.table.attrs == table.attrs


def test_curves_scores_and_samples_are_the_stores(load):
    run = load("averaged mlp")
    assert list(run.curves["step"]) == list(range(1, 21))
    assert list(run.scored["step"]) == [20]
    assert run.scored["w1"].iloc[-1] == run.row["w1"]
    snapshot = run.store.snapshot(run.run_id)["generated"]
    assert len(run.samples) == 60
    assert np.array_equal(run.samples, snapshot[:60])
    assert np.array_equal(run.reference, run.store.reference("8gaussians", run.run_id))
    assert run.spec.run_id == run.run_id
    assert repr(run) == f"<run {run.run_id}: 8gaussians mlp averaged seed 0>"


def test_nothing_is_read_before_it_is_asked_for_nor_twice(load):
    run = load("averaged mlp")
    before = run.curves
    shutil.rmtree(run.store.run_folder(run.run_id))
    assert run.curves is before
    assert load("averaged mlp").status == "pending"
    with pytest.raises(StoreError, match="keeps no such file"):
        _ = run.samples


@pytest.mark.parametrize(
    ("name", "part", "words"),
    [
        ("wild mlp", "generator", "its status is diverged"),
        ("pending mlp", "critic", "its status is pending"),
        ("pending mlp", "samples", "keeps no such file"),
        ("wgan-clip mlp", "generator", "trained a critic alone"),
    ],
)
def test_what_a_run_does_not_keep_is_a_sentence(load, name, part, words):
    with pytest.raises(HarnessError, match=words):
        getattr(load(name), part)


def test_a_run_that_diverged_or_waits_has_its_row_and_what_it_kept(load):
    assert len(load("wild mlp").curves) == load("wild mlp").row["first_bad_step"]
    assert load("pending mlp").scored.empty


@pytest.mark.parametrize("n", [0, -1, loaded_run.MOST + 1])
def test_too_many_or_no_samples_are_refused(load, n):
    with pytest.raises(HarnessError, match="at most 10,000,000"):
        load("averaged mlp").draw(n)


def test_weights_of_another_network_are_a_sentence(load, monkeypatch):
    def wider(settings, shape):
        return mlp.build_generator(settings.model_copy(update={"width": 5}), shape)

    entry = dataclasses.replace(ARCHITECTURES["mlp"], build_generator=wider)
    monkeypatch.setitem(ARCHITECTURES, "mlp", entry)
    for part in (lambda run: run.generator, lambda run: run.draw(3)):
        with pytest.raises(HarnessError, match="not fit 'mlp'"):
            part(load("averaged mlp"))


def test_a_run_no_longer_planned_keeps_its_networks_and_has_no_row(load):
    run = load("averaged mlp")
    store = Store(run.store.folder)
    vars(store)["plan"] = store.plan.only([])
    gone = loaded_run.KeptRun(store, run.run_id)
    assert np.array_equal(gone.draw(5), run.draw(5))
    assert repr(gone) == f"<run {run.run_id}: no longer planned>"
    for part in ("row", "reference"):
        with pytest.raises(HarnessError, match="no longer planned"):
            getattr(gone, part)
