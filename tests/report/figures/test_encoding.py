"""Figures as bytes: the same whatever is set around them, and in whichever process."""

import os

import matplotlib
import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness.report.figures import drawing, encoding, style
from harness.report.page import build_report
from harness.report.styles import Style

LOOK = Style("#0072B2", "o", "-")


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)
    with style.applied():
        encoding.encode(drawing.blank(2, 2)[0])
    assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
def test_the_same_drawing_gives_the_same_bytes_without_a_date():
    def drawn():
        with style.applied():
            figure, ax = drawing.blank(3, 2)
            drawing.draw_losses(
                ax, pd.DataFrame({"step": [1, 2], "critic_loss": [1, 2], "generator_loss": [2, 1]}), LOOK
            )
            return encoding.encode(figure)

    first = drawn()
    png, svg = first["png"], first["svg"]
    assert first == drawn()
    assert png.startswith(b"\x89PNG")
    assert b"Software" not in png
    assert b"<dc:date>" not in svg


def test_few_runs_start_no_process_and_many_as_many_as_keep_pace():
    assert [encoding.encoder_count(9, workers) for workers in (1, 2, 16)] == [0, 0, 0]
    assert [encoding.encoder_count(2000, workers) for workers in (0, 1, 2, 3, 16)] == [0, 0, 1, 2, 2]


@pytest.mark.slow
def test_a_report_has_the_same_bytes_in_however_many_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "MANY", 1)
    store = FakeResults(("nsgan", "wgan-gp"), rates=("recipe", 1e-3), ratio=0.5)
    alone, several = (build_report(store, tmp_path / str(workers), workers).parent for workers in (1, 3))
    files = [path.relative_to(alone) for path in alone.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert sorted(files) == sorted(path.relative_to(several) for path in several.rglob("*") if path.is_file())
    assert [name for name in files if (alone / name).read_bytes() != (several / name).read_bytes()] == []


@pytest.mark.slow
def test_a_figure_whose_process_dies_is_encoded_here():
    with encoding.encoders(1):
        figure = drawing.blank(2, 2)[0]
        figure.set_gid(Deadly("a name"))
        files = encoding.files_of(figure)
        assert not files
        encoding._pending.get()[1][0].future.exception()  # not before it has begun
    assert files["png"].startswith(b"\x89PNG")


class Deadly(str):
    """A name that ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)
