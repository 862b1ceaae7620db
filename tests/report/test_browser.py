"""The page in a browser: what its script does to tables, and that its policy stops nothing of its own.

Needs Chromium; where there is none these tests are skipped.
"""

import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser

import pytest
from report.fake_results import FakeResults

from harness.report import page
from harness.report.figures import panels
from harness.report.page import build_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]

TABLE = """<div class="scroll"><table><thead><tr><th></th><th>name</th><th>score</th></tr></thead>
<tbody><tr class="task"><th colspan="3">one</th></tr>
<tr><td></td><td>b</td><td data-value="0.86">0.86 [0.80, 0.92]</td></tr>
<tr><td></td><td>a</td><td>&ndash;</td></tr>
<tr><td></td><td>c10</td><td data-value="10">10.0 [9, 11]</td></tr>
<tr><td></td><td>c9</td><td data-value="9">9.00 [8, 10]</td></tr></tbody>
<tbody><tr class="task"><th colspan="3">two</th></tr>
%s</tbody></table></div>"""
MORE = "\n".join(
    f'<tr><td></td><td>{name}</td><td data-value="{i}">{i}</td></tr>' for i, name in enumerate("zyxwvutsrqpo")
)


class Rows(HTMLParser):
    """What is seen of the tables: the words of each row that is not hidden; `sorted` the headings that say so."""

    def __init__(self, source):
        super().__init__()
        self.rows, self.sorted, self.tags, self._hidden = [], [], [], False
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if tag == "tr":
            self._hidden = "hidden" in found
            self.rows += [] if self._hidden else [[]]
        if "aria-sort" in found:
            self.sorted.append(found["aria-sort"])

    def handle_data(self, data):
        if self.rows and not self._hidden and data.strip() and self.tags[-1] != "script":
            self.rows[-1].append(data.strip())

    def names(self):
        """The rows of data and of headings of tasks, each by its first words."""
        return [row[0] for row in self.rows[1:]]


def opened(path):
    """Return what Chromium makes of a file, and what it says on its console."""
    with tempfile.TemporaryDirectory() as profile:
        quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        options = ["--headless", "--no-sandbox", "--disable-gpu", *quiet, f"--user-data-dir={profile}"]
        command = [CHROMIUM, *options, "--enable-logging=stderr", "--v=0", "--dump-dom", path.as_uri()]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return ended.stdout, re.findall(r"CONSOLE.*", ended.stderr)


def driven(folder, driver, more=MORE):
    """Return the rows after the page's script and then `driver` ran on the table above."""
    html = folder / "table.html"
    body = TABLE % more
    html.write_text(
        f"<!DOCTYPE html><meta charset=utf-8>{body}<script>{page.read('page.js')}</script><script>{driver}</script>"
    )
    dom, said = opened(html)
    assert said == []
    return Rows(dom)


def click(column, times=1):
    return f"for (let i = 0; i < {times}; i++) document.querySelectorAll('th button')[{column}].click();"


def test_a_click_sorts_within_each_task_by_value_and_a_second_the_other_way(tmp_path):
    found = driven(tmp_path, click(1))
    assert found.names()[:6] == ["one", "b", "c9", "c10", "a", "two"]  # 0.86, 9, 10, and nothing last
    assert found.names()[6:8] == ["z", "y"]
    assert found.sorted == ["ascending"]
    found = driven(tmp_path, click(1, times=2))
    assert found.names()[:7] == ["one", "c10", "c9", "b", "a", "two", "o"]
    assert found.sorted == ["descending"]


def test_words_are_sorted_as_words_with_the_numbers_in_them(tmp_path):
    found = driven(tmp_path, click(1) + click(0))
    assert found.names()[:6] == ["one", "a", "b", "c9", "c10", "two"]
    assert found.sorted == ["ascending"]  # one heading says so, the last


def test_a_heading_can_be_reached_and_pressed_by_key(tmp_path):
    """A button is: nothing is needed for Enter. A heading without words has none."""
    found = driven(tmp_path, "document.querySelector('th button').focus(); document.activeElement.click();")
    assert found.tags.count("button") == 2
    assert found.sorted == ["ascending"]


def test_a_filter_leaves_rows_with_all_words_and_headings_that_have_rows(tmp_path):
    typed = "const box = document.querySelector('input'); box.value = '%s'; box.dispatchEvent(new Event('input'));"
    found = driven(tmp_path, typed % "ONE c")
    assert found.names() == ["one", "c10", "c9"]
    assert driven(tmp_path, typed % "two z").names() == ["two", "z"]
    assert driven(tmp_path, typed % "nobody").names() == []
    emptied = "box.value = ''; box.dispatchEvent(new Event('input'));"
    assert len(driven(tmp_path, typed % "c" + emptied).names()) == 2 + 4 + 12


def test_a_small_table_has_no_filter(tmp_path):
    found = driven(tmp_path, "", more="")
    assert "input" not in found.tags
    assert found.tags.count("button") == 2


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(panels, "MOST", 1)


def test_the_report_runs_its_script_and_asks_for_nothing(quick, tmp_path):
    tasks = tuple((f"data-{i}", "mlp") for i in range(6))
    overrides = {(0, "gan", 0, 1): {"status": "failed", "error": "<script>alert(1)</script>"}}
    written = build_report(FakeResults(tasks=tasks, rates=("recipe", 2e-3), overrides=overrides), tmp_path)
    dom, said = opened(written)
    assert said == []
    found = Rows(dom)
    assert found.tags.count("button") > 20
    assert found.tags.count("input") >= 1
    assert found.tags.count("script") == 1


def test_a_policy_that_is_broken_is_heard_of(quick, tmp_path):
    """What the test above relies on: a style, a script or a request that the policy forbids is said on the console."""
    written = build_report(FakeResults(), tmp_path)
    source = written.read_text(encoding="utf-8")
    changed = source.replace('"use strict";', '"use strict"; ').replace(
        "</main>", '<img src="http://127.0.0.1:9/x.png"></main>'
    )
    written.write_text(changed.replace("* { box-sizing", " * { box-sizing"), encoding="utf-8")
    dom, said = opened(written)
    assert len(said) == 3
    assert "button" not in Rows(dom).tags
