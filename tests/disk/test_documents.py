"""Sealed JSON: every cut and every flipped bit is seen; what version 1 wrote is read."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.disk.documents import FORMAT, checksum, read_json, seal, to_json, unseal, write_json
from harness.errors import Damaged, HarnessError, StoreError

HERE = Path("x.json")
VALUE = {"run_id": "a" * 16, "steps": {"10": {"w1": 0.5, "hq": None}}, "text": 'é "sha256": ""\n "sha256": ""'}

texts = st.text(st.characters(codec="utf-8"))
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=10)


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.dictionaries(texts.filter(lambda key: key not in ("sha256", "version")), values))
def test_what_was_sealed_comes_back(value):
    assert unseal(seal(value), HERE, needs_sum=True) == {**value, "version": FORMAT}


def test_every_cut_is_seen():
    whole = seal(VALUE)
    for end in range(len(whole)):
        with pytest.raises(Damaged, match=r"x\.json: "):
            unseal(whole[:end], HERE)


def test_every_flipped_bit_is_seen():
    whole = seal(VALUE)
    for place in range(len(whole)):
        for bit in range(8):
            flipped = whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]
            with pytest.raises(Damaged):
                unseal(flipped, HERE)


@pytest.mark.parametrize(
    "text",
    [
        '{"x": NaN}',
        "{",
        "",
        "[1, Infinity]",
        "3",
        "[" * 100_000,
        '{"x": 1e999}',
        '{"x": 9223372036854775808}',
        '{"x": "\\ud800"}',
        '{"sha256": "\\ud800"}',
    ],
)
def test_only_whole_strict_json_is_read(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(Damaged, match=r"x\.json"):
        read_json(tmp_path / "x.json", dict)


def test_nan_is_never_sealed():
    with pytest.raises(HarnessError, match="not finite"):
        seal({"x": float("inf")})


def test_what_may_not_be_read_is_no_damage(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "not allowed")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match="cannot be read") as caught:
        read_json(tmp_path / "x.json", dict)
    assert not isinstance(caught.value, Damaged)


def test_version_1_is_read_with_its_own_checksum_and_without_one_where_it_had_none(tmp_path):
    record = {"version": 1, "status": "ok", "facts": {"train_s": 2.0}}
    sealed = {**record, "checksum": checksum(record)}
    assert unseal(to_json(sealed), HERE, needs_sum=True) == sealed
    with pytest.raises(Damaged, match="does not match"):
        unseal(to_json({**sealed, "status": "diverged"}), HERE)
    assert unseal(to_json({"status": "failed"}), HERE) == {"status": "failed"}
    with pytest.raises(Damaged, match="missing"):
        unseal(to_json(record), HERE, needs_sum=True)


def test_writing_replaces(tmp_path):
    for n in (1, 2):
        write_json(tmp_path / "x.json", {"n": n})
    assert read_json(tmp_path / "x.json", dict) == {"n": 2, "version": FORMAT}
