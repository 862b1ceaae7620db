"""Write every measured number of README and docs/*.md from results/reference: python docs/measured.py [--check]

A block between `<!-- numbers: WHAT FOLDER -->` and `<!-- end -->` holds what WHAT computes from the frozen results
FOLDER. `--check` writes nothing, and exits with 1 where a block is not what its results say.
"""

import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from runpy import run_path

from harness.report import page
from harness.store import Store

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
BLOCK = re.compile(r"(<!-- numbers: (\S+) (\S+) -->\n)(.*?)(<!-- end -->)", re.S)
WIDTH = 120


def answer(folder: Path) -> str:
    """Return what the report of these results opens with, a paragraph a sentence group, in italics."""
    return "\n\n".join(wrapped(f"*{text}*") for text in page.answers(Store(folder)))


def wrapped(text: str) -> str:
    """Break a paragraph into lines, at spaces alone."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def machine(folder: Path) -> str:
    """Return how many runs there are, and on which machine and with what they were made."""
    table = Store(folder).table()
    rows = table[["host_cpu", "device", "torch"]].dropna().drop_duplicates()
    made = "; ".join(f"{row.host_cpu}, {row.device}, torch {row.torch}" for row in rows.itertuples())
    return f"{len(table):,} runs, {made}."


def chosen(folder: Path) -> str:
    """Return what `suites/tuning/choose.py` prints of these results."""
    return str(run_path(str(ROOT / "suites" / "tuning" / "choose.py"))["text"](folder))


WHAT: dict[str, Callable[[Path], str]] = {"answer": answer, "machine": machine, "chosen": chosen}


def filled(text: str) -> str:
    """Return a page with every block computed anew. Raises KeyError on a block of no known kind."""
    return BLOCK.sub(lambda block: f"{block[1]}{WHAT[block[2]](REFERENCE / block[3])}\n{block[5]}", text)


def pages() -> list[Path]:
    """Return the pages that hold blocks."""
    return [
        path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if BLOCK.search(path.read_text())
    ]


def main(check: bool) -> int:
    """Write, or with `check` name, the pages whose numbers are not those of the results."""
    stale = [path for path in pages() if filled(path.read_text()) != path.read_text()]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'not what results/reference says' if check else 'written'}")
        if not check:
            path.write_text(filled(path.read_text()))
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
