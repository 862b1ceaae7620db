"""Published results: one file that reads as the folder does, is the same bytes every time, and is whole or refused."""

import hashlib
import json
import stat
import struct
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import harness
from harness.commands.compare import compare
from harness.disk.documents import seal, unseal
from harness.errors import StoreError
from harness.report.results import Results
from harness.store import Store, frozen
from harness.store.find import find_run, one_folder

FILES = {"manifest.json", "FROZEN", "suite.yaml", "plan.json", "runs.parquet", "scored.parquet"}


@pytest.fixture
def anna(results, call):
    """The suite without the runs that are pending, published."""
    store = Store("results/small")
    done = [row for row in store.plan.runs if row.run_id in store.finished()]
    store.write_plan(replace(store.plan, runs=tuple(done), source="../x/small.yaml"), store.suite_text)
    assert call("publish", "results/small", "-o", "anna.zip") == (0, "anna.zip: 4 runs\n", "")
    return Path("anna.zip")


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(contents, path="bad.zip", **facts):
    """Write members with a manifest that is right about them."""
    contents = {name: content for name, content in contents.items() if name != "manifest.json"}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"manifest.json": seal({"files": sums, **facts}), **contents}.items():
            archive.writestr(name, content)
    return path


# A round trip


@pytest.mark.slow
def test_its_tables_and_its_plan_are_those_of_the_records(anna):
    ours, theirs = harness.load("results/small"), harness.load(anna)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_exact=True)
    assert (ours.attrs, list(ours)) == (theirs.attrs, list(theirs))
    steps = [Store(folder).scored() for folder in ("results/small", anna)]
    pd.testing.assert_frame_equal(*steps, check_dtype=False, check_exact=True)
    assert Store(anna).plan == replace(Store("results/small").plan, source="")
    assert Results.of(Store(anna)).finished() == Store("results/small").finished()


@pytest.mark.slow
def test_it_is_a_zipped_frozen_folder_that_names_no_place(anna, call):
    frozen.freeze("results/small", "kept")
    assert {path.name: path.read_bytes() for path in Path("kept").iterdir()}.items() <= members(anna).items()
    assert members(anna).keys() == FILES
    assert b"../x" not in b"".join(members(anna).values())
    assert call("publish", "kept", "-o", "again.zip")[0] == 0
    assert members("again.zip") == members(anna)
    with zipfile.ZipFile(anna) as archive:
        archive.extractall("unzipped")
    assert compare(["unzipped", "anna.zip"])["identical"]


@pytest.mark.slow
def test_the_same_records_give_the_same_bytes(anna, call):
    assert call("publish", "results/small", "-o", "again.zip")[0] == 0
    assert Path("again.zip").read_bytes() == anna.read_bytes()
    assert call("publish", "results/small", "-o", "again.zip")[1] == "again.zip: 4 runs (replaced)\n"
    assert call("publish", "results")[1] == "small.zip: 4 runs\n"


def test_its_manifest_has_checksums_counts_machines_and_versions(anna):
    contents = members(anna)
    manifest = unseal(contents.pop("manifest.json"), Path("manifest.json"), needs_sum=True)
    assert manifest["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    assert manifest["runs"] == {"diverged": 1, "ok": 3}
    assert (manifest["suite"], manifest["harness"]) == ("small", harness.__version__)
    assert manifest["published"] == f"{date.today():%Y-%m-%d}"
    trained = {name: value for machine in manifest["machines"] for name, value in machine.items() if value is not None}
    assert {
        "python",
        "torch",
        "numpy",
        "scipy",
        "pot",
        "torch-fidelity",
        "host_cpu",
        "cpu_isa",
        "git",
    } <= trained.keys()
    assert {f"scoring.{name}" for name in ("torch", "numpy", "scipy", "pot", "torch-fidelity")} <= trained.keys()
    assert sum(machine["runs"] for machine in manifest["machines"]) == 4


@pytest.mark.slow
def test_commands_read_it_as_they_read_the_folder(anna, call, undrawn):
    assert call("compare", "results/small", "anna.zip")[1].startswith("results/small and anna.zip: identical records")
    assert compare(["anna.zip", "averaged", "results/small", "averaged"])["identical"]
    assert call("export", "anna.zip", "--to", "csv")[1] == "anna.zip.csv: 4 runs\n"
    assert call("export", "results/small", "--to", "csv", "-o", "small.csv")[0] == 0
    assert Path("anna.zip.csv").read_bytes() == Path("small.csv").read_bytes()
    assert call("verify", "anna.zip")[1] == "anna.zip: 4 runs, 5 files and 0 values of w1 checked, 0 do not match\n"
    before = anna.read_bytes()
    assert call("report", "anna.zip")[1] == "reports/anna-frozen/index.html\n"
    assert call("report", "results/small")[0] == 0
    for name in ("answer", "cells", "runs", "scored", "failures", "versions"):
        assert (
            Path(f"reports/anna-frozen/tables/{name}.csv").read_text()
            == Path(f"reports/small/tables/{name}.csv").read_text()
        )
    page = Path("reports/anna-frozen/index.html").read_text()
    assert "No figures of curves and samples from anna.zip, which holds tables alone." in page
    assert ("Not drawn" in page, "--every-cell" in page) == (False, False)
    assert str(harness.report(anna)) == "reports/anna-frozen/index.html"
    assert anna.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["status", "retry", "score", "doctor", "clean"])
def test_what_needs_records_refuses_it_in_a_sentence(anna, call, verb):
    code, out, err = call(verb, "anna.zip")
    assert (code, out) == (3, "")
    assert err.startswith("anna.zip: published")
    assert len(err.splitlines()) == 1


def test_a_run_of_it_has_no_samples(anna, results):
    with pytest.raises(StoreError, match="published"):
        find_run(results["averaged mlp"], "anna.zip")


def test_every_cell_needs_records(anna, call):
    code, _, err = call("report", "anna.zip", "--every-cell")
    assert (code, "tables alone" in err) == (2, True)


@pytest.mark.slow
def test_it_is_read_anew_where_another_is_put_in_its_place(anna):
    store = Store(anna)
    assert len(store.plan.runs) == 4
    contents = members(anna)
    table = Store(anna).table()
    plan = json.loads(contents["plan.json"])
    row = plan["runs"].pop()
    plan = {key: value for key, value in plan.items() if key not in ("sha256", "version")}
    contents |= {
        "plan.json": seal(plan),
        "runs.parquet": table[table["run_id"] != row["run_id"]].to_parquet(index=False),
    }
    pack(contents, "anna.zip")
    store.refresh()
    assert len(store.plan.runs) == len(store.table()) == 3


# What is not published


def test_unfinished_results_are_refused(results, call):
    code, out, err = call("publish", "results/small")
    assert (code, out) == (2, "")
    assert "1 pending of 5 runs; only finished results" in err
    assert not Path("small.zip").exists()


def test_a_published_file_is_not_published_again(anna, call):
    code, _, err = call("publish", "anna.zip")
    assert (code, "published already" in err) == (2, True)
    assert one_folder("anna.zip", tables=True) == anna


# Files of anybody's


def with_member(name, content=b"x"):
    def spoil(contents, path):
        with zipfile.ZipFile(path, "w") as archive:
            for each, body in {**contents, name: content}.items():
                archive.writestr(each, body)

    return spoil


def changed(name):
    """One byte of a member is another, and the checksum of the zip file fits it."""

    def spoil(contents, path):
        body = bytearray(contents[name])
        body[len(body) // 2] ^= 1
        with_member(name, bytes(body))(contents, path)

    return spoil


def twice(contents, path):
    with_member("plan.json")(contents, path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("plan.json", b"{}")


def link(contents, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in contents.items():
            info = zipfile.ZipInfo(name)
            if name == "suite.yaml":
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                body = b"/etc/passwd"
            archive.writestr(info, body)


def bomb(contents, path):
    """A member that says it has five gigabytes."""
    with_member("suite.yaml")(contents, path)
    content = bytearray(Path(path).read_bytes())
    entry = content.index(b"suite.yaml", content.index(b"PK\x01\x02")) - 46
    struct.pack_into("<I", content, entry + 24, 2**32 - 2)
    Path(path).write_bytes(content)


def liar(contents, path):
    """A member that says it has few bytes and unpacks to many: no more are read than it says."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in {**contents, "suite.yaml": bytes(10**7)}.items():
            archive.writestr(name, body)
    content = bytearray(Path(path).read_bytes())
    entry = content.index(b"suite.yaml", content.index(b"PK\x01\x02")) - 46
    struct.pack_into("<I", content, entry + 24, 10)
    Path(path).write_bytes(content)


def rewritten(name, change):
    """A member is another, with a manifest that is right about it."""

    def spoil(contents, path):
        pack({**contents, name: change(contents[name])}, path)

    return spoil


def of_plan(change):
    def rewrite(content):
        plan = unseal(content, Path("plan.json"))
        return seal({key: value for key, value in change(plan).items() if key != "version"})

    return rewritten("plan.json", rewrite)


def of_table(change, name="runs"):
    def rewrite(content):
        path = Path("scratch.parquet")
        path.write_bytes(content)
        change(pd.read_parquet(path)).to_parquet(path, index=False)
        return path.read_bytes()

    return rewritten(f"{name}.parquet", rewrite)


HOSTILE = {
    "no zip file": (lambda contents, path: Path(path).write_bytes(b"%PDF-1.7"), "not a zip file"),
    "empty": (lambda contents, path: Path(path).write_bytes(b""), "not a zip file"),
    "torn": (lambda contents, path: Path(path).write_bytes(Path("anna.zip").read_bytes()[:-30]), "not a zip file"),
    "absolute": (with_member("/etc/passwd"), "holds '/etc/passwd'"),
    "above": (with_member("../../x"), "holds '../../x'"),
    "another member": (with_member("setup.py"), "holds 'setup.py'"),
    "a folder": (with_member("runs/"), "holds 'runs/'"),
    "missing": (lambda contents, path: pack({"plan.json": b"{}"}, path), "it holds no FROZEN"),
    "twice": (twice, "plan.json 2 times"),
    "link": (link, "suite.yaml is a link"),
    "bomb": (bomb, "at most 1,073,741,824 are read"),
    "liar": (liar, ""),
    "plan changed": (changed("plan.json"), "plan.json does not match its checksum"),
    "table changed": (changed("runs.parquet"), "runs.parquet does not match its checksum"),
    "manifest changed": (changed("manifest.json"), "manifest.json: "),
    "no manifest": (with_member("manifest.json", b"{}"), "manifest.json: its checksum is missing"),
    "manifest without sums": (with_member("manifest.json", seal({"files": 1})), "manifest.json: its files is missing"),
    "plan of nothing": (rewritten("plan.json", lambda content: seal({"runs": 1})), "plan.json: its runs is missing"),
    "plan is no JSON": (rewritten("plan.json", lambda content: b"x"), "plan.json: not valid JSON"),
    "other runs": (of_table(lambda table: table.iloc[1:]), "not of the runs that its plan.json names"),
    "no status": (of_table(lambda table: table.drop(columns="status")), "it has no column status"),
    "no steps": (of_table(lambda table: table.drop(columns="step"), "scored"), "it has no column step"),
    "no table": (rewritten("runs.parquet", lambda content: b"PAR1"), "runs.parquet: cannot be read"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_not_whole_is_one_sentence(anna, call, case):
    spoil, words = HOSTILE[case]
    spoil(members(anna), "bad.zip")
    before = {path for path in Path().rglob("*") if "scratch" not in path.name}
    for verb in ("verify", "report"):
        code, out, err = call(verb, "bad.zip")
        assert (code, out) == (3, "")
        assert err.startswith("bad.zip")
        assert words in err
        assert len(err.splitlines()) == 1
    assert {path for path in Path().rglob("*") if "scratch" not in path.name} == before


def test_a_table_of_too_many_cells_is_not_read(anna, monkeypatch, call):
    monkeypatch.setattr("harness.store.table_files.MOST_CELLS", 100)
    code, _, err = call("verify", "anna.zip")
    assert (code, "more than a suite has" in err) == (3, True)


def test_no_plug_in_that_a_plan_names_is_run(anna, call):
    Path("plug.py").write_text("raise SystemExit('run')")

    def name_it(plan):
        plan["resolved"] |= {"plugins": ["plug.py"]}
        plan["resolved"]["score"]["metrics"] = {"mine": 1}
        return plan

    of_plan(name_it)(members(anna), "plugged.zip")
    assert call("verify", "plugged.zip")[0] == 0
    assert Store("plugged.zip").plan.resolved["plugins"] == []

    def rank(plan):
        plan["resolved"]["primary"]["toys"] = "mine"
        return name_it(plan)

    of_plan(rank)(members(anna), "ranked.zip")
    with pytest.raises(StoreError, match="'mine', a metric of a plug-in"):
        _ = Store("ranked.zip").plan


def test_a_file_is_named_itself_and_passed_over_below_a_root(anna, call):
    anna.rename("results/anna.zip")
    assert json.loads(call("verify", "results", "--json")[1])[0]["folder"] == "results/small"
    assert one_folder("results") == Path("results/small")
    with pytest.raises(StoreError, match="published"):
        one_folder("results/anna.zip")
