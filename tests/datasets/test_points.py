"""A user's own points: alike from every format, addressed by content, refused in a sentence, trained and scored."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from oracles import make_spec

from harness.datasets import points
from harness.datasets.point_file import content_of, read_points
from harness.engine import noise
from harness.engine.real_data import real_draw
from harness.errors import DataError, SuiteError
from harness.execution import tasks
from harness.execution.requests import Request
from harness.execution.runner import run
from harness.metrics import Reference, make_reference, score
from harness.metrics.transport import wasserstein_1
from harness.suite.load import load_suite

CLOUD = np.random.default_rng(0).normal(size=(40, 3)).round(3)


def write(folder, name, array=CLOUD, **options):
    path = folder / name
    if path.suffix == ".csv":
        np.savetxt(path, array, delimiter=",", **options)
    elif path.suffix == ".npy":
        np.save(path, array)
    else:
        np.savez(path, **{options.get("key", "points"): array})
    return path


def test_equal_points_have_one_address_in_every_format(tmp_path):
    files = [
        write(tmp_path, "a.csv", fmt="%.17g"),
        write(tmp_path, "named.csv", header="x,y,z", comments=""),
        write(tmp_path, "hashed.csv", header="x,y,z"),
        write(tmp_path, "a.npy"),
        write(tmp_path, "fortran.npy", np.asfortranarray(CLOUD)),
        write(tmp_path, "a.npz"),
        write(tmp_path, "alone.npz", key="whatever"),
    ]
    assert all(np.array_equal(read_points(path), CLOUD) for path in files)
    described = [points.describe(str(path)) for path in files]
    assert described == [{"content": content_of(CLOUD), "points": 40, "dimensions": 3}] * len(files)


def test_other_points_have_another_address():
    others = [CLOUD[::-1], CLOUD[:-1], CLOUD + 1e-9, CLOUD.reshape(-1, 2), CLOUD.reshape(-1, 1)]
    assert len({content_of(x) for x in [CLOUD, *others]}) == 6


def test_zero_is_one_number_and_blank_lines_are_none(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n\n-0,5\n2,3\n\n")
    (tmp_path / "b.csv").write_text("\N{BOM}0,5\r\n2,3\r\n", encoding="utf-8")
    assert points.describe(str(tmp_path / "a.csv")) == points.describe(str(tmp_path / "b.csv"))


def test_what_was_read_is_said_in_points_and_dimensions(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n.1,.2\n.3,.5\n.4,.2\n")
    assert points.reading(str(tmp_path / "a.csv")) == "3 points in 2 dimensions"


TEXTS = {
    "1,2\n3,abc\n": "line 2: 'abc' given, finite",
    "x,y\nu,v\n1,2\n": "line 2: 'u' given",
    "x,y\n1,2\n\n3,nan\n": "line 4: 'nan' given",
    "nan,nan\n1,2\n3,4\n": "line 1: 'nan' given",
    "1,2\ninf,4\n": "line 2: 'inf' given",
    "1,2\n3\n": "line 2: 1 values given, 2 needed",
    "1;2\n3;4\n": "line 2: '3;4' given, finite numbers",
    "1,2,\n3,4,\n": "line 1: '' given",
    "x,y\n": "0 point(s) given, at least 2",
    "": "0 point(s) given",
    "1,2\n": "1 point(s) given",
    "1,2\n1,2\n1,2\n": "points are the same",
    ",x,y\n0,.1,.2\n1,.3,.4\n": "its first column has no name, as an index has; write it with index=False",
    '"","x"\n"1",.1\n"2",.3\n': "column has no name",
    "Unnamed: 0,x\n7,.1\n3,.3\n": "column has no name",
    "i,x\n0,.1\n1,.3\n2,.2\n": "counts the lines (0, 1, ...)",
    "1,.1\n2,.3\n3,.2\n": "counts the lines (1, 2, ...)",
    "5,.1\n6,.3\n7,.2\n": "counts the lines (5, 6, ...)",
    "-1,.1\n0,.3\n1,.2\n": "counts the lines (-1, 0, ...)",
    "1234567,.1,.2\n1234568,.3,.4\n1234569,.2,.3\n": "counts the lines (1234567, 1234568, ...)",
    "1,2\n.1,.2\n.3,.4\n": "counts the columns (1, 2)",
    "2020,2021,2022,2023\n1,.2,.3,.4\n.3,.4,4,5\n": "counts the columns (2020, 2021, 2022)",
    "0,1\n.1,.2\n.3,.4\n": "counts the columns (0, 1)",
    "0\n.1\n.3\n": "counts the columns (0)",
    "5000.1,1\n5000.2,2\n": "coordinate 1 has a mean of 5e+03",
    "1,1e39\n3,4\n": "point 1 holds 1e+39, numbers that",
}


POINTS = [
    "0\n1\n2\n", "0,2\n1,.3\n", "x,y\n0,1\n.1,.2\n", "1,7\n3,7\n", "0,7\n1,7\n3,7\n",
    "5,.1\n6,.3\n", "5,.1\n6,.3\n8,.2\n", ".5,.1\n1.5,.3\n2.5,.2\n", "1\n.1\n.3\n",
    "1,2\n3,.5\n5,.1\n", "1,2\n8,4\n3,9\n", "2,1\n.1,.2\n", "x,y\n1,2\n.1,.2\n",
]  # fmt: skip


@pytest.mark.parametrize("text", POINTS)
def test_what_counts_nothing_is_points(text, tmp_path):
    (tmp_path / "mine.csv").write_text(text)
    assert read_points(tmp_path / "mine.csv").shape[0] == text.count("\n") - ("x" in text)


@pytest.mark.parametrize("text", TEXTS)
def test_a_bad_csv_is_a_sentence_with_its_line(text, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_points(path)
    assert str(error.value).startswith(f"{path}: ")
    assert TEXTS[text] in str(error.value)
    assert "\n" not in str(error.value)


ARRAYS = {
    "flat": (np.arange(5.0), "shape [5] given, [points, coordinates]"),
    "cube": (np.ones((3, 2, 2)), "shape [3, 2, 2] given"),
    "empty": (np.ones((3, 0)), "shape [3, 0] given"),
    "words": (np.array([["a", "b"], ["c", "d"]]), "values of type <U1 given"),
    "truths": (np.array([[True], [False]]), "values of type bool"),
    "imaginary": (np.eye(2) * 1j, "values of type complex128"),
    "named columns": (np.zeros(2, [("x", "f8"), ("y", "f8")]), "values of type ["),
    "not finite": (np.array([[0, 1], [np.inf, 2], [np.nan, 2]]), "point 2 holds inf"),
    "constant": (np.ones((7, 2)), "points are the same"),
    "constant to a network": (1e9 + np.arange(4.0).reshape(-1, 1), "the same in 32 bits"),
}


@pytest.mark.parametrize("ending", ["npy", "npz"])
@pytest.mark.parametrize("case", ARRAYS)
def test_an_array_that_is_no_set_of_points_is_a_sentence(case, ending, tmp_path):
    array, words = ARRAYS[case]
    path = write(tmp_path, f"mine.{ending}", array)
    with pytest.raises(DataError) as error:
        read_points(path)
    assert words in str(error.value)


def bytes_of(kind):
    """The content of a file that is not what its name says."""
    stream = io.BytesIO()
    if kind == "pickled":
        np.save(stream, np.array([[1, "a"], [print, {}]], dtype=object), allow_pickle=True)
    elif kind == "torn":
        np.save(stream, CLOUD)
        return stream.getvalue()[:-7]
    elif kind == "boastful":
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (10**15, 2)})
    elif kind == "two arrays":
        np.savez(stream, a=CLOUD, b=CLOUD)
    elif kind == "none":
        zipfile.ZipFile(stream, "w").close()
    elif kind == "bomb":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("points.npy", bytes(1000))
            archive.getinfo("points.npy").file_size = 10**10
    else:
        return b"PK\3\4 or not"
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("a.npy", "pickled", "pickled Python objects"),
        ("a.npy", "torn", "no array as numpy.save"),
        ("a.npy", "boastful", "cannot be read"),
        ("a.npy", "rubbish", "no array as numpy.save"),
        ("a.npz", "two arrays", "holds the arrays a, b; name"),
        ("a.npz", "none", "holds no array"),
        ("a.npz", "bomb", "unpacks to 10,000 MB"),
        ("a.npz", "rubbish", "no npz file as"),
        ("a.txt", "rubbish", ".txt given, a file that"),
        ("a", "rubbish", "no ending given"),
    ],
)
def test_a_file_that_is_not_what_it_is_called_is_a_sentence(name, kind, words, tmp_path):
    (tmp_path / name).write_bytes(bytes_of(kind))
    with pytest.raises(DataError) as error:
        read_points(tmp_path / name)
    assert words in str(error.value)


def test_missing_huge_and_other_things_are_sentences(tmp_path, monkeypatch):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "latin.csv").write_bytes("Größe\n1\n".encode("latin-1"))
    write(tmp_path, "huge.npy")
    for name, words in {"no.csv": "no such file", "folder.csv": "a folder", "latin.csv": "UTF-8"}.items():
        with pytest.raises(DataError, match=words):
            read_points(tmp_path / name)
    for limit, words in {"MAX_VALUES": "more than 119 numbers", "MAX_BYTES": "at most"}.items():
        with monkeypatch.context() as patch:
            patch.setattr(f"harness.datasets.point_file.{limit}", 119)
            with pytest.raises(DataError, match=words):
                read_points(tmp_path / "huge.npy")


def test_a_line_that_would_take_gigabytes_to_part_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.datasets.point_file.MAX_LINE", 100)
    (tmp_path / "line.csv").write_text("1,2\n" + "0.5," * 100 + "1\n")
    with pytest.raises(DataError, match="line 2: more than 100 characters"):
        read_points(tmp_path / "line.csv")


def test_a_changed_file_is_refused_by_whoever_planned_with_the_old_one(tmp_path):
    path = write(tmp_path, "mine.npy", CLOUD + 100)
    settings = {**points.describe(str(path)), "scale": 1.0}
    write(tmp_path, "mine.npy", CLOUD + 200)
    with pytest.raises(DataError, match=r"mine.npy: its points"):
        points.all_points(settings)
    write(tmp_path, "mine.npy", CLOUD + 100)
    assert torch.equal(points.all_points(settings), torch.tensor(CLOUD + 100).float())


def test_training_reads_every_point_once_a_pass(tmp_path):
    path = write(tmp_path, "mine.npy")
    data = points.describe(str(path))
    spec = make_spec(dataset="points", data=data, hyper={"data.scale": 2.0})
    drawn = real_draw([spec], "critic.real", 5)(0, 0).reshape(-1, 3)  # 64 updates of 5: eight passes over 40
    expected = np.sort(CLOUD / 2, axis=0)
    for part in drawn.split(40):
        np.testing.assert_allclose(np.sort(part.numpy(), axis=0), expected, rtol=1e-6)
    assert not torch.equal(drawn[:40], drawn[40:80])


@pytest.mark.slow
def test_the_reference_of_all_points_is_all_points_and_a_perfect_sampler_has_no_excess(tmp_path):
    cloud = np.random.default_rng(1).normal(size=(200, 2))
    spec = make_spec(dataset="points", data=points.describe(str(write(tmp_path, "mine.npy", cloud))))
    reference = make_reference(spec, 200)
    np.testing.assert_allclose(np.sort(reference.points, axis=0), np.sort(cloud, axis=0), rtol=1e-6)
    settings = {**spec.setup.data, "scale": 1.0}
    perfect = [points.sample_points(200, noise.generator(k, "test"), settings).double().numpy() for k in range(40)]
    distances = [wasserstein_1(x, reference.points) for x in perfect]
    assert reference.floors["w1"] == pytest.approx(np.mean(distances), abs=4 * np.std(distances) / np.sqrt(5))
    assert reference.train is None
    part = make_reference(spec, 50).points
    assert len(np.unique(part, axis=0)) == 50  # without replacement


def test_few_points_are_scored_without_what_they_are_too_few_for(tmp_path):
    spec = make_spec(dataset="points", data=points.describe(str(write(tmp_path, "mine.npy", CLOUD))))
    assert not any(name.startswith("recall") for name in score(np.tile(CLOUD, (9, 1)), make_reference(spec, 5)))


def test_the_score_is_undefined_where_one_point_is_as_near_as_real_data():
    floors = dict.fromkeys(["w1", "w1_sd", "w2", "sliced_w"], 0.0)
    columns = score(np.ones((40, 1)), Reference(np.zeros((5, 1)), floors))
    assert (columns["w1_excess"], columns["score"]) == (1, None)


SUITE = """\
version: 1
name: own
question: My points?
seeds: 2
train: {{steps: 20, batch: 8, lr: 1e-3}}
score: {{at: [.5, 1], samples: 30}}
primary: {{toys: {metric}}}
architectures: {{mlp: {{width: 4, depth: 1}}}}
datasets: {{mine: {{base: points, file: data/{file}, scale: 2}}}}
matrix: [{{dataset: mine, architecture: mlp, objective: [gan, wgan-gp]}}]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return a function that writes points and a suite that names them."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()

    def prepare(file, array, metric="w1_excess"):
        write(Path("data"), file, array)
        Path("own.yaml").write_text(SUITE.format(metric=metric, file=file))
        return "own.yaml"

    return prepare


@pytest.mark.parametrize(("factor", "scale"), [(1e20, 1), (1, 1e-320), (1e-9, 1), (1, "[1, 1e12]")])
def test_points_far_from_one_are_refused_before_training(own, factor, scale):
    path = Path(own("mine.npy", factor * CLOUD))
    path.write_text(path.read_text().replace("scale: 2", f"scale: {scale}").replace("samples: 30", "samples: 3"))
    with pytest.raises(SuiteError, match=r"own.yaml:9: .*set `scale` to") as error:
        load_suite(str(path))
    assert len(error.value.problems) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("file", "dimensions"), [("mine.csv", 1), ("mine.npy", 2), ("mine.npz", 8), ("mine.npy", 9)])
def test_own_points_go_from_their_file_to_a_report(own, file, dimensions, undrawn, monkeypatch):
    cloud = np.random.default_rng(2).normal(size=(50, dimensions))
    result = run(Request(own(file, cloud, "w1_excess" if dimensions <= 8 else "sliced_w"), workers=0))
    assert result.counts["ok"] == 4
    table = pd.read_parquet("results/own/runs.parquet")
    assert (table["setup.content"] == content_of(read_points(Path("data") / file))).all()
    assert (table["data.scale"] == 2).all()
    assert table["sliced_w"].notna().all()
    assert ("w1" in table) == ("score" in table) == ("recall[k5]@30" in table) == (dimensions <= 8)
    assert "My points?" in result.report.read_text()
    figures = {path.name.split("-")[0] for path in Path("reports/own/figures").iterdir()}
    assert ("points" in figures) == (dimensions == 2)
    with np.load(next(Path("results/own/runs").glob("*/snapshots/20.npz"))) as shot:
        assert ("critic_grid" in shot) == (dimensions == 2)
        assert shot["generated"].shape == (2500, dimensions)
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    assert run(Request("own.yaml", workers=0)).trained == 0


@pytest.mark.slow
def test_other_formats_and_paths_train_nothing_again_and_other_points_do(own, monkeypatch):
    monkeypatch.setattr("harness.report.page.build_report", lambda store, out, workers: out)
    cloud = np.random.default_rng(3).normal(size=(50, 2))
    run(Request(own("mine.npy", cloud), workers=0))
    again = run(Request(own("copy.npz", cloud), workers=0))
    assert (again.trained, again.already) == (0, 4)
    other = run(Request(own("mine.npy", cloud + 1), workers=0))
    assert (other.trained, other.already, other.unplanned) == (4, 0, 4)
    plan = json.loads(Path("results/own/plan.json").read_text())
    assert plan["resolved"]["datasets"]["mine"]["file"] == str(Path("data/mine.npy").absolute())
    assert "mine.npy" not in json.dumps([plan["specs"], plan["runs"]])


@pytest.mark.slow
def test_workers_refuse_points_that_changed_after_they_were_planned(own):
    plan = tasks.plan_suite(Request(own("mine.csv", CLOUD), "results", device="cpu"), True)
    write(Path("data"), "mine.csv", CLOUD * 2)
    points.scaled.cache_clear()  # a worker has not read them yet
    stack = plan.stacks[0]
    with pytest.raises(DataError, match="changed since the suite"):
        tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu")
    assert not list(Path("results/own/runs").rglob("attempts"))


@pytest.mark.slow
def test_the_file_is_found_from_any_folder(own, tmp_path, monkeypatch):
    plan = tasks.plan_suite(Request(own("mine.csv", CLOUD), str(tmp_path / "results"), device="cpu"), True)
    points.scaled.cache_clear()  # as in a worker
    monkeypatch.chdir("data")
    stack = plan.stacks[0]
    assert tasks.train_stack(plan.folder, stack.id, stack.runs, "cpu").failure is None
