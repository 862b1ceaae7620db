"""Settings of Sphinx for docs/site/build.py."""

import re
import sys
from pathlib import Path

from harness import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "harness"
release = version = __version__
root_doc = "docs/index"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 4  # links to headings are those of code hosts
# What is words on a code host is words here: a line that begins with a per cent sign would be left out as a comment.
myst_disable_syntax = ["myst_line_comment", "myst_block_break", "myst_target", "myst_role"]
default_role = "code"  # docstrings write names in single backticks
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # as written, not as objects print themselves
python_use_unqualified_type_names = True
exclude_patterns = ["reports/**"]

highlight_language = "none"  # of blocks that name no language: what commands print
smartquotes = False  # `--set` is no dash

html_theme = "furo"
html_title = f"harness {version}"
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

ALIGNED = re.compile(r"(\S.*?) {2,}(\S.*)")  # a name, spaces, and what it is


def docstring(lines: list[str]) -> list[str]:
    """Return a docstring as reStructuredText: its aligned lists as definitions, its signs as themselves."""
    done: list[str] = []
    for i, line in enumerate(lines):
        pair = ALIGNED.fullmatch(line)
        if pair and (pair[1] + "  " in line) and (line[:1] != " "):
            if done and done[-1] and not done[-1].startswith("    "):
                done.append("")
            done += [f"``{pair[1].strip('`')}``", f"    {escaped(pair[2])}"]
        elif line.startswith("    ") and done and done[-1].startswith("    "):  # goes on with what it is
            done.append(f"    {escaped(line.strip())}")
        else:
            if done and done[-1].startswith("    ") and line and i:
                done.append("")
            done.append(escaped(line))
    return done


def escaped(text: str) -> str:
    """Return text with its asterisks, bars and underscores as themselves, outside of backticks."""
    return re.sub(r"(`[^`]*`)|([*|_\\])", lambda sign: sign[1] or f"\\{sign[2]}", text)


def _process(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    lines[:] = docstring(lines)


def setup(app) -> None:  # type: ignore[no-untyped-def]
    app.connect("autodoc-process-docstring", _process)
