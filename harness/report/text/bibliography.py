"""What a suite rests on, as BibTeX: the papers of its objectives, networks and metrics, and this software."""

from collections.abc import Iterable

from harness.metrics import column_facts
from harness.papers import PAPERS, bibtex_entry

SOFTWARE = {  # a test compares these with CITATION.cff
    "title": "harness: a declarative benchmark and comparison harness for GAN objectives",
    "author": "The harness developers",
    "license": "MIT",
}

# Whose paper a name stands for; metrics name their own.
OF_OBJECTIVES = {
    "gan": ("goodfellow2014",), "nsgan": ("goodfellow2014",), "lsgan": ("mao2017",),
    "hinge": ("lim2017", "miyato2018"), "wgan": ("arjovsky2017",), "wgan-clip": ("arjovsky2017",),
    "wgan-gp": ("gulrajani2017",), "wgan-lp": ("petzka2018",),
}  # fmt: skip
OF_ARCHITECTURES = {"dcgan": ("radford2016",)}  # and its variants, whose names begin so
OF_EXTRACTORS = {"inception": ("obukhov2020",)}
OF_STUDIES = {  # what its trials were asked for
    "drawn": ("akiba2019",), "expected": ("tang2020",), "spread": ("wilson1927",),
    "paired": ("mcnemar1947", "holm1979"), "weighed": ("watanabe2023",),
}  # fmt: skip


def chosen(
    objectives: Iterable[str], architectures: Iterable[str], metrics: Iterable[str], extractors: Iterable[str]
) -> list[str]:
    """Return the keys of the papers behind the table's names of objectives, and what else a suite used, by year."""
    keys = {key for name in objectives for key in OF_OBJECTIVES.get(name, ())}
    keys |= {
        key for name in architectures for start, of in OF_ARCHITECTURES.items() if name.startswith(start) for key in of
    }
    keys |= {key for name, column in column_facts().items() if name in {*metrics} for key in column.papers}
    keys |= {key for name in extractors for key in OF_EXTRACTORS.get(name, ())}
    return [key for key in PAPERS if key in keys]


def bibtex(keys: Iterable[str], version: str) -> str:
    """Return the software, in the version given, and the papers of those keys as BibTeX."""
    software = {
        "author": f"{{{SOFTWARE['author']}}}",
        "title": f"{{{SOFTWARE['title']}}}",
        "note": f"Version {version}, {SOFTWARE['license']} licence",
    }
    return "\n\n".join([bibtex_entry("misc", "harness", software), *(PAPERS[key].bibtex() for key in keys)])
