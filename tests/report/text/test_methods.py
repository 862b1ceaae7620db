"""The paragraph on methods and its references: of this very suite, and of nothing else."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from report.fake_results import FakeResults
from ruamel.yaml import YAML

import harness
from harness.papers import PAPERS
from harness.report.analysis import tables
from harness.report.text import methods
from harness.store.plan_file import PlannedTrial, StudyState

ENTRY = re.compile(r"@(\w+)\{(\w+),\n(.*?)\n\}", re.DOTALL)


def keys(text):
    return [key for _, key, _ in ENTRY.findall(text)]


@pytest.mark.slow
def test_the_paragraph_holds_the_numbers_of_the_suite():
    store = FakeResults(
        tasks=(("8gaussians", "mlp"), ("8gaussians", "mlp-bn"), ("swissroll", "mlp")), rates=("recipe", 2e-3),
        overrides={(0, "gan", 0, 1): {"status": "diverged"}, (0, "gan", 0, 2): {"objective.base": "nsgan"}},
    )  # fmt: skip
    said = methods.paragraph(tables.read(store))
    for part in (
        "gan, wgan-clip and wgan-gp were compared on 3 tasks (8gaussians with mlp and mlp-bn; swissroll with mlp",
        "3 seeds, 54 runs, 53 finished",
        "1,000 generator steps, batch size 64",
        "W1 excess (data units)",
        "intervals over 3 training seeds",
        "harness 0.1.0 and PyTorch 2.13.0",
    ):
        assert part in said


def test_variants_and_steps_that_differ_are_told_apart():
    store = FakeResults(objectives=("wgan-clip",), tasks=(("a", "mlp"), ("b", "mlp")), seeds=1)
    view = tables.read(store)
    view.table["objective"] = "clip-0.1"
    view.table.loc[view.table["dataset"] == "b", "steps"] = 300
    said = methods.paragraph(view)
    assert said.startswith("clip-0.1 (wgan-clip) was trained on 2 tasks (a and b with mlp; 1 seed")
    assert "1,000 (a) and 300 (b) generator steps" in said
    assert "hence no intervals" in said
    assert "Student" not in said


def many(n_tasks, **more):
    tasks = tuple((f"toy{i}", "mlp") for i in range(n_tasks))
    return tables.read(FakeResults(tasks=tasks, **more))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_tasks", "objectives", "said"),
    [
        (7, 3, "exact signed-rank test, Holm"),
        (6, 3, "tasks; 7 are needed"),
        (6, 2, "Wilcoxon's exact signed-rank test."),
        (5, 2, "tasks; 6 are needed"),
    ],
)
def test_tests_are_described_as_far_as_they_can_find_something(n_tasks, objectives, said):
    view = many(n_tasks, objectives=("gan", "nsgan", "wgan-gp")[:objectives])
    assert said in methods.paragraph(view)
    assert ("holm1979" in methods.references(view)) == (objectives == 3)
    assert "bootstrap intervals" in methods.paragraph(view)


@pytest.mark.slow
def test_one_seed_has_no_interval_of_any_kind():
    said = methods.paragraph(many(2, seeds=1, rates=("recipe", 2e-3)))
    assert "One seed, hence no intervals" in said
    assert not {"bootstrap", "Student"} & set(re.findall(r"\w+", said))


@pytest.mark.parametrize(
    ("more", "paired"),
    [
        ({}, "objectives are paired"),
        ({"objectives": ("gan",)}, ""),
        ({"objectives": ("gan",), "tasks": (("a", "mlp"), ("a", "mlp-bn"))},
         "architectures are paired"),
        ({"objectives": ("gan",), "rates": (1e-3, 2e-3)}, "settings are paired"),
    ],
)  # fmt: skip
def test_what_is_compared_within_a_seed_is_what_the_suite_compares(more, paired):
    text = methods.paragraph(tables.read(FakeResults(**more)))
    assert paired in text
    assert bool(paired) == ("paired by seed" in text)


@pytest.mark.slow
def test_only_papers_of_this_suite_are_cited():
    found = keys(methods.references(tables.read(FakeResults(objectives=("gan", "wgan-gp")))))
    assert found == ["harness", "goodfellow2014", "gulrajani2017", "flamary2021"]
    found = keys(methods.references(tables.read(FakeResults(tasks=(("a", "dcgan-no-bn"), ("b", "mlp"))))))
    assert found == [
        "harness", "wilcoxon1945", "holm1979", "goodfellow2014", "radford2016", "arjovsky2017", "gulrajani2017",
        "agarwal2021", "flamary2021",
    ]  # fmt: skip


def test_metrics_of_pictures_and_the_inception_network_bring_their_papers():
    more = {"fid[inception]@540": 3.0, "kid[inception]@540": 0.1, "extractor_weights[inception]": "01"}
    overrides = {(0, name, 0, seed): more for name in ("gan", "wgan-clip", "wgan-gp") for seed in range(3)}
    found = keys(methods.references(tables.read(FakeResults(overrides=overrides))))
    assert {"heusel2017", "binkowski2018", "obukhov2020"} <= set(found)
    assert not {"kynkaanniemi2019", "salimans2016"} & set(found)


@pytest.mark.parametrize("key", PAPERS)
def test_an_entry_is_whole_and_its_key_says_who_and_when(key):
    [(kind, found, body)] = ENTRY.findall(methods.bibtex([PAPERS[key]]).partition("\n\n")[2])
    fields = dict(re.findall(r"^  (\w+) += \{(.*)\},?$", body, re.MULTILINE))
    assert found == key
    assert {"author", "title", "year"} <= set(fields)
    assert {"article": "journal", "inproceedings": "booktitle", "misc": "author"}[kind] in fields
    surname = re.sub(r"[^a-z]", "", fields["author"].partition(",")[0].lower())
    assert re.fullmatch(f"{surname}{fields['year']}[a-z]?", key)  # a letter where a year has two of one author
    assert body.count("{") == body.count("}")
    assert body.isascii()


@pytest.mark.parametrize(
    ("sampler", "trials", "cited"),
    [
        ("random", 61, {"akiba2019", "tang2020", "watanabe2023"}),  # of choices: some settings are drawn twice
        ("random", 60, {"wilson1927", "mcnemar1947", "holm1979", "akiba2019", "tang2020", "watanabe2023"}),
        ("qmc", 8, {"wilson1927", "mcnemar1947", "holm1979", "akiba2019"}),
        ("tpe", 60, {"akiba2019"}),
    ],
)
def test_a_study_is_described_by_what_its_trials_were_asked(sampler, trials, cited):
    view = tables.read(FakeResults(objectives=("gan", "wgan-gp")))
    block = {"sampler": sampler, "trials": trials}
    resolved = view.plan.resolved | {"study": block}
    drawn = [PlannedTrial(name, i, {"lr": i % 60}, []) for name in ("gan", "wgan-gp") for i in range(trials)]
    state = StudyState("x", drawn, drawn[:1])
    view = replace(view, plan=replace(view.plan, resolved=resolved, study=state))
    assert set(keys(methods.references(view))) - {"harness", "goodfellow2014", "gulrajani2017", "flamary2021"} == cited
    said = methods.paragraph(view)
    assert re.search(rf"chosen by {trials} .* trials of each objective", said)
    assert ("PED-ANOVA" in said, "McNemar" in said) == ("watanabe2023" in cited, "mcnemar1947" in cited)
    assert ("Wilson intervals" in said) == ("wilson1927" in cited)


def test_a_plan_without_papers_is_cited_by_the_tables():
    names = {"objective": "hinge", "dataset": "digits", "architecture": "mlp-deep"}
    spec = {"setup": {**names, "tricks": {"ema": {}}, "train": {}}}
    view = tables.read(FakeResults(objectives=("gan", "hinge")))
    rows = [{**row, "papers": None} for row in view.plan.settings]
    settings = [{name: value for name, value in row.items() if value} for row in rows]
    old = replace(view.plan, specs={"0": spec}, settings=settings)
    cited = keys(methods.references(replace(view, plan=old)))
    assert {"lim2017", "miyato2018", "alpaydin1998", "gulrajani2017", "yazici2019"} <= set(cited)


def test_the_software_is_cited_as_its_citation_file_says():
    cited = YAML(typ="safe").load((Path(__file__).parents[3] / "CITATION.cff").read_text(encoding="utf-8"))
    software = methods.SOFTWARE
    assert (cited["title"], cited["license"], cited["version"]) == (
        software["title"], software["license"], harness.__version__,
    )  # fmt: skip
    assert [author["name"] for author in cited["authors"]] == [software["author"]]
    assert f"Version {cited['version']}, MIT licence" in methods.references(tables.read(FakeResults()))
