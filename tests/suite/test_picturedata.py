"""Suites on images: what can be set and swept, and what is refused before training with its line."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from oracles import PICTURES

from harness.execution.requests import Request
from harness.execution.tasks import plan_suite
from harness.plan.screen import render
from harness.suite.checks.image_ranking import few_for_fid, weak_extractor
from harness.suite.expand import expand

SUITE = """\
version: 1
name: pictures
question: Why?
seeds: 1
score: {samples: 4}
primary: {images: sliced_w}
datasets:
  own:
    base: folder
    folder: data/faces
    size: 8
  digits: {range: [0, 1]}
matrix:
  - {dataset: [own, digits], architecture: mlp, objective: gan}
"""


@pytest.fixture(autouse=True)
def faces(tmp_path):
    shutil.copytree(PICTURES, tmp_path / "data/faces")
    return tmp_path / "data/faces"


def data_of(suite):
    return [run.spec.setup.data for run in expand(suite).runs]


def ids_of(suite):
    return [run.run_id for run in expand(suite).runs]


def test_a_folder_is_found_from_the_suite_that_names_it_and_is_no_part_of_a_run(load, tmp_path):
    suite = load(SUITE)
    assert suite.datasets["own"].folder == str(tmp_path / "data/faces")
    assert load(suite.to_yaml()).to_json() == suite.to_json()
    own, digits = data_of(suite)
    assert own.keys() == {"size", "channels", "range", "content", "pictures"}
    assert digits == {"size": 16, "classes": None, "range": [0, 1]}
    before = ids_of(suite)
    Path("data/faces").rename("data/people")
    assert ids_of(load(SUITE.replace("faces", "people"))) == before


def test_a_list_of_lists_sweeps_what_is_a_list_itself(load):
    swept = "{range: [[0, 1], [-1, 1]], classes: [[3], [3, 0]], size: [16, 32], fixed: 50}"
    suite = load(SUITE.replace("{range: [0, 1]}", swept).replace("[own, digits]", "digits"))
    found = data_of(suite)
    assert len(found) == 8
    assert {tuple(data["classes"]) for data in found} == {(3,), (0, 3)}
    assert {tuple(data["range"]) for data in found} == {(0, 1), (-1, 1)}
    assert all(data["fixed"] == 50 for data in found)


def test_one_choice_of_classes_has_one_address(load):
    alone = SUITE.replace("[own, digits]", "digits")

    def ids(classes):
        return ids_of(load(alone.replace("{range: [0, 1]}", f"{{classes: {classes}}}")))

    assert ids([0, 3]) == ids([3, 0]) != ids([3])
    assert ids(list(range(10))) == ids_of(load(alone.replace("  digits: {range: [0, 1]}\n", "")))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "line", "code", "word"),
    [
        ("data/faces", "data/none", 10, "bad-value", "{root}/data/none"),
        ("data/faces", "data/faces/00.png", 10, "bad-value", "{root}/data/faces/00.png"),
        ("data/faces", "[data/faces, b]", 10, "bad-value", "{root}/b"),
        ("    folder: data/faces\n", "", 8, "no-file", "{{mine: {{base: folder"),
        ("size: 8", "size: 4", 11, "bad-value", "from 8 to 512"),
        ("size: 8", "size: [8, x]", 11, "bad-value", "'x'"),
        ("size: 8", "channels: 2", 11, "bad-value", "1 or 3"),
        ("size: 8", "file: data/faces", 11, "unknown-key", "'folder'"),
        ("size: 8", "fixed: 9", 11, "bad-value", "'own' has 8"),
        ("size: 8", "fixed: [4, 9]", 11, "bad-value", "'own' has 8"),
        ("[0, 1]", "[0, 2]", 12, "bad-value", "[-1, 1] or [0, 1]"),
        ("[0, 1]", "[[0, 1], 5]", 12, "bad-value", "range: 5"),
        ("range: [0, 1]", "size: 24", 12, "bad-value", "16, 28 or 32"),
        ("range: [0, 1]", "size: []", 12, "bad-value", "empty list"),
        ("range: [0, 1]", "classes: [3, 10]", 12, "bad-value", "[3, 10]"),
        ("range: [0, 1]", "classes: 3", 12, "bad-value", "from 0 to 9"),
        ("range: [0, 1]", "classes: [[3], [3, 3]]", 12, "bad-value", "[3, 3]"),
        ("range: [0, 1]", "folder: data/faces", 12, "unknown-key", "'digits'"),
        ("digits]", "mnist]", 14, "no-data", "`harness data mnist`"),
        ("[own, digits], architecture: mlp", "digits, architecture: dcgan", 14, "output-range", "{{output: sigmoid}}"),
        ("digits: {range: [0, 1]}", "x: {base: shapes, shapes: two}", 12, "bad-value", "'many' or 'one'"),
    ],
)
def test_images_that_cannot_be_used_are_refused_with_their_line(
    problems, tmp_path, monkeypatch, old, new, line, code, word
):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert old in SUITE
    text = SUITE.replace(old, new)
    if new.startswith("x:"):
        text = text.replace("own, digits", "own, x")
    (problem,) = problems(text)
    assert (problem.place, problem.code) == (f"x.yaml:{line}", code)
    assert word.format(root=tmp_path) in str(problem)


def test_more_pictures_than_the_disk_takes_are_refused(problems, monkeypatch):
    monkeypatch.setattr("harness.datasets.cache.shutil.disk_usage", lambda path: SimpleNamespace(total=500e9))
    text = SUITE.replace("digits: {range: [0, 1]}", "x: {base: shapes, size: 512, n: 1000000}")
    (problem,) = problems(text.replace("own, digits", "x"))
    assert (problem.place, problem.code) == ("x.yaml:14", "no-room")
    assert all(word in problem.text for word in ("'x'", "1,005,000", "790 GB", "500 GB"))


def test_a_torn_picture_is_refused_where_the_folder_is_named(problems, faces):
    (faces / "a.png").write_bytes((faces / "00.png").read_bytes()[:80])
    (problem,) = problems(SUITE)
    assert (problem.place, problem.path[-1]) == ("x.yaml:10", "folder")
    assert problem.text.startswith(f"{faces}/a.png: no whole image")


def test_settings_of_pictures_can_be_set_from_the_command_line(load, mistakes):
    found = data_of(load(SUITE, sets=["dataset.size=32", "range=[-1, 1]"]))
    assert [(data["size"], data["range"]) for data in found] == [(32, [-1, 1])] * 2
    assert [data["range"] for data in data_of(load(SUITE, sets=["range=[[0, 1], [-1, 1]]"]))][:2] == [[0, 1], [-1, 1]]
    (said,) = mistakes(SUITE, sets=["classes=[11]"])
    assert "[11]" in said


def test_a_suite_on_drawn_pictures_draws_none_before_training(load, monkeypatch):
    monkeypatch.setattr("harness.datasets.shapes.draw_shapes", lambda *arguments: pytest.fail("drawn"))
    suite = load(
        SUITE.replace("own, digits]", "digits, shapes, stacked-digits]").replace("primary: {images: sliced_w}\n", "")
    )
    assert len(expand(suite).runs) == 3


def test_pictures_are_ranked_on_fid_where_a_suite_names_nothing(load):
    digits = SUITE.replace("[own, digits]", "digits")
    assert load(digits.replace("primary: {images: sliced_w}\n", "")).primary.images == "fid"
    assert load(SUITE).to_json()["score"] == {"at": [1], "samples": 4, "frames": 0}
    named = load(SUITE.replace("samples: 4", "samples: 4, extractors: [rotations]"))
    assert named.to_json()["score"]["extractors"] == ["rotations"]
    assert load(named.to_yaml()).to_json() == named.to_json()


@pytest.mark.parametrize("metric", ["fid", "fid[rotations]", "fid[rotations]@4", "kid", "fid[rotations]@2", "score"])
def test_what_an_extractor_sees_can_rank(load, metric):
    text = SUITE.replace("samples: 4", "samples: 4, extractors: [rotations]").replace("sliced_w", f'"{metric}"')
    assert load(text.replace("[own, digits]", "digits")).primary.images == metric


@pytest.mark.parametrize("metric", ["fid", "fid_excess", "score"])
def test_too_few_held_out_pictures_for_a_covariance_are_refused_and_few_samples_named(problems, load, metric):
    (problem,) = problems(SUITE.replace("[own, digits]", "own").replace("sliced_w", metric))
    assert (problem.place, problem.code) == ("x.yaml:6", "not-rankable")
    assert all(word in problem.text for word in (f"{metric!r} given", few_for_fid("own", 4), "sliced_w or kid", "214"))
    load(SUITE.replace("[own, digits]", "digits").replace("sliced_w", metric))
    planned = plan_suite(Request("x.yaml", "results", device="cpu"), False)
    assert planned.notes == [few_for_fid("digits", 4)]


@pytest.mark.parametrize("metric", ["modes", "class_kl", "kid"])
def test_a_plan_names_an_extractor_known_to_be_too_weak_for_its_primary(monkeypatch, load, metric):
    of = {"poses": SimpleNamespace(error=0.3), "classifier": SimpleNamespace(error=0.25)}  # .25 is not yet too weak
    monkeypatch.setattr("harness.plan.weak_extractors.known", lambda name, dataset, settings: of[name])
    text = SUITE.replace("[own, digits]", "digits").replace("sliced_w", metric)
    load(text.replace("samples: 4", "samples: 4, extractors: [classifier, poses]"))
    planned = plan_suite(Request("x.yaml", "results", device="cpu"), False)
    assert planned.notes == ([weak_extractor("digits", "poses", 0.3)] if metric != "kid" else [])
    assert ("'poses' is wrong" in render(planned.description)) == (metric != "kid")


@pytest.mark.parametrize(
    ("extractors", "metric", "code", "word"),
    [
        ("[rotation]", "sliced_w", "unknown-name", "'rotations'"),
        ("[rotations, inception]", "fid", "unfit-extractor", "weights"),
        ("[classifier]", "fid", "unfit-extractor", "no classes"),
        ("rotations", "sliced_w", "bad-value", "list"),
        ("[]", "fid", "not-rankable", "no extractor"),
        ("[rotations]", '"fid[inception]"', "not-rankable", "fid[rotations]@4 and fid[rotations]@2"),
        (None, '"fid[inception]"', "not-rankable", "fid[rotations]@4 and fid[rotations]@2"),
        (None, '"fid[rotations]@999"', "not-rankable", "fid[rotations]@4"),
        (None, '"kid[rotations,k7]@4"', "not-rankable", "'own' has kid[rotations]@4"),
        (None, '"precision[rotations,k5]@4"', "not-rankable", "takes 6"),
        (None, "isc", "not-rankable", "takes 10"),
        (None, '"fid@4"', "not-rankable", "fid[rotations]@4 and fid[rotations]@2"),
        (None, '"sliced_w@4"', "not-rankable", "mean 'sliced_w'"),
        (None, "class_kl", "not-rankable", "rotations alone"),
        (None, "fids", "not-rankable", "mean 'fid'"),
        (None, "hq", "not-rankable", "'hq'"),
    ],
)
def test_what_cannot_look_or_rank_is_refused_before_training(
    problems, monkeypatch, tmp_path, extractors, metric, code, word
):
    monkeypatch.setenv("HARNESS_INCEPTION", str(tmp_path / "none"))
    text = SUITE.replace("[own, digits]", "own").replace("sliced_w", metric)
    (problem,) = problems(text if extractors is None else text.replace("4}", f"4, extractors: {extractors}}}"))
    assert (problem.place, problem.code) == (f"x.yaml:{6 if code == 'not-rankable' else 5}", code)
    assert word in problem.text


def test_a_single_held_out_image_has_no_fid(problems):
    text = SUITE.replace("  digits: {range: [0, 1]}", "  x: {base: shapes, n: 9, held_out: 1, size: 16}")
    for label, one in (("x", text), ("digits", SUITE.replace("samples: 4", "samples: 1"))):
        (problem,) = problems(one.replace("[own, digits]", label).replace("sliced_w", "fid"))
        assert (problem.place, problem.code) == ("x.yaml:6", "not-rankable")
        assert f"'{label}' is scored on 1" in problem.text


def test_an_inception_score_needs_an_extractor_that_tells_classes(problems, load):
    text = SUITE.replace("samples: 4", "samples: 40, extractors: [X]").replace("[own, digits]", "digits")
    (problem,) = problems(text.replace("X", "rotations").replace("sliced_w", "isc"))
    assert (problem.place, problem.code) == ("x.yaml:6", "not-rankable")
    assert load(text.replace("X", "classifier").replace("sliced_w", "isc")).primary.images == "isc"


def test_a_misspelt_extractor_is_told_where_there_are_only_toys(problems):
    text = SUITE.replace("[own, digits], architecture: mlp", "8gaussians, architecture: mlp")
    (problem,) = problems(text.replace("samples: 4", "samples: 4, extractors: [inceptoin]"))
    assert (problem.place, problem.code) == ("x.yaml:5", "unknown-name")
    assert "'inception'" in problem.text


def test_an_output_of_the_range_is_taken(load):
    text = SUITE.replace("[own, digits], architecture: mlp", "digits, architecture: fits")
    text = text.replace("matrix:", "architectures: {fits: {base: dcgan, generator: {output: sigmoid}}}\nmatrix:")
    assert expand(load(text)).runs
