"""A report of several published files: whose runs rank how, and what the machine alone changes."""

import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.report import contributors_text, page
from harness.report.contributors import contributors
from harness.report.merged import merge
from harness.report.rebuild import rebuild_reports
from harness.store.frozen import publish
from harness.store.table import PROVENANCE

QUICKSTART = Path(__file__).parents[2] / "results" / "reference" / "quickstart"
BEHIND = {0: 0.01, 1: 0.01, 2: 0.04}  # of ben, by seed, in w1_excess
AHEAD = {0: 0.01, 1: 0.02, 2: 0.06}  # in score


def another(name, change, run_ids=slice(None)):
    """Publish the quickstart of another contributor, whose table of runs is changed."""
    folder = Path("frozen") / name
    shutil.copytree(QUICKSTART, folder)
    table = change(pd.read_parquet(folder / "runs.parquet"))
    table.to_parquet(folder / "runs.parquet", index=False)
    Path(f"{name}.zip").write_bytes(publish(folder))
    return f"{name}.zip"


def elsewhere(table):
    """The same measurements, of a machine with other instructions."""
    return table.assign(cpu_isa="AVX2", **{"scoring.cpu_isa": "AVX2"})


def apart(table):
    """Every run of a seed as much worse, or better by score."""
    seeds = table["seed"]
    return elsewhere(table).assign(
        w1_excess=table["w1_excess"] + seeds.map(BEHIND), score=table["score"] + seeds.map(AHEAD), host_cpu="other"
    )


def loses(table):
    lost = (table["objective"] == "nsgan") & (table["seed"] == 1)
    known = [
        c for c in table.columns if c not in PROVENANCE and table[c].dtype == float and c.startswith(("w1", "score"))
    ]
    return table.assign(
        status=table["status"].astype(str).where(~lost, "diverged"),
        **{c: table[c].where(~lost) for c in known},
        torch="2.14.0",
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A folder with the files of three contributors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("published"))
        for name, change in (("anna", lambda table: table), ("ben", apart), ("carla", loses)):
            another(name, change)
        return Path.cwd()


@pytest.fixture
def files(published, tmp_path, monkeypatch):
    """A copy of it, in the working directory; names of the files."""
    monkeypatch.chdir(shutil.copytree(published, tmp_path, dirs_exist_ok=True))
    return ["anna.zip", "ben.zip", "carla.zip"]


def t_interval(values):
    """Mean, and the 95 % interval of Student's t, by its formula."""
    values = np.array(list(values))
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean(), values.mean() - half, values.mean() + half


@pytest.mark.slow
def test_the_same_runs_differ_by_what_was_put_in(files):
    what = contributors(merge(files))
    of = {(same.a, same.b): same for same in what.same}
    assert list(of) == [("anna.zip", "ben.zip"), ("anna.zip", "carla.zip"), ("ben.zip", "carla.zip")]
    same = of["anna.zip", "ben.zip"]
    assert (same.runs, same.identical, same.turned, same.scale) == (9, 0, 0, "score")
    assert (same.median, same.largest) == pytest.approx((0.02, 0.06))
    assert (same.size.mean, same.size.low, same.size.high) == pytest.approx(t_interval(AHEAD.values()))
    p = [row.mean.p for row in what.same]
    assert p[0] == pytest.approx(stats.ttest_1samp(list(AHEAD.values()), 0).pvalue)
    assert same.differs.keys() == {"host_cpu", "cpu_isa"}
    assert same.differs["cpu_isa"] == ("AVX512", "AVX2")
    table = pd.read_parquet(QUICKSTART / "runs.parquet")
    within = math.sqrt(
        2 * table.groupby("objective")["score"].var().mean()
    )  # root mean square of two seeds' difference
    assert same.of_seeds == pytest.approx(np.sqrt(np.mean(np.square(list(AHEAD.values())))) / within)


@pytest.mark.slow
def test_a_run_that_one_file_lost_counts_and_the_rest_is_equal(files):
    same = contributors(merge(files)).same[1]
    assert (same.runs, same.identical, same.turned) == (9, 8, 1)
    assert (same.median, same.largest) == (0, 0)
    assert (set(same.differs), same.mean.by) == ({"torch"}, "ranks")


@pytest.mark.slow
def test_the_leaderboard_has_every_objective_of_every_file_the_best_first(files):
    board = contributors(merge(files[:2])).leaderboard
    table = pd.read_parquet(QUICKSTART / "runs.parquet")
    means = {("anna.zip", str(name)): value for name, value in table.groupby("objective")["w1_excess"].mean().items()}
    means |= {("ben.zip", name): value + 0.02 for (_, name), value in means.items()}
    order = sorted(means, key=means.get)
    assert list(zip(board["file"], board["objective"], strict=True)) == order
    assert board["mean"].tolist() == pytest.approx([means[place] for place in order])
    first = table[table["objective"] == order[0][1]].set_index("seed")["w1_excess"]
    ps = []
    for (file, name), row in zip(order[1:], board.iloc[1:].to_dict("records"), strict=True):
        mine = table[table["objective"] == name].set_index("seed")["w1_excess"]
        gaps = mine + (pd.Series(BEHIND) if file == "ben.zip" else 0) - first
        assert (row["behind"], row["behind_low"], row["behind_high"]) == pytest.approx(t_interval(gaps))
        ps.append(stats.ttest_1samp(gaps, 0).pvalue)
        assert row["p"] == pytest.approx(ps[-1])
    assert board["p_holm"].iloc[1:].min() == pytest.approx(len(ps) * min(ps))


@pytest.mark.slow
def test_two_machines_with_the_same_results_are_one_sentence(files):
    other = another("dora", elsewhere)
    (same,) = contributors(merge(["anna.zip", other])).same
    assert (same.runs, same.identical, same.mean.better) == (9, 9, "")
    text = contributors_text.paragraph(contributors(merge(["anna.zip", other])))
    assert text == (
        "anna.zip and dora.zip hold 9 runs in common, trained with another instruction set (AVX512 and AVX2): all "
        "measurements are equal, bit for bit. The ranking above takes each of these from the first file that finished "
        "it."
    )


@pytest.mark.slow
@pytest.mark.parametrize("others", [1, 2])
def test_files_of_like_machines_say_so(files, others):
    names = [another(f"other{place}", lambda table: table) for place in range(others)]
    text = contributors_text.paragraph(contributors(merge(["anna.zip", *names])))
    assert "in common, trained on like machines and versions: " in text


def test_the_ranking_counts_a_run_once_as_in_the_first_file(files):
    table = merge(files).table()
    assert (len(table), set(table["folder"])) == (9, {"anna.zip"})
    assert set(merge(files[::-1]).table()["folder"]) == {"carla.zip"}


def test_files_that_share_no_run_have_no_comparison_of_machines(files):
    what = contributors(merge(["anna.zip", str(QUICKSTART.parent / "gp-or-not")]))
    assert (what.same, contributors_text.paragraph(what), len(what.files)) == ([], "", 2)
    assert what.frames.keys() == {"contributors.csv"}


def test_files_that_are_one_file_twice_are_told_apart_by_their_paths(files):
    shutil.copytree("frozen", "old")
    what = contributors(merge(["frozen/anna", "old/anna"]))
    assert what.files["file"].tolist() == ["frozen/anna", "old/anna"]


@pytest.mark.slow
def test_the_page_opens_with_the_answer_and_what_the_machines_change(files, undrawn):
    (report,) = rebuild_reports(files, None)
    assert report == "reports/anna.zip+ben.zip+carla.zip/index.html"
    html = Path(report).read_text()
    first = html.index("nsgan, wgan-clip and wgan-gp were compared")
    second = html.index(
        "3 pairs of files hold runs in common, trained with another processor, instruction set and torch:"
    )
    assert first < second < html.index("<h2>By file</h2>") < html.index("<h3>Leaderboard</h3>")
    assert "No figures of curves and samples from anna.zip, ben.zip and carla.zip, which hold tables alone." in html
    folder = Path(report).parent / "tables"
    board = pd.read_csv(folder / "leaderboard.csv")
    assert len(board) == 9
    assert pd.read_csv(folder / "same-runs.csv")["identical"].tolist() == [0, 8, 0]
    assert pd.read_csv(folder / "contributors.csv")["lost"].tolist() == [0, 0, 1]


@pytest.mark.slow
def test_records_beside_a_published_file_keep_their_figures(results, call, undrawn):
    from dataclasses import replace

    from harness.store import Store

    store = Store("results/small")
    done = [row for row in store.plan.runs if row.run_id in store.finished()]
    store.write_plan(replace(store.plan, runs=tuple(done)), store.suite_text)
    assert call("publish", "results/small", "-o", "anna.zip")[0] == 0
    for order, drawn in ((["results/small", "anna.zip"], True), (["anna.zip", "results/small"], False)):
        values, sections, _ = page._contents(merge(order))
        assert [bool(sections[name].panels) for name in ("points", "losses")] == [drawn, drawn]
        assert "from anna.zip, which holds tables alone" in values["tables_alone"]
        assert not any(section.notes for section in sections.values())
