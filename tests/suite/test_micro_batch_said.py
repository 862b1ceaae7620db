"""`micro_batch` in a suite: part of a run where it is said, refused where something takes a batch as a whole."""

import pytest

from harness.suite.expand import expand

HEAD = "version: 1\nname: t\ntrain: {batch: 64, micro_batch: %s}\nmatrix:\n"
BLOCK = "  - {dataset: ring, architecture: %s, objective: %s}\n"


def test_it_is_part_of_a_run_only_where_it_is_said(load):
    plain = "version: 1\nname: t\ntrain: {batch: 64}\nmatrix:\n" + BLOCK % ("mlp", "gan")
    ids = {name: [run.run_id for run in expand(load(text)).runs] for name, text in {
        "none": plain, "whole": HEAD % 64 + BLOCK % ("mlp", "gan"), "parts": HEAD % 16 + BLOCK % ("mlp", "gan"),
    }.items()}  # fmt: skip
    assert ids["none"] == ids["whole"] != ids["parts"]
    swept = expand(load(HEAD % "[16, 64]" + BLOCK % ("mlp", "gan"))).runs
    assert [run.plain["setup"]["train"].get("micro_batch") for run in swept] == [16, None]


@pytest.mark.parametrize(
    ("micro", "architecture", "objective", "code", "word"),
    [
        (24, "mlp", "gan", "bad-value", "24"),
        (128, "mlp", "gan", "bad-value", "128"),
        (0, "mlp", "gan", "bad-value", "from 1"),
        (8, "mlp-bn", "gan", "not-together", "and the critic"),
        (8, "mlp-bn", "wgan-gp", "not-together", "generator of 'mlp-bn'"),
        (8, "mlp", "dragan", "not-together", "dragan"),
    ],
)
def test_what_takes_a_batch_as_a_whole_is_refused(check, micro, architecture, objective, code, word):
    assert len(check(HEAD % micro + BLOCK % (architecture, objective), 3, "micro_batch", code, word)) == 1
