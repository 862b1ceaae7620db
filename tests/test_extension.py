"""One record is the whole of an extension: added in one file, it is in the list, the plan, the run and the report."""

from pathlib import Path

import pandas as pd
import pytest

from harness.commands.list import catalogue
from harness.execution.runner import Request, run
from harness.plan.describe import describe
from harness.plan.make import make_plan
from harness.plugins.components import load_plugins
from harness.suite.load import load_suite

pytestmark = pytest.mark.slow

PLUGINS = {
    "objective": """\
from torch.nn.functional import softplus
from harness import OBJECTIVES, Objective
from harness import Paper
paper = Paper("jolicoeur2019", "Jolicoeur-Martineau, Alexia", 2019, "The relativistic discriminator", "ICLR")
def critic_loss(real_scores, fake_scores, hyper):
    return softplus(fake_scores - real_scores).mean(-1)
def generator_loss(real_scores, fake_scores, hyper):
    return softplus(real_scores - fake_scores).mean(-1)
recipe = OBJECTIVES["nsgan"].recipe
OBJECTIVES = {"rphinge": Objective(1, critic_loss, generator_loss, recipe, "pairs", relative=True, papers=(paper,))}
""",
    "architecture": """\
from dataclasses import replace
from harness.architectures import ARCHITECTURES
from harness import Paper
paper = Paper("wide1999", "Wide, Anna", 1999, "Of wide networks", "Networks")
known = ARCHITECTURES["mlp"]
wide = replace(known, summary="one wide layer", generator={"depth": 1}, critic={"depth": 1}, papers=(paper,))
ARCHITECTURES = {"wide": wide}
""",
    "dataset": """\
import torch
from harness.datasets import Dataset
from harness import Paper
paper = Paper("square2001", "Square, Ben", 2001, "Of squares", "Shapes")
def sample(n, draw, settings):
    return torch.rand(n, 2, generator=draw)
DATASETS = {"square": Dataset(1, "toys", lambda settings: (2,), sample, sample, "a square", papers=(paper,))}
""",
    "trick": """\
from harness.objectives import Trick
from harness import Paper
paper = Paper("calm2002", "Calm, Eve", 2002, "Of calm critics", "Critics")
def loss(player, params, critic, real, fake, extra, hyper):
    return hyper["calm.weight"] * params.square().mean(-1)
TRICKS = {"calm": Trick(loss=loss, hyper={"weight": 1e-4}, summary="weight decay in the loss", papers=(paper,))}
""",
    "metric": """\
from harness.metrics.columns import Column
from harness.metrics.sample_metrics import Metric
from harness import Paper
paper = Paper("spread2003", "Spread, Dan", 2003, "Of spreads", "Metrics")
columns = (Column("spread", "lower", "spread (data units)", papers=(paper,)),)
def spread(generated, reference):
    return {"spread": float(generated.std())}
METRICS = {"spread": Metric(1, columns, spread, lambda reference: True, "standard deviation")}
""",
}
SUITE = """\
version: 1
name: extended
question: Is one record the whole of an extension?
plugins: [objective.py, architecture.py, dataset.py, trick.py, metric.py]
seeds: 2
train: {steps: 2, batch: 8}
score: {at: 1, samples: 40}
primary: {toys: spread}
architectures: {wide: {width: 4}}
objectives: {calmed: {base: rphinge, tricks: {calm: {}}}}
matrix: [{dataset: square, architecture: wide, objective: [calmed, wgan-gp]}]
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A folder where the suite has been run to its report, and the lists that it gave."""
    folder = tmp_path_factory.mktemp("extended")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("harness.report.figures.encoding.encode", lambda figure: {"png": b"", "svg": b""})
        for kind, source in PLUGINS.items():
            Path(f"{kind}.py").write_text(source)
        Path("s.yaml").write_text(SUITE)
        assert run(Request("s.yaml", workers=0)).counts["ok"] == 4
    return folder


AUTHORS = {
    "objective": "Jolicoeur-Martineau 2019",
    "architecture": "Wide 1999",
    "dataset": "Square 2001",
    "trick": "Calm 2002",
    "metric": "Spread 2003",
}
NAMES = {"objective": "rphinge", "architecture": "wide", "dataset": "square", "trick": "calm", "metric": "spread"}


@pytest.mark.parametrize("kind", PLUGINS)
def test_an_extension_is_about_ten_lines_and_in_the_list(extended, kind, monkeypatch):
    monkeypatch.chdir(extended)
    load_plugins([f"{kind}.py"])
    assert len(PLUGINS[kind].splitlines()) <= 11
    entries = {entry.name: entry.summary for entry in catalogue(f"{kind}s")}
    assert NAMES[kind] in entries
    assert AUTHORS[kind] in entries[NAMES[kind]]


def test_extensions_are_in_the_plan(extended, monkeypatch):
    monkeypatch.chdir(extended)
    suite = load_suite("s.yaml")
    plan = make_plan(suite, None, "cpu")
    description = describe(suite, plan)
    assert (description.datasets, description.architectures) == (["square"], ["wide"])
    rows = {row.objective: row for row in description.settings}
    assert rows["calmed"].base == "rphinge"
    keys = {paper["key"] for paper in rows["calmed"].papers}
    assert {"jolicoeur2019", "wide1999", "square2001", "calm2002"} <= keys


def test_extensions_are_in_the_run_and_the_report(extended):
    (page,) = extended.glob("reports/**/index.html")
    runs = pd.read_csv(page.parent / "tables" / "runs.csv")
    assert set(runs["objective.base"]) == {"rphinge", "wgan-gp"}
    assert runs["spread"].notna().all()
    text = page.read_text(encoding="utf-8")
    assert "calmed" in text
    assert "spread (data units)" in text
    for key in ("jolicoeur2019", "wide1999", "square2001", "calm2002", "spread2003"):
        assert f"{{{key}," in text, key
