"""Suites on pictures: what can be set and swept, and what is refused before training with its line."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from oracles import PICTURES

from harness.execution.tasks import plan_suite
from harness.plan.screen import render
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
    ("old", "new", "line", "words"),
    [
        ("data/faces", "data/none", 10, "folder: {root}/data/none: there is no such folder."),
        ("data/faces", "data/faces/00.png", 10, "folder: {root}/data/faces/00.png: a file; a folder of pictures"),
        ("data/faces", "[a, b]", 10, "folder: ['a', 'b'] given, text needed."),
        (
            "    folder: data/faces\n",
            "",
            8,
            "reads a folder, and none is named; write datasets: {{mine: {{base: folder",
        ),
        ("size: 8", "size: 4", 11, "size: 4 given, a whole number from 8 to 512 needed."),
        ("size: 8", "size: [8, x]", 11, "size: 'x' given, a whole number from 8 to 512 needed."),
        ("size: 8", "channels: 2", 11, "channels: 2 given, 1 or 3 needed."),
        ("size: 8", "file: data/faces", 11, "file: the data set 'folder' has no such parameter."),
        ("size: 8", "fixed: 9", 11, "fixed: 9 given, and 'own' has 8 training pictures; name fewer."),
        ("size: 8", "fixed: [4, 9]", 11, "fixed: 9 given, and 'own' has 8 training pictures; name fewer."),
        ("[0, 1]", "[0, 2]", 12, "range: [0, 2] given, [-1, 1] or [0, 1] needed."),
        ("[0, 1]", "[[0, 1], 5]", 12, "range: 5 given, [-1, 1] or [0, 1] needed."),
        ("range: [0, 1]", "size: 28", 12, "size: 28 given, 16 or 32 needed."),
        ("range: [0, 1]", "size: []", 12, "size: an empty list given, at least one value needed."),
        ("range: [0, 1]", "classes: [3, 10]", 12, "[3, 10] given, a list of different classes from 0 to 9 needed."),
        ("range: [0, 1]", "classes: 3", 12, "3 given, a list of different classes from 0 to 9 needed."),
        ("range: [0, 1]", "classes: [[3], [3, 3]]", 12, "[3, 3] given, a list of different classes from 0 to 9"),
        ("range: [0, 1]", "folder: data/faces", 12, "folder: the data set 'digits' has no such parameter."),
        ("digits]", "mnist]", 14, "mnist is not on this machine: `harness data mnist` fetches it, or put train-images"),
        (
            "[own, digits], architecture: mlp",
            "digits, architecture: dcgan",
            14,
            "ends in tanh, and pictures of 'digits' range from 0 to 1; set generator: {{output: sigmoid}}.",
        ),
        ("digits: {range: [0, 1]}", "x: {base: shapes, shapes: two}", 12, "'two' given, 'many' or 'one' needed."),
    ],
)
def test_pictures_that_cannot_be_used_are_refused_with_their_line(
    mistakes, tmp_path, monkeypatch, old, new, line, words
):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert old in SUITE
    text = SUITE.replace(old, new)
    if new.startswith("x:"):
        text = text.replace("own, digits", "own, x")
    (said,) = mistakes(text)
    assert said.startswith(f"x.yaml:{line}: ")
    assert words.format(root=tmp_path) in said


def test_more_pictures_than_the_disk_takes_are_refused(mistakes, monkeypatch):
    monkeypatch.setattr("harness.datasets.cache.shutil.disk_usage", lambda path: SimpleNamespace(total=500e9))
    text = SUITE.replace("digits: {range: [0, 1]}", "x: {base: shapes, size: 512, n: 1000000}")
    (said,) = mistakes(text.replace("own, digits", "x"))
    assert said == (
        "x.yaml:14: dataset: 'x': its 1,005,000 pictures take 790 GB, and the cache's disk has 500 GB in all; ask for "
        "fewer or smaller ones."
    )


def test_a_torn_picture_is_refused_where_the_folder_is_named(mistakes, faces):
    (faces / "a.png").write_bytes((faces / "00.png").read_bytes()[:80])
    (said,) = mistakes(SUITE)
    assert said.startswith(f"x.yaml:10: folder: {faces}/a.png: no whole picture: ")


def test_settings_of_pictures_can_be_set_from_the_command_line(load, mistakes):
    found = data_of(load(SUITE, sets=["dataset.size=32", "range=[-1, 1]"]))
    assert [(data["size"], data["range"]) for data in found] == [(32, [-1, 1])] * 2
    assert [data["range"] for data in data_of(load(SUITE, sets=["range=[[0, 1], [-1, 1]]"]))][:2] == [[0, 1], [-1, 1]]
    (said,) = mistakes(SUITE, sets=["classes=[11]"])
    assert "[11] given, a list of different classes from 0 to 9 needed." in said


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
def test_too_few_held_out_pictures_for_a_covariance_are_refused_and_few_samples_named(mistakes, load, metric):
    (said,) = mistakes(SUITE.replace("[own, digits]", "own").replace("sliced_w", metric))
    needs = (
        "FID in 64 features takes more than 64 held-out pictures (a folder of 214 or more), and 'own' is scored on 4"
    )
    assert said == f"x.yaml:6: images: {metric!r} given; {needs}; rank on sliced_w or kid."
    load(SUITE.replace("[own, digits]", "digits").replace("sliced_w", metric))
    planned = plan_suite("x.yaml", "results", None, [], [], "cpu", False)
    assert planned["notes"] == [needs.replace("own", "digits")]


@pytest.mark.parametrize("metric", ["modes", "class_kl", "kid"])
def test_a_plan_names_an_extractor_known_to_be_too_weak_for_its_primary(monkeypatch, load, metric):
    of = {"poses": SimpleNamespace(error=0.3), "classifier": SimpleNamespace(error=0.25)}  # .25 is not yet too weak
    monkeypatch.setattr("harness.plan.weak_extractors.known", lambda name, dataset, settings: of[name])
    text = SUITE.replace("[own, digits]", "digits").replace("sliced_w", metric)
    load(text.replace("samples: 4", "samples: 4, extractors: [classifier, poses]"))
    planned = plan_suite("x.yaml", "results", None, [], [], "cpu", False)
    said = "the extractor 'poses' is wrong on 30.0 % of the held-out images of 'digits': modes, class_kl and share are"
    assert [note.startswith(said) for note in planned["notes"]] == ([True] if metric != "kid" else [])
    assert ("'poses' is wrong" in render(planned["description"])) == (metric != "kid")


@pytest.mark.parametrize(
    ("extractors", "metric", "line", "words"),
    [
        ("[rotation]", "sliced_w", 5, "extractors: unknown extractor 'rotation'. Did you mean 'rotations'?"),
        ("[rotations, inception]", "fid", 5, "'inception' cannot look at 'own': its weights are not on this machine ("),
        ("[classifier]", "fid", 5, "extractors: 'classifier' cannot look at 'own': it has no classes to tell apart."),
        ("rotations", "sliced_w", 5, "extractors: 'rotations' given, a list needed."),
        ("[]", "fid", 6, "images: 'fid' given, and 'own' is looked at by no extractor; name score.extractors"),
        (
            "[rotations]",
            '"fid[inception]"',
            6,
            "given, and 'own' has fid[rotations]@4 and fid[rotations]@2; name",
        ),
        (
            None,
            '"fid[inception]"',
            6,
            "given, and 'own' has fid[rotations]@4 and fid[rotations]@2; name one",
        ),
        (None, '"fid[rotations]@999"', 6, "'fid[rotations]@999' given, and 'own' has fid[rotations]@4 and"),
        (None, '"kid[rotations,k7]@4"', 6, "given, and 'own' has kid[rotations]@4; name one of these"),
        (None, '"precision[rotations,k5]@4"', 6, "takes 6 pictures or more, and 'own' is scored on 4; use sliced_w."),
        (None, "isc", 6, "'isc' takes 10 pictures or more, and 'own' is scored on 4; use sliced_w."),
        (None, '"fid@4"', 6, "'fid@4' given, and 'own' has fid[rotations]@4 and fid[rotations]@2;"),
        (None, '"sliced_w@4"', 6, "images: pictures cannot be ranked on 'sliced_w@4'. Did you mean 'sliced_w'?"),
        (None, "class_kl", 6, "images: 'class_kl' given, and 'own' is looked at by rotations alone;"),
        (None, "fids", 6, "images: pictures cannot be ranked on 'fids'. Did you mean 'fid'?"),
        (None, "hq", 6, "images: pictures cannot be ranked on 'hq'."),
    ],
)
def test_what_cannot_look_or_rank_is_refused_before_training(
    mistakes, monkeypatch, tmp_path, extractors, metric, line, words
):
    monkeypatch.setenv("HARNESS_INCEPTION", str(tmp_path / "none"))
    text = SUITE.replace("[own, digits]", "own").replace("sliced_w", metric)
    (said,) = mistakes(text if extractors is None else text.replace("4}", f"4, extractors: {extractors}}}"))
    assert said.startswith(f"x.yaml:{line}: ")
    assert words in said


def test_a_single_held_out_picture_has_no_fid(mistakes):
    text = SUITE.replace("  digits: {range: [0, 1]}", "  x: {base: shapes, n: 9, held_out: 1, size: 16}")
    (said,) = mistakes(text.replace("[own, digits]", "x").replace("sliced_w", "fid"))
    expected = "x.yaml:6: images: 'fid' takes 2 pictures or more, and 'x' is scored on 1; use sliced_w."
    assert said == expected
    (said,) = mistakes(
        SUITE.replace("samples: 4", "samples: 1").replace("[own, digits]", "digits").replace("sliced_w", "fid")
    )
    assert said == expected.replace("'x'", "'digits'")


def test_an_inception_score_needs_an_extractor_that_tells_classes(mistakes, load):
    text = SUITE.replace("samples: 4", "samples: 40, extractors: [X]").replace("[own, digits]", "digits")
    (said,) = mistakes(text.replace("X", "rotations").replace("sliced_w", "isc"))
    assert said.startswith("x.yaml:6: images: 'isc' given, and 'digits' is looked at by rotations alone; name score.")
    assert load(text.replace("X", "classifier").replace("sliced_w", "isc")).primary.images == "isc"


def test_a_misspelt_extractor_is_told_where_there_are_only_toys(mistakes):
    text = SUITE.replace("[own, digits], architecture: mlp", "8gaussians, architecture: mlp")
    (said,) = mistakes(text.replace("samples: 4", "samples: 4, extractors: [inceptoin]"))
    assert said == "x.yaml:5: extractors: unknown extractor 'inceptoin'. Did you mean 'inception'?"


def test_an_output_of_the_range_is_taken(load):
    text = SUITE.replace("[own, digits], architecture: mlp", "digits, architecture: fits")
    text = text.replace("matrix:", "architectures: {fits: {base: dcgan, generator: {output: sigmoid}}}\nmatrix:")
    assert expand(load(text)).runs
