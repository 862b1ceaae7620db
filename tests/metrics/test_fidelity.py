"""FID, KID and their relatives against closed forms, torch-fidelity's own way in, and what must not change them."""

import numpy as np
import pytest
import torch
from oracles import Shown

from harness.datasets.torchvision_repair import mend
from harness.metrics import fidelity
from harness.metrics.extractors import Extractor
from harness.metrics.extractors.own import Ready
from harness.metrics.extractors.registered import register
from harness.metrics.fidelity import fd_infinity, fid, floor_of_halves, floors, isc, kid, neighbours
from harness.metrics.neighbours import manifold_scores

RNG = np.random.default_rng(0)
CUT = 8  # features


def normal(n, mean=0.0, sd=1.0, d=CUT, seed=0):
    return mean + sd * np.random.default_rng(seed).normal(size=(n, d))


def whitened(n, mean, sd):
    """Features whose own mean and covariance are exactly these, the covariance diagonal."""
    x = RNG.normal(size=(n, len(mean)))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return np.array(mean) + x * np.array(sd)


def test_fid_of_diagonal_normals_is_the_closed_form():
    mean, sd, other, spread = [0.0, 1.0, -2.0], [1.0, 0.5, 2.0], [0.5, 1.0, 1.0], [2.0, 0.5, 1.0]
    expected = sum((a - b) ** 2 for a, b in zip(mean, other, strict=True))
    expected += sum((a - b) ** 2 for a, b in zip(sd, spread, strict=True))
    assert fid(whitened(200, mean, sd), whitened(300, other, spread)) == pytest.approx(expected, rel=1e-6)


def test_fid_of_a_shift_is_its_square_and_of_the_same_is_0():
    x = normal(500)
    assert fid(x, x + 3) == pytest.approx(9 * CUT, rel=1e-9)
    assert fid(x, x) == pytest.approx(0, abs=1e-9)
    assert fid(x, 2 * x + 1) == pytest.approx(fid(2 * x + 1, x), rel=1e-9)
    assert fid(5 * x, 10 * x + 5) == pytest.approx(25 * fid(x, 2 * x + 1), rel=1e-9)


@pytest.mark.slow
def test_kid_of_equal_laws_is_0_in_the_mean_and_grows_with_a_shift():
    values = [kid(normal(400, seed=2 * k), normal(400, seed=2 * k + 1)) for k in range(20)]
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(20)
    shifted = [kid(normal(400, mean=m), normal(400, seed=1)) for m in (0.1, 0.3, 1.0)]
    assert shifted == sorted(shifted)


@pytest.mark.parametrize("generated", [np.zeros((50, CUT)), np.ones((50, CUT)), np.repeat(normal(1), 50, 0)])
def test_a_constant_generator_has_scores_and_bad_ones(generated):
    real = normal(50, seed=1)
    assert fid(generated, real) == pytest.approx(
        ((generated[0] - real.mean(0)) ** 2).sum() + np.trace(np.cov(real.T)), rel=1e-6
    )
    assert np.isfinite(kid(generated, real))
    found = neighbours(generated, real)
    assert all(np.isfinite(list(found.values())))
    assert found["recall"] == 0


@pytest.mark.slow
def test_fewer_samples_than_a_score_takes_leave_it_undefined():
    one, three = normal(1), normal(3)
    assert np.isnan(fid(one, normal(9)))
    assert np.isnan(kid(three, normal(9)))
    assert np.isnan(list(neighbours(normal(5), normal(9)).values())).all()
    assert np.isfinite(fid(three, three + 1))  # singular, and defined


def test_order_changes_nothing():
    x, y, order = normal(200), normal(200, mean=0.2, seed=1), RNG.permutation(200)
    assert fid(x[order], y) == pytest.approx(fid(x, y), rel=1e-9)
    found, again = neighbours(x[order], y[order]), neighbours(x, y)
    assert found == pytest.approx(again, abs=1e-6)


def test_precision_and_recall_are_those_of_the_other_route():
    x, y = normal(150, sd=0.8), normal(150, seed=1)
    ours, found = manifold_scores(x, y, fidelity.NEIGHBOURS), neighbours(x, y)
    assert found["precision"] == pytest.approx(ours["precision"], abs=1e-6)
    assert found["recall"] == pytest.approx(ours["recall"], abs=1e-6)


@pytest.mark.slow
def test_the_floors_are_what_two_real_parts_reach():
    """Two draws of n from one normal law in d dimensions: 2d / n of the means and d (d + 1) / 2n of covariances."""
    n = 400
    expected = CUT * (CUT + 5) / (2 * n)
    held, train = normal(n), normal(2000, seed=1)
    values = [fid(normal(n, seed=10 + k), normal(n, seed=100 + k)) for k in range(30)]
    assert np.mean(values) == pytest.approx(expected, rel=0.1)
    assert floors(held, train)["fid"] == pytest.approx(expected, rel=0.5)
    assert floor_of_halves(held) == pytest.approx(2 * expected, rel=0.5)
    assert floors(held, train[:n])["fid"] == pytest.approx(fid(held, train[:n]), rel=1e-9)


def test_torch_fidelity_finds_the_same_in_the_same_features():
    """Its whole way, from images through a registered extractor to the scores, against ours from features."""
    mend()
    from torch_fidelity import calculate_metrics

    extractor = Extractor(Ready(blocks, float("nan"), {}), ())
    register("blocks", extractor)
    x, y = (RNG.integers(0, high, (120, 1, 16, 16)).astype(np.uint8) for high in (256, 200))
    theirs = calculate_metrics(
        input1=Shown(x), input2=Shown(y), feature_extractor="blocks", cuda=False, verbose=False, cache=False,
        fid=True, kid=True, prc=True, isc=True, kid_subsets=fidelity.KID_SUBSETS, kid_subset_size=60,
        prc_neighborhood=fidelity.NEIGHBOURS, save_cpu_ram=True, batch_size=32,
    )  # fmt: skip
    ours_x, ours_y = extractor.look(x), extractor.look(y)
    found = neighbours(ours_x.features, ours_y.features)
    assert fid(ours_x.features, ours_y.features) == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert kid(ours_x.features, ours_y.features) == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)
    assert isc(ours_x.scores) == pytest.approx(theirs["inception_score_mean"], rel=1e-5)
    assert found["precision"] == pytest.approx(theirs["precision"], abs=1e-6)
    assert found["recall"] == pytest.approx(theirs["recall"], abs=1e-6)


def blocks(pictures):
    """Means of blocks of 4 x 4 pixels, and scores of two classes."""
    features = torch.nn.functional.avg_pool2d(pictures.float(), 4).flatten(1) / 100
    return features, 9 * features[:, :2]


def test_an_inception_score_is_1_of_one_class_and_c_of_sure_and_even_ones():
    even = 30 * np.eye(4)[np.arange(400) % 4]
    assert isc(np.repeat(even[:1], 40, 0)) == pytest.approx(1)
    assert isc(even) == pytest.approx(4, rel=0.05)  # parts are drawn, so not quite even
    assert isc(np.zeros((40, 4))) == pytest.approx(1)
    assert np.isnan(isc(even[:9]))


def test_fid_of_a_sample_against_itself_is_not_below_0():
    """Rounding alone gives -1e-6 and less where there are fewer samples than features."""
    for n in (10, 40):
        same = np.random.default_rng(n).normal(size=(n, 64))
        assert 0 <= fid(same, same) < 1e-4
        assert 0 <= fid(1e3 * same, 1e3 * same) < 10


def test_a_distance_that_cannot_be_computed_is_not_0(monkeypatch):
    mend()
    import torch_fidelity.metric_fid as theirs

    nan = {theirs.KEY_METRIC_FID: float("nan")}
    monkeypatch.setattr(theirs, "fid_statistics_to_metric", lambda *given, **how: nan)
    assert np.isnan(fid(normal(9), normal(9, seed=1)))


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.3, 1.0), (0.0, 1.5)])
def test_fd_infinity_of_normals_is_the_closed_form_without_the_bias_of_n_samples(mean, sd):
    """What it is for: FID@n lies above the distance of the laws by about as much at any distance."""
    d, n, pairs = 32, 400, 8
    true = d * (mean**2 + (sd - 1) ** 2)
    samples = [(normal(n, mean, sd, d, seed=2 * i), normal(n, d=d, seed=2 * i + 1)) for i in range(pairs)]
    biased = np.mean([fid(x, y) for x, y in samples])
    values = [fd_infinity(x, y) for x, y in samples]
    error = np.std(values, ddof=1) / np.sqrt(pairs)
    assert abs(np.mean(values) - true) < 4 * error
    assert biased - true > 4 * error
    assert 4 * error < (biased - true) / 2


def test_fd_infinity_takes_four_samples_a_feature():
    assert np.isnan(fd_infinity(normal(31, d=8), normal(31, d=8, seed=1)))
    assert np.isfinite(fd_infinity(normal(32, d=8), normal(32, d=8, seed=1)))
