"""The shapes against the description: what is drawn, where, with which holes; and how fast."""

import math
import time

import numpy as np
import pytest
from oracles import data_defaults

from harness.datasets import DATASETS, shapes
from harness.datasets.shapes import MOST_SHAPES, SHAPES, draw_shapes, numbers, upright

ENTRY = DATASETS["shapes"]
ALONE = {**data_defaults("shapes"), "shapes": "one", "size": 64, "n": 600}


def drawn(row, size=64, most=1):
    out = np.zeros((1, 3, size, size), dtype=np.uint8)
    draw_shapes(np.array([[0.0, *row, *[0.0] * (9 * 4)]]), most, out)
    return out[0]


def area_of(kind, radius, flatness):
    """Areas by their formulas; the pentagram's is that of ten triangles between its points and its inner corners."""
    inner = radius * math.cos(2 * math.pi / 5) / math.cos(math.pi / 5)
    return {
        "rectangle": 4 * radius**2 * flatness,
        "triangle": 3 * math.sqrt(3) / 4 * radius**2,
        "disk": math.pi * radius**2,
        "oval": math.pi * radius**2 * flatness,
        "star": 5 * radius * inner * math.sin(math.pi / 5),
    }[kind]


@pytest.mark.parametrize("kind", SHAPES)
def test_a_shape_covers_its_area_before_it_is_rotated(kind):
    side = np.arange(-200, 201.0)
    v, u = (x.ravel() for x in np.meshgrid(side, side, indexing="ij"))
    row = np.array([[(list(SHAPES).index(kind) + 0.5) / 5, 0, 0, 0, 0.9, 0.5, 0, 0, 0]])
    radius = 600 * (shapes.SMALLEST + 0.9 * (shapes.LARGEST - shapes.SMALLEST))
    covered = upright(row, 600, u, v).sum()
    assert covered == pytest.approx(area_of(kind, radius, 0.6), rel=0.02)


@pytest.mark.parametrize("kind", range(5))
def test_rotation_without_interpolation_leaves_small_holes(kind):
    """As many colours as upright, no mixed ones; a quarter turn moves every pixel; in between some are missed."""
    pixels = {}
    for turn in (0, 0.25, 0.07):
        picture = drawn([(kind + 0.5) / 5, 0.5, 0.5, turn, 0.9, 0.5, 0.99, 0.5, 0.3])
        assert len(np.unique(picture.reshape(3, -1), axis=1).T) == 2  # black and the shape's colour
        pixels[turn] = picture.any(0)
    assert pixels[0].sum() == pixels[0.25].sum() > 100
    holes = 0
    inside = pixels[0.07]
    for dy, dx in ((0, 1), (1, 0)):
        before, after = np.roll(inside, (-dy, -dx), (0, 1)), np.roll(inside, (dy, dx), (0, 1))
        holes += (before & after & ~inside).sum()
    assert holes > 5
    assert 0.5 * pixels[0].sum() < inside.sum() < pixels[0].sum()


@pytest.mark.slow
def test_up_to_five_shapes_lie_over_each_other():
    counts = 1 + (numbers(0, 0)[:, 0] * MOST_SHAPES).astype(int)
    assert np.bincount(counts, minlength=6)[1:].min() > 70  # of 500, a fifth each
    pictures, counts = np.zeros((150, 3, 64, 64), dtype=np.uint8), counts[:150]
    draw_shapes(numbers(0, 0)[:150], MOST_SHAPES, pictures)
    colours = np.array([len(np.unique(picture.reshape(3, -1), axis=1).T) - 1 for picture in pictures])
    assert (colours <= counts).all()  # some lie outside, or under others
    assert colours.max() == 5
    assert np.mean(colours == counts) > 0.7


@pytest.mark.slow
def test_a_picture_of_many_is_labelled_with_their_number():
    found = ENTRY.pictures({**data_defaults("shapes"), "n": 700, "size": 32})
    assert found.classes == ("one", "two", "three", "four", "five")
    drawn = [len(np.unique(picture.reshape(3, -1), axis=1).T) - 1 for picture in found.train.numpy()]
    labelled = 1 + found.train_labels.numpy()
    assert (drawn <= labelled).all()
    assert np.mean(drawn == labelled) > 0.6
    assert len(found.held_labels) == len(found.held_out)


def test_places_angles_and_colours_are_spread_evenly():
    found = ENTRY.pictures({**data_defaults("shapes"), "n": 1500, "size": 32}).train.numpy()
    covered = found.any(1).mean(0)
    inner = covered[8:-8, 8:-8]
    assert inner.min() > 0.6 * inner.max()
    assert covered.min() > 0.15 * inner.max()  # a corner is reached from a quarter of the places around it
    means = [found[:, i][found.any(1)].mean() for i in range(3)]
    assert means == pytest.approx([127.5] * 3, abs=8)


def test_a_shape_alone_is_labelled_seen_whole_and_bright():
    found = ENTRY.pictures(ALONE)
    assert found.classes == ("rectangle", "triangle", "disk", "oval", "star")
    assert np.bincount(found.train_labels).min() > 90  # of 600
    pictures = found.train.numpy()
    border = pictures.copy()
    border[:, :, 1:-1, 1:-1] = 0
    assert not border.any()
    assert pictures.max((2, 3)).min() >= shapes.DARKEST_ALONE
    filled = pictures.any(1).mean((1, 2))
    by_kind = {kind: filled[found.train_labels.numpy() == i].mean() for i, kind in enumerate(found.classes)}
    assert by_kind["disk"] > by_kind["oval"] > by_kind["star"]


def test_a_picture_does_not_depend_on_how_many_are_drawn():
    small = ENTRY.pictures({**data_defaults("shapes"), "n": 30}).train
    large = ENTRY.pictures({**data_defaults("shapes"), "n": 700}).train
    assert np.array_equal(small, large[:30])
    assert not {x.tobytes() for x in large.numpy()} & {
        x.tobytes() for x in ENTRY.pictures(data_defaults("shapes")).held_out.numpy()
    }


def test_20_000_pictures_of_64_pixels_take_less_than_a_minute():
    """By 1,000 of them; a quarter of the limit, for slow machines."""
    out = np.zeros((1000, 3, 64, 64), dtype=np.uint8)
    started = time.process_time()
    for block in range(2):
        draw_shapes(numbers(0, block), MOST_SHAPES, out[block * 500 : (block + 1) * 500])
    assert 20 * (time.process_time() - started) < 15
