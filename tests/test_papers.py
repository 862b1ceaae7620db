"""Papers: one table, cited at a place, written as BibTeX."""

import pytest

from harness.papers import PAPERS


def test_papers_come_by_year_under_their_own_keys():
    years = [paper.year for paper in PAPERS.values()]
    assert years == sorted(years)
    assert [paper.key for paper in PAPERS.values()] == list(PAPERS)


@pytest.mark.parametrize(
    ("key", "cited"),
    [
        ("holm1979", "Holm 1979"),
        ("lim2017", "Lim & Ye 2017"),
        ("gulrajani2017", "Gulrajani et al. 2017"),
        ("kynkaanniemi2019", "Kynkäänniemi et al. 2019"),
    ],
)
def test_a_paper_is_cited_by_its_first_authors_and_year(key, cited):
    assert str(PAPERS[key]) == cited
    assert str(PAPERS[key].at("eq. 3")) == f"{cited}, eq. 3"


def test_letters_beyond_ascii_are_spelled_for_bibtex():
    assert "Bi{\\'n}kowski, Miko{\\l}aj" in PAPERS["binkowski2018"].bibtex()
    assert all(paper.bibtex().isascii() for paper in PAPERS.values())
