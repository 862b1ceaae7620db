"""Disks that are full, read-only or lie, and folders of the past."""

import json
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from plans import SPECS, A, B, record_of

from faults import fake
from faults.commands import ROOT, call, start
from faults.kills import ends_well, fake_start, uninterrupted
from faults.records import records
from faults.table import Fault, Tries, Untried
from harness.errors import HarnessError
from harness.store import Store, mend


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of so many MB. Raises Untried where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Untried(f"mounting is not allowed ({done.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def full_disk(folder: Path, rounds: int) -> Tries:
    """A file system of 1 MB fills up, sooner or later in the call; then space is freed."""
    begin = fake_start(folder / fake.planned(folder), FAKE_BYTES="20000")
    expected, _ = uninterrupted(folder / "whole", begin)
    for number in range(rounds):
        with small_disk(folder / str(number), 1) as home:
            (home / "cache").symlink_to(folder / "whole" / "cache")
            ballast, free = home / "ballast", os.statvfs(home).f_bavail * os.statvfs(home).f_frsize
            ballast.write_bytes(bytes(max(0, free - number % 10 * 40_000)))
            one_sentence(full := start_and_wait(begin, home), home)
            before = records(home / "results" / "fake") if (home / "results" / "fake" / "plan.json").exists() else {}
            for run_id, record in before.items():
                assert record in (expected[run_id], {**expected[run_id], "scores": None}), full
            ballast.unlink()
            assert start_and_wait(begin, home)[0] == 0
            ends_well(home, expected)
        yield "tmpfs of 1 MB"


def file_limit(folder: Path, rounds: int) -> Tries:
    """RLIMIT_FSIZE: the first file of more than 16 kB cannot be written; then the limit is lifted."""
    arguments = ("run", str(folder / fake.planned(folder)), "-o", "results", "--workers", "2")
    begin = fake_start(folder / "planned.pickle", FAKE_BYTES="20000")
    expected, _ = uninterrupted(folder / "whole", begin)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (16_000, resource.RLIM_INFINITY))

    def limited(home: Path) -> "subprocess.Popen[str]":
        env = {"FAKE_BYTES": "20000"}
        return start(home, *arguments, module="faults.fake", env=env, preexec_fn=limit)

    for number in range(rounds):
        home = folder / str(number)
        home.mkdir()
        one_sentence(start_and_wait(limited, home), home)
        assert start_and_wait(begin, home)[0] == 0
        ends_well(home, expected)
        yield None


def start_and_wait(begin: Callable[[Path], "subprocess.Popen[str]"], home: Path) -> tuple[int, str]:
    """Return exit code and standard error of a call."""
    process = begin(home)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def one_sentence(ended: tuple[int, str], home: Path) -> None:
    """Make sure that a call ended with exit code 3 and one line that names a path in its results folder."""
    code, err = ended
    said = [line for line in err.splitlines() if "cannot be written" in line]
    assert code == 3, f"{code}: {err}"
    assert len(said) == 1, err
    assert said[0].startswith("results/"), err
    assert "Traceback" not in err, err
    assert not list(home.glob("results/*/runs/*/.*.tmp")), "half a file was left on a full disk"


# Damage


def torn_records(folder: Path, rounds: int) -> Tries:
    """A record cut at every byte, or with a bit flipped in each: set aside, named, pending; its neighbour stays."""
    store, chance = Store(folder), random.Random(0)
    for run_id in (A, B):
        assert store.commit(record_of(SPECS[run_id]), {"snapshots/1.bin": b"points"})
    path, other = store.run_folder(A) / "record.json", store.record(B)
    whole = path.read_bytes()
    stride = max(1, 2 * len(whole) // rounds)
    cuts = [whole[:end] for end in range(0, len(whole) - 1, stride)]
    flips = [_flipped(whole, place, chance.randrange(8)) for place in range(0, len(whole), stride)]
    for content in cuts + flips:
        path.write_bytes(content)
        is_named(store.folder, A, path)
        assert Store(folder).record(B) == other
        assert store.commit(record_of(SPECS[A]), {"snapshots/1.bin": b"points"})
        assert path.read_bytes() == whole
        yield None


def is_named(folder: Path, run_id: str, path: Path) -> None:
    """Make sure that damage counts as pending, is named once, is put aside whole, and is then gone."""
    store, content = Store(folder), path.read_bytes()
    assert store.status(run_id) == "pending"
    (line,) = mend(store, [run_id])
    assert str(path) in line
    assert not path.exists()
    shelf = max((folder / "damaged").iterdir(), key=lambda shelf: int(shelf.name))
    assert (shelf / path.relative_to(folder)).read_bytes() == content
    assert mend(Store(folder), [run_id]) == []


def _flipped(content: bytes, place: int, bit: int = 0) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes | None]]] = {  # what is done to which file of a run
    "torn record": ("record.json", lambda content: content[:-40]),
    "flipped record": ("record.json", lambda content: _flipped(content, len(content) // 2)),
    "empty record": ("record.json", lambda content: b""),
    "foreign record": ("record.json", lambda content: None),
    "text for a record": ("record.json", lambda content: b"hello\n"),
    "short artefact": ("samples.npz", lambda content: content[:-1]),
    "torn scores": ("scores/*.json", lambda content: content[:-40]),
    "empty scores": ("scores/*.json", lambda content: b""),
}


def damage(folder: Path, rounds: int) -> Tries:
    """Files of finished runs are damaged between two calls: the second names each and makes it again."""
    begin = fake_start(folder / fake.planned(folder))
    expected, _ = uninterrupted(folder / "whole", begin)
    for number in range(rounds):
        name, (where, spoil) = list(DAMAGE.items())[number % len(DAMAGE)]
        home = folder / str(number)
        shutil.copytree(folder / "whole", home)
        results = home / "results" / "fake"
        mine, foreign = sorted(expected)[number % 2 : number % 2 + 2]
        (path,) = (results / "runs" / mine).glob(where)
        content = spoil(path.read_bytes())
        path.write_bytes((results / "runs" / foreign / where).read_bytes() if content is None else content)
        code, err = start_and_wait(begin, home)
        assert code == 0, f"{name}: {code}: {err}"
        assert str(path.relative_to(home)) in err, f"{name} is not named: {err}"
        assert list((results / "damaged").rglob(path.name)), f"{name} is not kept"
        ends_well(home, expected)
        yield None


def damaged_plan(folder: Path, rounds: int) -> Tries:
    """plan.json torn, empty, flipped, foreign, lost: made again by real training; finished records stay."""
    from faults.failing import SUITE, train_here

    results = train_here(folder, SUITE)
    before, whole = records(results), (results / "plan.json").read_bytes()
    contents = [whole[: len(whole) // 2], b"", _flipped(whole, len(whole) // 2), b"[1]\n", b"{}\n", None]
    for content in contents[:rounds]:
        path = results / "plan.json"
        path.unlink() if content is None else path.write_bytes(content)
        said: list[str] = []
        train_here(folder, SUITE, said)
        assert any("plan.json" in line for line in said), said
        assert records(results) == before
        yield None


def read_only(folder: Path, rounds: int) -> Tries:
    """A folder that may not be written: `run` is refused, `status` and a report elsewhere work."""
    from faults.failing import SUITE, train_here

    train_here(folder, SUITE)
    before = sorted((folder / "results").rglob("*"))
    for path in [*before, folder / "results"]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    how: dict[str, Any] = {"prefix": powerless()}
    for _ in range(rounds):
        said = call(folder, "run", "results/small/suite.yaml", "--workers", "1", code=3, **how)
        assert "results/small" in said, said
        assert "cannot be written" in said, said
        call(folder, "status", "results/small", **how)
        call(folder, "report", "results/small", "-o", "report", **how)
        assert (folder / "report" / "index.html").stat().st_size > 1000
        assert sorted((folder / "results").rglob("*")) == before
        yield None


def powerless() -> tuple[str, ...]:
    """Return what starts a command as a user who must keep to permissions. Raises Untried where root cannot be that."""
    if os.getuid():
        return ()
    if not shutil.which("setpriv"):
        raise Untried("it runs as root, and there is no setpriv to give powers up")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def old_results(folder: Path, rounds: int) -> Tries:
    """Results that version 1 wrote: every command that reads says what they hold."""
    for _ in range(rounds):
        shutil.copytree(ROOT / "tests" / "data" / "version1", folder / "old", dirs_exist_ok=True)
        (entry,) = json.loads(call(folder, "status", "old", "--json"))
        plan = json.loads((folder / "old" / "plan.json").read_text())
        assert entry["planned"] == len(plan["runs"]) == sum(entry["counts"].values())
        assert not entry["damage"]
        finished = Store(folder / "old").finished()
        assert len(finished) == entry["counts"]["ok"] + entry["counts"]["diverged"] > 0
        for run_id in finished:
            assert Store(folder / "old").record(run_id) is not None
            call(folder, "logs", run_id, "--root", "old")
        said = call(folder, "report", "old", "-o", "report", code=2)  # it pools two settings in one cell
        assert "runs of other settings stand for one cell" in said
        yield None


def wrong_files(folder: Path, rounds: int) -> Tries:
    """Every kind of wrong file with the right checksum, each alone; then values of sealed files at random, of all kinds
    in all places. No command ends in a traceback.
    """
    from wrong_files import KINDS, OTHERS, clones, put, sealed, wreck

    from faults.failing import SUITE, train_here

    averaged = "objectives: {averaged: {base: nsgan, tricks: {ema: {decay: 0.5}}}}\nmatrix:"
    whole = Store(train_here(folder, SUITE.replace("matrix:", averaged).replace("[gan, wgan-gp]", "averaged")))
    (spoiled,) = clones(whole, min(whole.finished()), 1)
    chance, home = random.Random(0), folder / "again" / whole.folder.name
    sealed_files = ["plan.json", *(f"runs/{spoiled}/{name}" for name in ("record.json", "attempts/1.json"))]
    sealed_files += [str(path.relative_to(whole.folder)) for path in whole.run_folder(spoiled).glob("scores/*.json")]
    for number in range(rounds):
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(whole.folder, home)
        if number < len(KINDS):
            kind = KINDS[number]
            wreck(Store(home), spoiled, kind)
        else:
            name, value = chance.choice(sealed_files), chance.choice(OTHERS)
            plain = json.loads((home / name).read_text())
            kind = f"{name}: {put(plain, chance, value)} = {ascii(value)[:40]}"
            (home / name).write_bytes(sealed(plain))
        read_by_all(home, spoiled, with_report=number % 20 == 0, kind=kind)
        yield None


def read_by_all(results: Path, run_id: str, with_report: bool, kind: str) -> None:
    """Call whatever reads a folder, in this process: the only errors are sentences."""
    import harness
    from harness.commands import doctor, export, sample, status, verify
    from harness.execution import runner
    from harness.report.rebuild import rebuild_reports

    name, out = str(results), results.parent
    verbs: list[Callable[[], object]] = [
        lambda: status.render(status.statuses(name)),
        lambda: verify.render(verify.verify(name)),
        *(lambda to=to: export.export(name, to, str(out / "table")) for to in ("csv", "parquet", "latex")),
        lambda: harness.report(harness.load(name)).sentence,
        *(lambda part=part: getattr(harness.load_run(run_id, name), part) for part in ("table", "curves", "critic")),
        lambda: sample.sample(run_id, name, 2, str(out / "samples.npz")),
        *([lambda: rebuild_reports([name], str(out / "report"))] if with_report else []),
        lambda: runner.score(name, None, 0),
        lambda: doctor.render(doctor.doctor(name)),
    ]
    for verb in verbs:
        try:
            with suppress(HarnessError):
                verb()
        except Exception as error:
            raise AssertionError(f"{kind}: {error!r}") from error


FAULTS = [
    Fault("disk full, then space is freed", full_disk, 10, 1),
    Fault("a file may not grow (RLIMIT_FSIZE), then it may", file_limit, 2, 1),
    Fault("record cut at, or a bit flipped in, every byte", torn_records, 10**6, 40, slow=False),
    Fault("torn, flipped, empty, foreign record; artefact and scores", damage, 16, 2),
    Fault("wrong files with the right checksum, and values at random", wrong_files, 300, 30, slow=False),
    Fault("plan.json torn, empty, flipped, foreign, lost", damaged_plan, 6, 6),
    Fault("read-only folder", read_only, 1, 0),
    Fault("results of version 1", old_results, 1, 1),
]
