"""What a suite rests on, as BibTeX: the papers of its objectives, networks and metrics, and this software."""

from collections.abc import Iterable

from harness.papers import Paper, bibtex_entry

SOFTWARE = {  # a test compares these with CITATION.cff
    "title": "harness: a declarative benchmark and comparison harness for GAN objectives",
    "author": "The harness developers",
    "license": "MIT",
}

OF_EXTRACTORS = {"inception": ("obukhov2020",)}
OF_STUDIES = {  # what its trials were asked for
    "drawn": ("akiba2019",), "expected": ("tang2020",), "spread": ("wilson1927",),
    "paired": ("mcnemar1947", "holm1979"), "weighed": ("watanabe2023",),
}  # fmt: skip


def bibtex(papers: Iterable[Paper], version: str) -> str:
    """Return the software, in the version given, and papers as BibTeX."""
    software = {
        "author": f"{{{SOFTWARE['author']}}}",
        "title": f"{{{SOFTWARE['title']}}}",
        "note": f"Version {version}, {SOFTWARE['license']} licence",
    }
    return "\n\n".join([bibtex_entry("misc", "harness", software), *(paper.bibtex() for paper in papers)])
