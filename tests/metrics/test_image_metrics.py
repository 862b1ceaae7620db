"""Scores of images by what an extractor sees, with one that needs no training: means of blocks of pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles import data_defaults, make_spec

from harness.datasets import DATASETS
from harness.metrics import FEATURE_METRICS, column_facts, extractors, image_metrics, make_reference, score
from harness.metrics.columns import MetricColumn
from harness.metrics.coverage import expected_kl
from harness.metrics.extractors.own import Ready
from harness.metrics.fidelity import fid, floor_of_halves
from harness.metrics.image_metrics import columns_seen
from harness.metrics.reference import reference_arrays, reference_from

DIGITS = DATASETS["digits"]
SAMPLES = 300


def blocks(shown):
    """[n, 1, 16, 16] -> [n, 16], and scores that tell bright images from dark ones."""
    features = torch.nn.functional.avg_pool2d(shown.float(), 4).flatten(1)
    bright = features.mean(1) - 78
    return features, torch.stack([-bright, bright, *[torch.full_like(bright, -500)] * 8], 1)


def edges(shown):
    """[n, 1, 16, 16] -> [n, 16]: how much neighbours differ, in blocks."""
    return blocks(torch.nn.functional.pad(shown.float().diff(dim=3).abs(), (0, 1)))


@pytest.fixture(autouse=True)
def seeing(monkeypatch):
    """Let `blocks` be an extractor, and the classifier."""
    ready = Ready(blocks, 0.25, {"size": np.array(4)})
    kind = extractors.ExtractorKind(
        1, lambda pictures: ready, lambda pictures: "", "means of blocks", lambda weights: ready, True
    )
    other = replace(kind, build=lambda pictures: ready._replace(look=edges))
    kinds = {"blocks": kind, "edges": other, **dict.fromkeys(("poses", "classifier", "rotations"), kind)}
    monkeypatch.setattr(extractors, "EXTRACTORS", kinds)
    monkeypatch.setattr(image_metrics, "WEAK_MODES", 0.0)  # it finds two classes of ten
    extractors._built.cache_clear()
    yield
    extractors._built.cache_clear()


def spec(**data):
    return make_spec(dataset="digits", architecture="dcgan", data=data)


def pictures(n=SAMPLES, seed=3):
    held = DIGITS.pictures(data_defaults("digits")).train.numpy()
    return held[np.random.default_rng(seed).permutation(len(held))[:n]]


@pytest.mark.slow
def test_every_metric_gives_the_columns_it_declares_and_real_pictures_beside():
    columns = score(pictures(), make_reference(spec(), SAMPLES, ["blocks"]))
    n, half = SAMPLES, SAMPLES // 2
    names = [f"fid[blocks]@{n}", f"fid[blocks]@{half}", f"kid[blocks]@{n}"]
    names += [f"{name}[blocks,k5]@{n}" for name in ("precision", "recall", "density", "coverage")]
    names += [f"{name}[blocks]@{n}" for name in ("cmmd", "fd_infinity")]
    ceilings = [f"{name}[blocks]@{n}" for name in ("isc", "vendi", "authpct")]
    alone = {f"fid_train[blocks]@{n}", "fid_singular[blocks]", "extractor_error[blocks]", "extractor_weak[blocks]"}
    rest = {"sliced_w", "sliced_w_floor", "collapsed", "score", "score_undefined", "fid_excess"}
    columns = {name: value for name, value in columns.items() if not name.startswith("null.")}
    columns.pop("score")  # null where a Gaussian fit is as near as real images, as it may be in linear features
    beside = {*(f"{name}_floor" for name in names), *(f"{name}_ceiling" for name in ceilings)}
    assert {*columns, "score"} == {*names, *ceilings, *beside, *alone, *rest}
    assert all(value is not None for value in columns.values())
    assert columns["extractor_error[blocks]"] == 0.25
    metrics = [metric for metric in FEATURE_METRICS.values() if metric.needs != "classes"]
    declared = {str(column) for metric in metrics for column in metric.columns}
    plain = {
        c.replace("[blocks", "[x").replace(f"@{half}", "@n/2").replace(f"@{n}", "@n")
        for c in {*names, *ceilings, *alone, "score", "score_undefined", "fid_excess"}
    }
    of_others = {"fd[x]@n", "fd[x]@n/2", "fd_train[x]@n"}  # of extractors that are neither Inception nor ours
    assert plain - {"extractor_error[x]", "extractor_weak[x]"} == declared - of_others


@pytest.mark.slow
def test_a_generator_of_copies_has_no_authentic_image_and_one_of_few_classes_is_less_diverse():
    reference, n = make_reference(spec(), SAMPLES, ["blocks"]), SAMPLES
    copies, columns = score(pictures(), reference), score(reference.points, reference)
    assert copies[f"authpct[blocks]@{n}"] == 0
    assert columns[f"authpct[blocks]@{n}"] == columns[f"authpct[blocks]@{n}_ceiling"] > 30
    parts = DIGITS.pictures(data_defaults("digits"))
    ones = parts.train.numpy()[parts.train_labels.numpy() == 1]
    few = score(np.tile(ones, (3, 1, 1, 1))[:n], reference)
    assert few[f"vendi[blocks]@{n}"] - 1 < 0.9 * (few[f"vendi[blocks]@{n}_ceiling"] - 1)
    assert few[f"cmmd[blocks]@{n}"] > 5 * few[f"cmmd[blocks]@{n}_floor"]
    assert copies[f"cmmd[blocks]@{n}"] < 2 * copies[f"cmmd[blocks]@{n}_floor"]


@pytest.mark.slow
def test_extractors_of_others_have_fd_in_place_of_fid(monkeypatch):
    kinds = {"blocks": replace(extractors.EXTRACTORS["blocks"], distance="fd")}
    reference = make_reference(spec(), SAMPLES, ["blocks"])
    monkeypatch.setattr(extractors, "EXTRACTORS", {**extractors.EXTRACTORS, "wide": kinds["blocks"]})
    both = make_reference(spec(), SAMPLES, ["wide", "blocks"])
    columns, plain = score(pictures(), both), score(pictures(), reference)
    assert columns[f"fd[wide]@{SAMPLES}"] == columns[f"fid[blocks]@{SAMPLES}"] == plain[f"fid[blocks]@{SAMPLES}"]
    assert columns[f"fd[wide]@{SAMPLES}_floor"] == columns[f"fid[blocks]@{SAMPLES}_floor"]
    assert columns["score"] == plain["score"]
    assert f"fid[wide]@{SAMPLES}" not in columns
    assert {"fd[wide]@300", "fd[wide]@150", "fd_train[wide]@300"} <= {*columns_seen("wide", 300, 300)}
    assert set(columns_seen("blocks", SAMPLES, 1257)) <= {*columns, "fid_excess", "score"}
    again = reference_from(reference_arrays(both))
    assert score(pictures(), again) == columns


@pytest.mark.slow
def test_a_classifier_that_misses_classes_of_real_pictures_counts_none(monkeypatch):
    """`blocks` finds two of the ten digits: its classes are null, its features are compared all the same."""
    reference = make_reference(spec(), SAMPLES, ["classifier"])
    monkeypatch.setattr(image_metrics, "WEAK_MODES", 0.9)
    columns = score(pictures(), reference)
    assert (columns["extractor_weak[classifier]"], columns["modes_ceiling"]) == (1, 2)
    assert columns["modes"] is columns["class_kl"] is columns["share[1]"] is None
    assert columns[f"fid[classifier]@{SAMPLES}"] > 0
    monkeypatch.setattr(image_metrics, "WEAK_MODES", 0.0)
    assert score(pictures(), reference)["extractor_weak[classifier]"] == 0
    monkeypatch.setattr(image_metrics, "WEAK_ERROR", 0.2)  # it is wrong on .25
    assert score(pictures(), reference)["modes"] is None


@pytest.mark.slow
def test_a_classifier_also_says_which_classes_it_sees():
    reference = make_reference(spec(), SAMPLES, ["classifier"])
    columns = score(pictures(), reference)
    shares = {name: value for name, value in columns.items() if name.startswith("share")}
    assert list(shares) == [f"share[{digit}]" for digit in range(10)]
    assert sum(shares.values()) == pytest.approx(1)
    bright = (pictures().reshape(SAMPLES, -1).mean(1) > 78).mean()
    assert shares["share[1]"] == pytest.approx(bright, abs=0.01)
    assert columns["class_kl_plugin"] == expected_kl(SAMPLES, reference.real_features["classifier"].expected)
    assert columns["class_kl"] == pytest.approx(columns["class_kl_floor"], rel=0.1)
    assert columns["modes"] == columns["modes_ceiling"] == 2
    dark = score(np.zeros_like(pictures()), reference)
    assert (dark["modes"], dark["share[0]"], dark["collapsed"]) == (1, 1, 1)
    assert dark["class_kl"] == pytest.approx(np.log(10), rel=0.03)


@pytest.mark.slow
def test_fid_is_that_of_features():
    reference = make_reference(spec(), SAMPLES, ["blocks"])
    ours, held = (blocks(torch.from_numpy(x))[0].numpy() for x in (pictures(), reference.points))
    columns = score(pictures(), reference)
    assert columns[f"fid[blocks]@{SAMPLES}"] == pytest.approx(fid(ours, held), rel=1e-4)
    assert columns["fid[blocks]@150"] == pytest.approx(fid(ours[:150], held[:150]), rel=1e-4)
    assert columns["fid[blocks]@150_floor"] == pytest.approx(floor_of_halves(held), rel=1e-4)
    assert score(reference.points, reference)[f"fid[blocks]@{SAMPLES}"] == pytest.approx(0, abs=1e-3)


@pytest.mark.slow
def test_the_distance_to_the_training_part_is_to_what_a_run_is_trained_on():
    used = DIGITS.pictures(data_defaults("digits")).train[:50].numpy()
    reference = make_reference(spec(fixed=50), SAMPLES, ["blocks"])
    assert score(np.tile(used, (6, 1, 1, 1)), reference)["fid_train[blocks]@50"] == pytest.approx(0, abs=1e-6)
    assert score(pictures(), reference)["fid_train[blocks]@50"] > 0.1


@pytest.mark.slow
def test_of_fewer_held_out_pictures_all_are_compared_with():
    columns = score(pictures(2000), make_reference(spec(), 2000, ["blocks"]))
    assert {"fid[blocks]@540", "fid[blocks]@270", "fid_train[blocks]@540"} <= set(columns)


def test_no_more_pictures_than_features_are_flagged():
    assert score(pictures(), make_reference(spec(), 17, ["blocks"]))["fid_singular[blocks]"] == 0
    assert score(pictures(), make_reference(spec(), 16, ["blocks"]))["fid_singular[blocks]"] == 1


@pytest.mark.slow
def test_costly_metrics_are_for_the_last_step():
    reference = make_reference(spec(), SAMPLES, ["classifier"])
    early, late = (set(score(pictures(), reference, last=last)) for last in (False, True))
    added = {name for name in late - early if not name.startswith("null.")}
    further = {"cmmd", "vendi", "fd_infinity", "authpct"}
    assert {n.split("[")[0] for n in added} == {"kid", "isc", "precision", "recall", "density", "coverage", *further}
    assert early < late


@pytest.mark.slow
@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("samples", [1, 2, 3, SAMPLES])
def test_a_constant_generator_and_few_pictures_have_scores_or_none(level, samples):
    columns = score(np.full_like(pictures(samples), level), make_reference(spec(), samples, ["classifier"]))
    assert columns["class_kl"] > 2
    assert (columns[f"fid[classifier]@{samples}"] is None) == (samples == 1)


@pytest.mark.slow
def test_scores_do_not_depend_on_the_order_of_pictures():
    reference, order = make_reference(spec(), SAMPLES, ["blocks"]), np.random.default_rng(1).permutation(SAMPLES)
    columns, again = score(pictures(), reference), score(pictures()[order], reference)
    halves = ("fid[blocks]@150", "kid", "isc", "fd_infinity")  # of the first half, of random parts
    some = {name: value for name, value in columns.items() if not name.startswith(halves) and value is not None}
    assert {name: again[name] for name in some} == pytest.approx(some, rel=1e-4, abs=1e-6)


@pytest.mark.slow
def test_a_reference_from_a_file_scores_alike():
    reference = make_reference(spec(), SAMPLES, ["blocks", "classifier"])
    again = reference_from(reference_arrays(reference))
    assert score(pictures(), again) == score(pictures(), reference)
    assert again.real_features["classifier"].extractor.classes == tuple("0123456789")
    assert again.real_features["blocks"].expected is None


@pytest.mark.slow
def test_a_reference_is_the_same_whoever_makes_it():
    one, other = (reference_arrays(make_reference(spec(), SAMPLES, ["classifier"])) for _ in range(2))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "trained", "data"), [("blocks", 1257, {}), ("classifier", 100, {"fixed": 100})])
def test_the_columns_that_can_rank_are_those_that_runs_have(name, trained, data):
    columns = score(pictures(), make_reference(spec(**data), SAMPLES, [name]))
    parsed = [column for column in map(MetricColumn.parse, columns) if not column.suffix and not column.sampler]
    ranked = {str(column) for column in parsed if getattr(column_facts().get(column.name), "better", "")}
    assert set(columns_seen(name, SAMPLES, trained, 10 * (name == "classifier"))) == ranked - {"sliced_w"}


@pytest.mark.slow
def test_points_are_looked_at_by_nothing():
    assert make_reference(make_spec(), 50, ["blocks"]).real_features == {}
    assert make_reference(spec(), 50, []).real_features == {}
    assert list(make_reference(spec(), 50).real_features) == ["poses"]


@pytest.mark.slow
def test_real_images_score_one_and_null_samplers_nothing():
    reference = make_reference(spec(), SAMPLES, ["edges"])
    held = DIGITS.pictures(data_defaults("digits")).train.numpy()
    mean = held.mean(0).round().astype(np.uint8)[None]
    columns = score(pictures(), reference)
    assert columns["score"] > 0.85  # the root shows what is within the noise of the floor
    assert columns["null.real.score"] > 0.85
    assert columns["null.gaussian.score"] == columns["null.constant.score"] == 0
    assert columns["null.memorized.score"] < 0.6
    assert columns["null.gaussian.recall[edges,k5]@300"] is not None
    assert score(np.repeat(mean, SAMPLES, 0), reference)["score"] == 0
    noisy = [score(noise(pictures(), sd), reference)["score"] for sd in (0, 20, 40)]
    assert noisy == sorted(noisy, reverse=True)
    assert "score" not in score(pictures(), make_reference(spec(), SAMPLES, []))


def noise(shown, sd):
    drawn = np.random.default_rng(0).normal(0, sd, shown.shape)
    return np.clip(shown + drawn, 0, 255).round().astype(np.uint8)


@pytest.mark.slow
def test_of_triples_of_digits_modes_are_those_that_one_picture_shows_and_kl_is_that_of_their_shares(monkeypatch):
    sizes = {"n": 400, "held_out": 200}
    found = DATASETS["stacked-digits"].pictures(data_defaults("stacked-digits") | sizes)
    parts = ((found.train, found.train_labels), (found.held_out, found.held_labels))
    known = {x.numpy().tobytes(): int(y) for xs, ys in parts for x, y in zip(xs, ys, strict=True)}

    def told(shown):
        labels = torch.tensor([known.get(x.numpy().tobytes(), 0) for x in shown])  # the mean image is none of them
        return torch.nn.functional.avg_pool2d(shown.float(), 8).flatten(1), 50.0 * torch.nn.functional.one_hot(
            labels, 1000
        )

    ready = Ready(told, 0.0, {})
    kind = replace(extractors.EXTRACTORS["classifier"], build=lambda pictures: ready)
    monkeypatch.setattr(extractors, "EXTRACTORS", {**extractors.EXTRACTORS, "poses": kind})
    held = found.held_labels.numpy()
    n = len(held)
    reference = make_reference(make_spec(dataset="stacked-digits", architecture="dcgan", data=sizes), n)
    columns = score(found.train[:n].numpy(), reference)
    expected = (np.bincount(found.train_labels, minlength=1000) + 1) / (len(found.train) + 1000)
    for labels, end in ((found.train_labels[:n].numpy(), ""), (held, "_floor")):
        shares = np.bincount(labels, minlength=1000) / n
        kl = sum(p * np.log(p / q) for p, q in zip(shares, expected, strict=True) if p > 0)
        assert columns[f"class_kl{end}"] == pytest.approx(kl)
    assert columns[f"modes@{n}"] == len(set(found.train_labels[:n].tolist()))
    assert columns[f"modes@{n}_ceiling"] == len(set(held.tolist()))
    assert columns["class_kl_plugin"] == pytest.approx(expected_kl(n, expected / expected.sum()))
    shares = np.bincount(found.train_labels[:n], minlength=1000) / n
    assert columns[f"reverse_kl@{n}"] == pytest.approx((shares[shares > 0] * np.log(1000 * shares[shares > 0])).sum())
    assert columns[f"reverse_kl@{n}_floor"] == pytest.approx(expected_kl(n, np.full(1000, 1e-3)))
    assert (columns[f"null.constant.modes@{n}"], columns[f"null.memorized.modes@{n}"]) == (1, 10)
    assert columns[f"null.constant.reverse_kl@{n}"] == pytest.approx(np.log(1000))
    assert columns[f"null.memorized.reverse_kl@{n}"] == pytest.approx(np.log(100))
    assert columns_seen("poses", n, 400, 1000)[-3:] == ["class_kl", f"modes@{n}", f"reverse_kl@{n}"]
    assert not any(name.startswith("share") for name in columns)
