"""Images as the harness holds them: ranges, parts told apart by content, and what training reads of them."""

import dataclasses

import numpy as np
import pytest
import torch
from oracles import alike, data_defaults, make_spec

from harness.datasets import DATASETS
from harness.datasets.images import by_content, to_uint8, to_values, training_size
from harness.engine import noise, train
from harness.engine.real_data import fixed_points, gathering, real_draw, training_pictures
from harness.metrics import make_reference, score

RANGES = [(-1, 1), (0, 1)]
DIGITS = DATASETS["digits"]


@pytest.mark.parametrize("bounds", RANGES)
def test_values_fill_their_range_and_come_back_exactly(bounds):
    levels = torch.arange(256, dtype=torch.uint8)
    values = to_values(levels, bounds)
    assert values.dtype == torch.float32
    assert (values[0], values[-1]) == bounds
    assert torch.equal(to_uint8(values, bounds), levels)
    torch.testing.assert_close(values.diff(), torch.full((255,), (bounds[1] - bounds[0]) / 255), rtol=0, atol=2e-7)


@pytest.mark.parametrize("bounds", RANGES)
def test_what_is_beyond_the_range_is_clamped(bounds):
    values = torch.tensor([-9.0, 9.0, torch.inf, -torch.inf, torch.nan, sum(bounds) / 2])
    assert to_uint8(values, bounds).tolist() == [0, 255, 255, 0, 0, 128]


def test_parts_do_not_depend_on_the_order_and_share_no_picture():
    pictures = np.random.default_rng(0).integers(0, 256, (50, 1, 4, 4), dtype=np.uint8)
    pictures[40:45] = pictures[3]  # copies of one image
    order, other = by_content(pictures), by_content(pictures[::-1])
    ordered, reordered = pictures[order], pictures[::-1][other]
    assert np.array_equal(ordered, reordered)
    cut = training_size(ordered)
    assert 30 <= cut <= 35
    assert not {x.tobytes() for x in ordered[:cut]} & {x.tobytes() for x in ordered[cut:]}
    assert training_size(np.repeat(pictures[:1], 9, 0)) == 0


def test_copies_at_the_cut_are_held_out_together():
    pictures = np.arange(10, dtype=np.uint8)[:, None]
    pictures[5:8] = 5
    assert training_size(pictures) == 5


def spec(seed=0, **changes):
    options = {"dataset": "digits", "batch": 7, "steps": 12, "data": changes.pop("data", {})}
    return make_spec(**{**options, **changes}, seed=seed)


def places_of(seed, n, batch, updates):
    """Which images each update reads, by a plain loop over passes."""
    order = [
        place
        for number in range(updates * batch // n + 1)
        for place in torch.randperm(n, generator=noise.generator(seed, "critic.real.order", number)).tolist()
    ]
    return [order[i * batch : (i + 1) * batch] for i in range(updates)]


@pytest.mark.parametrize("data", [{}, {"fixed": 100}, {"range": [0, 1], "classes": [3]}])
def test_gathering_equals_a_plain_loop(data):
    specs = [spec(seed, data=data) for seed in (0, 5)]
    settings = specs[0].setup.data
    stream = noise.Stream(
        2,
        real_draw(specs, "critic.real", 7),
        torch.device("cpu"),
        torch.float64,
        gathering(specs, torch.device("cpu")),
    )
    held = DIGITS.pictures(settings).train[: data.get("fixed")]
    for update in (0, 1, 63, 64, 200):
        row = stream.row(update)
        assert row.dtype == torch.float64
        for run, seed in enumerate((0, 5)):
            pictures = [held[place] for place in places_of(seed, len(held), 7, update + 1)[update]]
            low, high = settings["range"]
            values = [low + picture.double() * ((high - low) / 255) for picture in pictures]
            torch.testing.assert_close(row[run], torch.stack(values), rtol=0, atol=1e-6)


def test_a_pass_reads_every_picture_once():
    draw = real_draw([spec(data={"fixed": 96})], "critic.real", 6)
    drawn = torch.cat([draw(0, block).flatten() for block in range(3)])  # 64 updates of 6 each: twelve passes of 96
    for part in drawn.split(96):
        assert part.sort().values.tolist() == list(range(96))
    assert not torch.equal(drawn[:96], drawn[96:192])


def test_the_pictures_lie_in_memory_once():
    """Runs, streams and stacks of a process gather from the memory that the data set holds."""
    held = DIGITS.pictures(data_defaults("digits")).train
    for one in (spec(0), spec(1), spec(2, data={"fixed": 50, "range": [0, 1]})):
        assert training_pictures(one).data_ptr() == held.data_ptr()


def test_a_fixed_set_is_the_first_of_the_training_part():
    points = DIGITS.to_values(training_pictures(spec(data={"fixed": 20})), {"range": [-1, 1]})
    assert torch.equal(
        points, DIGITS.to_values(DIGITS.pictures(data_defaults("digits")).train[:20], {"range": [-1, 1]})
    )
    assert fixed_points(spec()) is None


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["nsgan", "wgan-gp"])
def test_runs_on_pictures_do_not_depend_on_their_stack(objective):
    specs = [spec(seed, objective=objective, data={"range": [0, 1]}) for seed in range(4)]
    together = train(specs, at=[12], samples=20)
    assert alike(together[1:2], train(specs[1:3], at=[12], samples=20)[:1])
    assert alike(together[3:], train(specs[3:], at=[12], samples=20))


def test_samples_are_of_the_training_part_and_the_reference_is_held_out():
    settings = {**data_defaults("digits"), "range": [0, 1]}
    found = DIGITS.pictures(settings)

    def drawn(sampler, n):
        values = getattr(DIGITS, sampler)(n, noise.generator(0, "test"), settings)
        return [x.numpy().tobytes() for x in DIGITS.to_uint8(values, settings)]

    train, held = ({x.numpy().tobytes() for x in part} for part in (found.train, found.held_out))
    assert set(drawn("sample", 500)) <= train
    assert sorted(drawn("reference", 540)) == sorted(x.numpy().tobytes() for x in found.held_out)
    assert len(set(drawn("reference", 100))) == 100
    assert set(drawn("reference", 100)) <= held
    assert len(drawn("reference", 10_000)) == 540


def test_pictures_are_scored_flat_and_without_exact_transport():
    reference = make_reference(spec(), 300, extractors=())
    assert reference.points.shape == (300, 1, 16, 16)
    assert reference.nulls == {}
    real = DIGITS.sample(300, noise.generator(1, "test"), data_defaults("digits"))
    real = DIGITS.to_uint8(real, data_defaults("digits")).numpy()
    columns = score(real, reference)
    assert set(columns) == {"sliced_w", "sliced_w_floor", "collapsed"}
    assert columns["sliced_w"] == pytest.approx(columns["sliced_w_floor"], rel=0.2)
    assert score(np.repeat(real[:1], 300, 0), reference)["collapsed"] == 1


def test_more_samples_than_are_held_out_are_scored_against_all_of_these():
    reference = make_reference(spec(data={"classes": [3]}), 400, extractors=())
    assert len(reference.points) == len(DIGITS.pictures({**data_defaults("digits"), "classes": [3]}).held_out) < 100
    assert score(np.zeros((400, 1, 16, 16)), reference)["collapsed"] == 1


def test_a_run_on_pictures_is_addressed_by_what_it_reads():
    specs = [spec(), spec(data={"range": [0, 1]}), spec(data={"classes": [3]}), spec(data={"fixed": 9})]
    assert len({one.run_id for one in specs}) == 4
    assert dataclasses.asdict(specs[0].setup)["data"] == {"size": 16, "classes": None, "range": [-1, 1]}
