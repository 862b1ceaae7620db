"""`report --every-cell`: a figure of each kind of every cell, on a page that the report leads to."""

import re
from pathlib import Path

import pytest
from PIL import Image
from report.test_browser import CHROMIUM, opened

from harness.errors import StoreError
from harness.report import every_cell
from harness.report.results import Results
from harness.store import Store

KINDS = ["losses", "estimate", "samples", "training"]


@pytest.fixture
def quick(monkeypatch):
    """Leave out most of what drawing takes, turning figures into bytes."""
    monkeypatch.setattr("harness.report.figures.encoding.png_of", lambda figure: b"")


def kinds(folder):
    """Return the kinds of figures by cell, from the names of files."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".gif"))
    assert all(every_cell.FIGURE.fullmatch(name) for name in names)
    parts = [re.fullmatch(r"(\d+)-([a-z]+)-(.*)\.(png|gif)", name).groups() for name in names]
    return {cell: [kind for kind in KINDS for p, k, c, _ in parts if (k, c) == (kind, cell)] for _, _, cell, _ in parts}


@pytest.mark.slow
def test_every_cell_has_its_losses_estimate_samples_and_animation(quick, drawn, tmp_path):
    every_cell.write_cells(Results.of(drawn), tmp_path)
    folder = tmp_path / "cells"
    assert kinds(folder) == {
        "digits-dcgan-nsgan": KINDS,
        "digits-dcgan-wgan-clip": KINDS,
        "ring-mlp-nsgan": KINDS[:3],  # two scored steps are no course
    }
    page = (folder / "index.html").read_text()
    assert set(re.findall(r'src="([^"]+)"', page)) == {path.name for path in folder.iterdir()} - {"index.html"}
    assert page.count("<h3>") == 3
    (gif,) = folder.glob("*-training-digits-dcgan-nsgan.gif")
    with Image.open(gif) as file:
        assert file.n_frames == 5


@pytest.mark.slow
def test_a_cell_without_a_finished_run_has_none_and_a_diverged_one_its_losses(quick, results, tmp_path):
    every_cell.write_cells(Results.of(Store("results/small")), tmp_path)
    assert kinds(tmp_path / "cells") == {
        "8gaussians-mlp-averaged": KINDS[:3], "8gaussians-mlp-bn-averaged": KINDS[:3],
        "8gaussians-mlp-wild": ["losses"], "parallel-lines-mlp-wgan-clip": KINDS[:3],
    }  # fmt: skip
    page = (tmp_path / "cells" / "index.html").read_text()
    assert page.count("<h3>") == 5
    assert "1 pending" in page


@pytest.mark.slow
def test_what_cannot_be_read_is_said_and_costs_its_own_figure(quick, drawn, tmp_path, monkeypatch):
    def lost(store, run_id, step=None):
        raise StoreError("that run keeps no such file")

    monkeypatch.setattr(Store, "snapshot", lost)
    every_cell.write_cells(Results.of(drawn), tmp_path)
    assert kinds(tmp_path / "cells")["digits-dcgan-nsgan"] == ["losses", "estimate", "training"]
    page = (tmp_path / "cells" / "index.html").read_text()
    assert page.count("Not drawn: samples: that run keeps no such file") == 3


@pytest.mark.slow
def test_the_report_leads_there_and_one_without_the_option_removes_it(results, call, monkeypatch):
    monkeypatch.setattr("harness.report.figures.encoding.encode", lambda figure: {"png": b"", "svg": b""})
    report = Path("reports/small")
    assert call("report", "results/small", "--every-cell")[:2] == (0, "reports/small/index.html\n")
    assert '<a href="cells/index.html">' in (report / "index.html").read_text()
    (report / "cells" / "mine.png").write_bytes(b"")
    assert call("report", "results/small")[0] == 0
    assert [path.name for path in (report / "cells").iterdir()] == ["mine.png"]
    assert "harness report results/small --every-cell" in (report / "index.html").read_text()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_its_images_and_its_policy_stops_none(drawn, tmp_path):
    every_cell.write_cells(Results.of(drawn), tmp_path)
    page = tmp_path / "cells" / "index.html"
    text = page.read_text().replace(' loading="lazy"', "")  # those below the first screen as well
    page.write_text(text)
    assert opened(page)[1] == []
    page.write_text(text.replace("img-src 'self'", "img-src 'none'"))
    assert len(opened(page)[1]) == text.count("<img")
