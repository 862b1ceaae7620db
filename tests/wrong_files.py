"""Files that a buggy version or a stranger might have written: well-formed, with the right checksum, and wrong.

Each kind spoils one run in its own way, so that one folder holds all of them, and each command meets all at once.
"""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save

from harness.disk.documents import BLANK, FORMAT
from harness.spec import content_id
from harness.store import Record, Store
from harness.store.plan_file import Stack

NUL = "a\0b"
HALF = "\ud800"  # of a letter: no file can hold it, but as an escape


def sealed(value: dict[str, Any]) -> bytes:
    """Return JSON with the right checksum, whatever it holds."""
    blank = (json.dumps({**value, "version": FORMAT, "sha256": ""}, indent=1, sort_keys=True) + "\n").encode()
    return blank.replace(BLANK, BLANK[:-1] + hashlib.sha256(blank).hexdigest().encode() + b'"', 1)


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what a sealed file holds, and seal it again."""
    value = json.loads(path.read_text())
    change(value)
    path.write_bytes(sealed(value))


def table(frame: pd.DataFrame) -> bytes:
    """Return a table as parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def archive(**files: bytes) -> bytes:
    """Return files as a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as whole:
        for name, content in files.items():
            whole.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def arrays(**parts: Any) -> bytes:
    """Return arrays as npz."""
    buffer = io.BytesIO()
    np.savez(buffer, **parts)
    return buffer.getvalue()


def setting(*keys: str, to: Any) -> Callable[[dict[str, Any]], object]:
    """Return what puts a value deep into a mapping."""

    def change(value: dict[str, Any]) -> None:
        for key in keys[:-1]:
            value = value[key]
        value[keys[-1]] = to

    return change


RECORDS: dict[str, Callable[[dict[str, Any]], object]] = {
    "facts missing": lambda value: value.pop("facts"),
    "facts a list": setting("facts", to=[1]),
    "facts of text": setting("facts", "step_ms", to="fast"),
    "a fact beyond all tables": setting("facts", "step_ms", to=10**30),
    "provenance missing": lambda value: value.pop("provenance"),
    "provenance a list": setting("provenance", to=["cpu"]),
    "half a letter": setting("provenance", "torch", to=HALF),
    "spec missing": lambda value: value.pop("spec"),
    "spec empty": setting("spec", to={}),
    "spec of another run": setting("spec", "seed", to=10**6),
    "a spec without steps": lambda value: value["spec"]["setup"]["train"].pop("steps"),
    "status of an attempt": setting("status", to="failed"),
    "status a list": setting("status", to=["ok"]),
    "run_id with a slash": setting("run_id", to="../../x"),
    "files a list": setting("files", to=["samples.npz"]),
    "a sum that is a number": setting("files", "samples.npz", to=0),
    "a file outside": setting("files", "../../x", to="0" * 64),
    "a file with a NUL": setting("files", NUL, to="0" * 64),
    "a snapshot of no step": setting("files", "snapshots/last.npz", to="0" * 64),
    "a size that is text": setting("sizes", "samples.npz", to="1 MB"),
    "first_bad_step text": setting("first_bad_step", to="soon"),
    "no snapshot": setting("files", to={}),
}
SCORES: dict[str, Callable[[dict[str, Any]], object]] = {
    "steps missing": lambda value: value.pop("steps"),
    "steps a list": setting("steps", to=[1]),
    "a step of words": setting("steps", to={"last": {}}),
    "a metric of text": setting("steps", "20", "w1", to="near"),
    "a metric that is a list": setting("steps", "20", "w1", to=[1]),
    "a metric beyond all tables": setting("steps", "20", "w1", to=10**30),
    "half a letter in a metric": setting("steps", "20", HALF, to=1.0),
    "seconds of text": setting("score_s", to="long"),
    "score_id with a NUL": setting("score_id", to=NUL),
    "scores of another run": setting("run_id", to="0" * 16),
    "scores by another way": setting("score_id", to="0" * 16),
    "made_with a list": setting("made_with", to=[1]),
}
POINTS, SHOT = np.zeros((60, 2), np.float32), "snapshots/20.npz"
CURVES = pd.DataFrame({"step": [1, 2], "critic_loss": [0.5, 0.4]})
ARTEFACTS: dict[str, tuple[str, bytes]] = {
    "samples empty": ("samples.npz", b""),
    "samples an empty zip": ("samples.npz", archive()),
    "samples of other keys": ("samples.npz", arrays(x=POINTS)),
    "samples of words": ("samples.npz", arrays(generated=np.array([["a", "b"]]), more=POINTS)),
    "samples of other shapes": ("samples.npz", arrays(generated=POINTS, more=np.zeros((9, 3), np.float32))),
    "a snapshot of garbage": (SHOT, archive(generated=b"garbage")),
    "a snapshot of numbers alone": (SHOT, arrays(generated=np.arange(3))),
    "a snapshot of nothing": (SHOT, arrays(generated=POINTS[:0])),
    "a snapshot of complex numbers": (SHOT, arrays(generated=POINTS.astype(complex))),
    "a grid of no rows": (SHOT, arrays(generated=POINTS, critic_grid=np.zeros((0, 9)), critic_extent=np.zeros(4))),
    "scores of a critic on fewer samples": (
        SHOT,
        arrays(generated=POINTS, critic_real=np.ones(4), critic_fake=np.ones(3)),
    ),
    "slopes of a critic in a row": (SHOT, arrays(generated=POINTS, critic_real=np.ones(4), critic_slopes=np.ones(6))),
    "a critic of no samples": (SHOT, arrays(generated=POINTS, critic_real=np.ones(4), critic_pack=np.array(0))),
    "a flat grid": (SHOT, arrays(generated=POINTS, critic_grid=np.zeros(9), critic_extent=np.zeros(4))),
    "curves of garbage": ("curves.parquet", b"garbage"),
    "curves of other columns": ("curves.parquet", table(pd.DataFrame({"x": [1]}))),
    "curves of words": ("curves.parquet", table(CURVES.astype(str))),
    "weights of garbage": ("ema.safetensors", b"garbage"),
    "weights with a wild header": ("ema.safetensors", b"\xff" * 8 + b"{}"),
}
UNLIKE = {  # its scores or its reference: `verify` computes W1
    "samples without an end": ("samples.npz", arrays(generated=POINTS * np.nan, more=POINTS)),
    "samples in space": ("samples.npz", arrays(generated=np.zeros((60, 3)), more=np.zeros((60, 3)))),
}
UNNOTICED = {  # well-formed for all that a folder says: nothing ends in a traceback over them, and that is all
    "weights of no network": ("ema.safetensors", save({"x": np.zeros(3, np.float32)})),
    "weights of whole numbers": ("ema.safetensors", save({"0.weight": np.zeros((4, 2), np.int64)})),
    "a snapshot without an end": (SHOT, arrays(generated=POINTS * np.nan)),
    "a snapshot in space": (SHOT, arrays(generated=np.zeros((60, 3), np.float32))),
    "a snapshot of images": (SHOT, arrays(generated=np.zeros((60, 1, 8, 8), np.uint8))),
    "curves without an end": ("curves.parquet", table(CURVES * np.nan)),
    "curves of no step": ("curves.parquet", table(CURVES[:0])),
}


OTHERS = [
    None,
    "x",
    [],
    {},
    -1,
    0,
    1.5,
    True,
    10**30,
    NUL,
    HALF,
    [1],
    {"a": 1},
    "../x",
    json.loads("[" * 99 + "]" * 99),
]


def put(value: dict[str, Any], chance: Random, other: Any) -> str:
    """Replace a value somewhere in a mapping, at any depth, and return where that is."""
    place = ""
    while True:
        key = chance.choice(sorted(value) if isinstance(value, dict) else range(len(value)))
        place = f"{place}.{key}"
        inner = value[key]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.2:
            value[key] = other
            return place
        value = inner


def _broken(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to("nowhere")


def _file_for_folder(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("x")


UNSEALED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "log cut": ("log.txt", lambda path: path.write_text("lo")),
    "log of somebody else": ("log.txt", lambda path: path.write_text("all is well\n")),
    "log gone": ("log.txt", Path.unlink),
    "log a broken link": ("log.txt", _broken),
    "attempt gone": ("attempts/1.json", Path.unlink),
    "attempt a broken link": ("attempts/1.json", _broken),
    "attempt a list": ("attempts/1.json", lambda path: path.write_bytes(sealed({"status": ["failed"], "error": []}))),
    "attempts a file": ("attempts", _file_for_folder),
    "scores a broken link": ("scores", _broken),
    "record a broken link": ("record.json", _broken),
    "record a folder": ("record.json", lambda path: (path.unlink(), path.mkdir())),
    "record a circle of links": ("record.json", lambda path: (path.unlink(), path.symlink_to(path.name))),
    "samples a broken link": ("samples.npz", _broken),
    "run a broken link": (".", _broken),
}

KINDS = [*RECORDS, *SCORES, *ARTEFACTS, *UNSEALED, *UNLIKE, *UNNOTICED]


def wreck(store: Store, run_id: str, kind: str) -> Path:
    """Do one kind of damage to a run, and return what should be named."""
    folder = store.run_folder(run_id)
    record, (scores, *_) = folder / "record.json", [*(folder / "scores").glob("*.json")]
    if kind in RECORDS:
        rewritten(record, RECORDS[kind])
        return record
    if kind in SCORES:
        rewritten(scores, SCORES[kind])
        return scores
    if kind in UNSEALED:
        name, spoil = UNSEALED[kind]
        spoil(folder / name)
        return folder / name
    name, content = (ARTEFACTS | UNLIKE | UNNOTICED)[kind]
    (folder / name).write_bytes(content)
    rewritten(record, setting("files", name, to=hashlib.sha256(content).hexdigest()))
    rewritten(record, setting("sizes", name, to=len(content)))
    return folder / name


def clones(store: Store, run_id: str, n: int) -> list[str]:
    """Plan n more runs like one that is finished, on seeds of their own, each with an attempt that failed before; write
    their records with its files and scores.
    """
    plan, record = store.plan, store.record(run_id)
    scores = store.scores(run_id, plan.score_id)
    files = {name: store.artefact(run_id, name) for name in record.files}
    specs = {content_id(spec): spec for spec in ({**plan.specs[run_id], "seed": seed} for seed in range(1, n + 1))}
    rows = [replace(plan.run(run_id), run_id=clone, seed=spec["seed"]) for clone, spec in specs.items()]
    stacks = (*plan.stacks, Stack("9999", "cpu", "stacked", tuple(specs)))
    store.write_plan(replace(plan, runs=(*plan.runs, *rows), specs={**plan.specs, **specs}, stacks=stacks), "")
    for clone, spec in specs.items():
        store.commit_attempt(clone, "failed", "boom", "log\n")
        store.commit(Record(clone, "ok", spec, None, record.facts, record.provenance), files)
        store.commit_scores(clone, plan.score_id, scores.steps, scores.score_s, **scores.made_with)
    return list(specs)
