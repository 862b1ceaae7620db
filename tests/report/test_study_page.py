"""Whole pages of studies: one primary test, and nothing said before it is so."""

import pytest
from report.fake_results import FakeResults
from report.fake_study import Study
from report.test_page import PNG, report

from harness.report.figures import encoding, panels
from harness.report.studies import settings_reached, study_results

pytestmark = pytest.mark.slow


def page_of_study(monkeypatch, folder, name, **more):
    """The page of a study of a GAN and WGAN-GP at 24 values of one setting."""
    of = [i / 30 for i in range(24)]
    points = [{name: i} for i in range(24)]
    space = {name: {"low": 0, "high": 40, "whole": True}}
    values = {"gan": of, "wgan-gp": [0.1 + value for value in of]}
    store = Study(values, points=points, space=space, **more)
    found = study_results.read(store)
    paired = settings_reached.read(store, found)
    with monkeypatch.context() as patch:
        patch.setattr(encoding, "encode", lambda figure: {"png": PNG, "svg": b"<svg/>"})
        patch.setattr(panels, "MOST", 1)
        patch.setattr(study_results, "read", lambda store: found)
        patch.setattr(settings_reached, "read", lambda store, study: paired)
        return report(FakeResults(objectives=("gan", "wgan-gp")), folder).words


@pytest.mark.parametrize("name", ["lr", "generator.depth"])
def test_a_page_of_a_study_has_one_primary_test(monkeypatch, tmp_path, name):
    words = page_of_study(monkeypatch, tmp_path, name)
    of_architectures = name == "generator.depth"
    assert ("Of 24 architectures" in words) == ("primary at the score" in words) == of_architectures
    assert ("good share (primary)" in words) == (not of_architectures)
    places = [words.index(part) for part in ("s with every objective", "Search space", "Importance of settings")]
    order = [0, 1, 2] if of_architectures else [1, 0, 2]
    assert sorted(range(3), key=places.__getitem__) == order
    assert "over 2 tuning seeds" in words


def test_a_page_says_what_was_confirmed_once_it_was(monkeypatch, tmp_path):
    fresh = {"gan": [0.5, 0.7], "wgan-gp": [0.6, 0.8]}
    pending = page_of_study(monkeypatch, tmp_path / "a", "lr", fresh=fresh, statuses={"gan-best-1": "pending"})
    whole = page_of_study(monkeypatch, tmp_path / "b", "lr", fresh=fresh)
    said = "trained on fresh seeds"
    assert (said in pending, said in whole) == (False, True)
    assert "The same command confirms" in pending
    assert ("once trained" in pending, "once trained" in whole) == (True, False)
