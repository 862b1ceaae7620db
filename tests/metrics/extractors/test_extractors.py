"""Our own extractors: what they can tell, and that they are the same every time."""

import numpy as np
import pytest
import torch
from metrics import score_tables
from oracles import Shown, data_defaults, make_spec
from scipy.stats import spearmanr

from harness.datasets import DATASETS, Pictures
from harness.datasets.torchvision_repair import mend
from harness.metrics import extractors, fidelity, make_reference, score
from harness.metrics.classes import modes
from harness.metrics.extractors import EXTRACTORS, defaults, extractor_of, extractor_training, own, why_not
from harness.metrics.extractors.extractor_training import Task, empty, examples, moved, n_examples
from harness.metrics.extractors.network import PictureNet
from harness.metrics.extractors.registered import register

DIGITS = DATASETS["digits"]
RNG = np.random.default_rng(0)


def noisy(pictures, sd, seed=0):
    drawn = np.random.default_rng(seed).normal(0, sd, pictures.shape)
    return np.clip(pictures + drawn, 0, 255).astype(np.uint8)


def stripes(n):
    """Vertical and horizontal ones, 1 to 4 pixels wide, in both phases."""
    wide = [np.broadcast_to((np.arange(16) // w + k) % 2 * 255, (16, 16)) for w in (1, 2, 3, 4) for k in (0, 1)]
    every = np.stack([x for one in wide for x in (one, one.T)])[:, None].astype(np.uint8)
    return np.resize(every, (n, 1, 16, 16))


def few(n=40, classes=("a", "b"), shape=(1, 8, 8)):
    """Images of two classes, bright above or below."""
    labels = torch.arange(n) % 2
    pictures = torch.randint(0, 90, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for row, label in zip(pictures, labels, strict=True):
        row[:, 4 * label : 4 * label + 4] += 150
    return Pictures(pictures[: n // 2], pictures[n // 2 :], labels[: n // 2], labels[n // 2 :], classes)


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(extractor_training, "STEPS", 40)


def test_a_data_set_has_the_extractor_that_fits():
    assert defaults(few()) == ["poses"]
    assert defaults(few()._replace(upright=False)) == ["classifier"]
    assert defaults(few(classes=("a",))) == ["rotations"]
    assert defaults(few(classes=("a",), shape=(1, 8, 12))) == []
    assert why_not("classifier", few(classes=())) == "it has no classes to tell apart"
    assert why_not("rotations", few(shape=(1, 8, 12))) == "its images are no squares"
    assert all(kind.summary and kind.version >= 0 for kind in EXTRACTORS.values())


@pytest.mark.slow
def test_it_learns_and_gives_the_same_bytes_every_time(short, cache, monkeypatch):
    one = own.classifier(few())
    assert one.error == 0
    (path,) = (cache / "extractors").glob("*.npz")
    before = path.read_bytes()
    monkeypatch.setattr(own, "trained", None)  # taken from the cache
    assert own.classifier(few()).error == 0
    monkeypatch.undo()
    monkeypatch.setattr(extractor_training, "STEPS", 40)
    monkeypatch.setenv("HARNESS_CACHE", str(cache))
    path.write_bytes(before[:100])  # torn: made again
    again = own.classifier(few())
    assert path.read_bytes() == before
    shown = few().held_out
    with torch.no_grad():
        assert torch.equal(one.look(shown)[0], again.look(shown)[0])


@pytest.mark.slow
def test_its_address_is_what_it_learns_from(short, cache):
    parts = few()
    for changed in (parts, parts._replace(train=parts.train + 1), parts._replace(train_labels=1 - parts.train_labels)):
        own.classifier(changed)
    own.rotations(parts)
    assert len(list((cache / "extractors").glob("*.npz"))) == 4


@pytest.mark.slow
def test_without_a_cache_it_is_trained_for_this_process(short, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    assert own.classifier(few()).error == 0


def test_torchs_threads_are_left_as_they_were():
    before = torch.get_num_threads()
    with own.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_without_labels_the_examples_are_every_turn_of_every_picture():
    pictures = torch.arange(2 * 9, dtype=torch.uint8).reshape(2, 1, 3, 3)
    assert n_examples(pictures, None) == 8
    shown, turns = examples(pictures, None, torch.arange(8))
    assert turns.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert all(torch.equal(torch.rot90(shown[2 * k : 2 * k + 2], -k, (2, 3)), pictures) for k in range(4))
    labels = torch.tensor([7, 8])
    assert n_examples(pictures, labels) == 2
    turned, pairs = examples(pictures, labels, torch.arange(8), turned=True)
    assert torch.equal(turned, shown)
    assert pairs.tolist() == [4 * label + k for k in range(4) for label in labels.tolist()]
    assert [part.tolist() for part in examples(pictures, labels, torch.tensor([1]))] == [pictures[1:].tolist(), [8]]


@pytest.mark.slow
def test_features_are_in_units_of_their_rms_over_the_training_part(short, cache):
    ready = own.classifier(few(400))
    with torch.no_grad():
        features = ready.look(few(400).train)[0].double()
    assert features.square().mean().sqrt().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.slow
def test_of_its_weights_it_is_made_again(short, cache):
    for ready in (own.classifier(few()), own.rotations(few())):
        again = own.restored({name: array.copy() for name, array in ready.weights.items()})
        with torch.no_grad():
            for one, other in zip(ready.look(few().held_out), again.look(few().held_out), strict=True):
                assert one is other is None or torch.equal(one, other)
        assert again.error == ready.error


@pytest.mark.slow
def test_two_extractors_of_one_name_are_told_apart_by_their_weights(short, cache):
    one, same, other = (extractors.Extractor(own.classifier(few(n)), ("a", "b")).digest for n in (40, 40, 42))
    assert one == same != other


def test_pictures_are_moved_and_stay_in_view():
    rng = torch.Generator().manual_seed(0)
    values = torch.rand(64, 1, 16, 16, generator=rng) * 2 - 1
    shown = moved(values, rng, 0.25)
    assert shown.shape == values.shape
    assert shown.min() >= -1
    assert shown.max() <= 1
    assert not torch.allclose(shown, values, atol=0.5)
    centre = torch.full((64, 1, 16, 16), -1.0)
    centre[:, :, 7:9, 7:9] = 1
    found = moved(centre, rng, 0.25).clamp(min=-0.9).add(0.9).sum((1, 2, 3))
    assert (found > 0).all()  # no shift leads out of the image


def test_pictures_of_nothing_are_of_one_colour_or_noise():
    drawn = empty(torch.zeros(64, 3, 8, 8), torch.Generator().manual_seed(0))
    assert drawn.shape == (extractor_training.EMPTY, 3, 8, 8)
    assert torch.equal(drawn[::2].std((2, 3)) < 1e-6, torch.ones(8, 3, dtype=torch.bool))
    assert (drawn[1::2].std((2, 3)) > 1e-3).all()


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 16, 16), (3, 32, 32), (1, 28, 28), (3, 64, 64), (2, 3, 5)])
def test_the_network_takes_pictures_of_any_size(shape):
    net = PictureNet(shape, 4).eval()
    shown = torch.zeros(2, *shape, dtype=torch.uint8)
    assert net.features(shown).shape == (2, 64)
    assert net(net.body[0].weight.new_zeros(2, *shape)).shape == (2, 4)


@pytest.mark.slow
def test_what_is_seen_does_not_depend_on_how_many_are_shown(short, cache):
    extractor = extractors.Extractor(own.classifier(few()), ("a", "b"))
    shown = np.tile(few().held_out.numpy(), (30, 1, 1, 1))
    whole, part = extractor.look(shown), extractor.look(shown[:7])
    np.testing.assert_allclose(part.features, whole.features[:7], rtol=0, atol=1e-5)
    np.testing.assert_allclose(part.scores, whole.scores[:7], rtol=0, atol=1e-4)
    order = np.random.default_rng(0).permutation(len(shown))
    np.testing.assert_allclose(extractor.look(shown[order]).features, whole.features[order], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_class_of_triples_is_the_sum_of_its_digits(short, cache):
    found = DATASETS["stacked-digits"].pictures(data_defaults("stacked-digits"))
    ready = own.classifier(found)
    with torch.no_grad():
        features, scores = ready.look(found.held_out[:5])
    assert features.shape == (5, 192)
    assert scores.shape == (5, 1000)
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(5))
    assert 0 <= ready.error <= 1


def test_an_error_is_the_share_of_mistakes():
    train, held, train_labels, held_labels, *_ = few()
    task = Task(train, train_labels, held, held_labels, classes=2)
    net = PictureNet((1, 8, 8), 2).eval()
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.copy_(torch.tensor([1.0, 0.0]))  # always the first
    assert extractor_training.error(net, task) == 0.5


@pytest.mark.slow
def test_training_ends_where_the_error_has_not_fallen_for_a_third_of_the_steps(monkeypatch):
    assert not extractor_training.has_stopped(500, 300)
    assert extractor_training.has_stopped(600, 300)
    assert not extractor_training.has_stopped(2900, 2000)
    assert extractor_training.has_stopped(3000, 2000)
    errors, steps = iter([0.3, 0.1, 0.2, 0.1, 0.1, 0.5, 0.0]), []
    monkeypatch.setattr(extractor_training, "error", lambda net, task: next(errors, 0.5))
    extractor_training.trained(two_classes(40), "", lambda step, error: steps.append(step))
    assert steps == [100, 200, 300, 400, 500]


def two_classes(n, shape=(1, 8, 8)):
    train, held, train_labels, held_labels, *_ = few(2 * n, shape=shape)
    return Task(train, train_labels, held, held_labels, 2)


@pytest.mark.parametrize("labelled", [True, False])
def test_validation_images_are_training_images_that_it_does_not_learn_from(labelled):
    task = two_classes(100) if labelled else two_classes(100)._replace(train_labels=None, held_labels=None)
    learned, validation = extractor_training.parted(task, torch.Generator().manual_seed(0))
    assert (len(learned), len(validation.held_out)) == (90, 10)
    assert {*learned.tolist()} < {*range(100)}
    rest = sorted({*range(100)} - {*learned.tolist()})
    assert torch.equal(validation.held_out.flatten(1).sum(1).sort()[0], task.train[rest].flatten(1).sum(1).sort()[0])
    few_images = task._replace(train=task.train[:9])
    assert len(extractor_training.parted(few_images, torch.Generator())[1].held_out) == 9


def test_many_images_are_moved_less():
    shown = torch.rand(8, 1, 16, 16) * 2 - 1
    for strength in (0.0, 1.0):
        drawn = moved(shown, torch.Generator().manual_seed(0), 0.25, strength)
        assert torch.allclose(drawn, shown, atol=1e-4) == (strength == 0)


def test_a_digit_of_many_triples_is_learned_from_once():
    triples = torch.arange(6, dtype=torch.uint8)[[0, 1, 2, 2, 1, 0], None, None].expand(6, 4, 4).reshape(2, 3, 4, 4)
    digits, labels = own._channels(triples, torch.tensor([12, 210]))
    assert digits[:, 0, 0, 0].tolist() == labels.tolist() == [0, 1, 2]


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """A cache for the slow tests below, shared by pytest's processes: the digits' extractor is trained once for all."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if own.name.startswith("popen-") else own) / "extractors"


STEPS = 600  # of the digits' extractor here: a quarter of what it takes, and enough for each test below


@pytest.fixture(scope="module")
def references(kept):
    """The digits' reference, their training images in a random order, and their labels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(kept))
        patch.setattr(extractor_training, "STEPS", STEPS)
        spec = make_spec(dataset="digits", architecture="dcgan")
        found = DIGITS.pictures(data_defaults("digits"))
        order = np.random.default_rng(5).permutation(len(found.train))
        return make_reference(spec, 1000), found.train.numpy()[order], found.train_labels.numpy()[order]


@pytest.fixture
def digits(references, kept, monkeypatch):
    """The same, beside the cache that has their extractor."""
    monkeypatch.setenv("HARNESS_CACHE", str(kept))
    monkeypatch.setattr(extractor_training, "STEPS", STEPS)
    return references


@pytest.mark.slow
def test_the_poses_extractor_tells_digits_apart(digits):
    assert extractor_of("poses", "digits", data_defaults("digits")).error <= 0.02
    assert digits[0].real_features["poses"].extractor.error <= 0.02


@pytest.mark.slow
def test_fid_of_real_digits_is_about_its_floor(digits):
    reference, train, _ = digits
    columns = score(train[:1000], reference)
    assert columns["fid[poses]@540"] == pytest.approx(columns["fid[poses]@540_floor"], rel=0.5)
    assert columns["fid[poses]@270"] == pytest.approx(columns["fid[poses]@270_floor"], rel=0.75)
    assert abs(columns["kid[poses]@540"]) < 0.03
    assert columns["precision[poses,k5]@540"] > 0.9
    assert columns["recall[poses,k5]@540"] > 0.9


@pytest.mark.slow
def test_torch_fidelity_finds_the_same_with_the_extractor_itself(digits):
    """Its whole way from images, with the extractor registered there, against the columns of a run."""
    mend()
    from torch_fidelity import calculate_metrics

    reference, train, _ = digits
    register("digits-poses", reference.real_features["poses"].extractor)
    drawn, columns = noisy(train[:540], 32), score(noisy(train[:540], 32), reference)
    theirs = calculate_metrics(
        input1=Shown(drawn), input2=Shown(reference.points), feature_extractor="digits-poses",
        cuda=False, verbose=False, cache=False, save_cpu_ram=True, batch_size=256,
        fid=True, kid=True, prc=True, isc=True, kid_subsets=fidelity.KID_SUBSETS, kid_subset_size=270,
        prc_neighborhood=fidelity.NEIGHBOURS,
    )  # fmt: skip
    assert columns["fid[poses]@540"] == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert columns["kid[poses]@540"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-4)
    assert columns["isc[poses]@540"] == pytest.approx(theirs["inception_score_mean"], rel=1e-4)
    assert columns["precision[poses,k5]@540"] == pytest.approx(theirs["precision"], abs=1e-6)
    assert columns["recall[poses,k5]@540"] == pytest.approx(theirs["recall"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_fid_grows_with_noise(digits, seed):
    reference, train, _ = digits
    levels = (8, 16, 32, 64, 96, 128)
    found = [score(noisy(train[:1000], sd, seed), reference, last=False)["fid[poses]@540"] for sd in levels]
    assert spearmanr(levels, found).statistic == pytest.approx(1)


@pytest.mark.slow
def test_classes_are_found_where_they_are(digits):
    reference, train, labels = digits
    held = score(reference.points, reference)
    assert held["modes"] == held["modes_ceiling"] == 10
    for digit in range(10):
        alone = score(np.resize(train[labels == digit], (1000, 1, 16, 16)), reference, last=False)
        assert alone["modes"] == 1
        assert alone[f"share[{digit}]"] > 0.95
    for level in (0, 60, 128, 255):
        assert score(np.full_like(train[:1000], level), reference)["modes"] == 0
    striped = score(stripes(1000), reference, last=False)
    assert striped["modes"] <= 4
    assert striped["class_kl"] >= 10 * held["class_kl"]
    assert modes(extractor_of("poses", "digits", data_defaults("digits")).look(noisy(train, 128)).scores) == 0


@pytest.mark.slow
def test_a_run_is_scored_in_seconds(digits):
    """Under 5 s on one core at digits' size, its extractor there."""
    import time

    reference, train, _ = digits
    started = time.process_time()
    score(train[:1000], reference)
    assert time.process_time() - started < 5


@pytest.mark.slow
@pytest.mark.usefixtures("digits")
def test_poses_see_what_a_gaussian_fit_is_better_than():
    """The samplers that no one would take for a good generator score nothing, real images nearly all."""
    found = {name: columns["score"] for name, _, columns in score_tables.digits("poses")}
    bad = ("constant", "gaussian", "untrained", "memorized", "upside down", "mirrored", "noise")
    assert {name: found[name] for name in bad} == dict.fromkeys(bad, 0)
    assert min(found["real"], found["bootstrap"]) > 0.9
