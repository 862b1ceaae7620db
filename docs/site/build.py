"""Build the documentation as a site: python docs/site/build.py [FOLDER]; `make docs`. Every warning is an error.

The pages are those of the repository, in their places: README.md, CONTRIBUTING.md, CHANGELOG.md and docs/*.md. Their
order is that of the links in docs/index.md. What follows from the code is written anew at every build: the reference of
commands, of the keys of a suite, of names and of Python (docs/site/reference.py). The site asks for nothing from
outside: no web font, no script of others, and its search works from the disk.
"""

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "CITATION.cff", "LICENSE")
HOME = "docs/index.html"


def sections(index: str) -> dict[str, dict[str, str]]:
    """Return the titles of the pages that lists of docs/index.md link to, by page, by the heading above them."""
    parts = re.split(r"^## (.*)\n", index, flags=re.MULTILINE)[1:]
    links = (re.findall(r"^- \[([^]]+)\]\(([^)#:]+)\)", part, re.MULTILINE) for part in parts[1::2])
    return {head: {page: title for title, page in pages} for head, pages in zip(parts[::2], links, strict=True)}


def navigation(index: str) -> str:
    """Return the trees of contents that Sphinx makes the sidebar of."""
    return "".join(
        f"\n```{{toctree}}\n:caption: {head}\n:hidden:\n\n"
        + "".join(f"{title} <{page}>\n" for page, title in pages.items())
        + "```\n"
        for head, pages in sections(index).items()
    )


def within(page: Path) -> str:
    """Return a page whose links to folders and code, which the site has not, are their words alone."""
    text = page.read_text(encoding="utf-8")
    link = re.compile(r"(?<!!)\[([^]]+)\]\(([^)#:]+)\)")
    return link.sub(lambda found: found[0] if (page.parent / found[2]).is_file() else found[1], text)


def collect(source: Path) -> None:
    """Lay all pages into a folder, as they lie in the repository, with the reference that is made from the code."""
    from reference import REFERENCE

    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("site", "*.py", "__pycache__"))
    shutil.copytree(ROOT / "reports" / "reference", source / "reports" / "reference")
    for page in PAGES:
        shutil.copy(ROOT / page, source / page)
    for page in (*source.glob("*.md"), *source.glob("docs/*.md")):
        page.write_text(within(page), encoding="utf-8")
    (source / "docs" / "reference").mkdir()
    for name, (_, write) in REFERENCE.items():
        (source / "docs" / "reference" / name).write_text(write(), encoding="utf-8")
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    written = "\n".join(f"- [{title}](reference/{name})" for name, (title, _) in REFERENCE.items())
    index = index.replace("## Reference\n", f"## Reference\n\n{written}", 1)
    (source / "docs" / "index.md").write_text(index + navigation(index), encoding="utf-8")


def main(folder: Path) -> int:
    """Build the site into `folder`/html; return what Sphinx exits with."""
    from sphinx.cmd.build import build_main

    source, html = folder / "source", folder / "html"
    collect(source)
    shutil.rmtree(html, ignore_errors=True)
    options = ["-q", "-W", "-E", "-d", str(folder / "doctrees"), "-c", str(Path(__file__).parent)]
    code = build_main([*options, "-b", "html", str(source), str(html)])
    (html / "index.html").write_text(f'<meta http-equiv="refresh" content="0; url={HOME}">\n', encoding="utf-8")
    print(f"{html / HOME}" if code == 0 else "the site was not built: see the warnings above")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"))
