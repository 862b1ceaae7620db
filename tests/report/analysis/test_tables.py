"""Settings, metrics, commands, CSV and words of a report."""

from dataclasses import replace

import pandas as pd
import pytest
from report.fake_results import FakeResults

from harness import text
from harness.report.analysis import primary, tables
from harness.store.plan_file import Plan


@pytest.mark.slow
def test_settings_stand_with_the_name_that_decides_them():
    store = FakeResults(
        tasks=(("8gaussians", "mlp"), ("8gaussians", "mlp-deep"), ("ring", "mlp")), rates=("recipe", 2e-3)
    )
    shown = dict(tables.settings(tables.read(store)))
    objective = shown["By objective"].set_index("objective")
    assert objective.loc["wgan-gp", "gp_weight"] == "0.1"
    assert objective.loc["gan", "gp_weight"] == text.NOTHING
    assert objective.loc["gan", "critic_lr"] == "1e-4, 2e-3"
    assert objective.loc["gan", "n_critic"] == "1"
    assert shown["By architecture"].set_index("architecture")["depth"].to_dict() == {"mlp": "3", "mlp-deep": "12"}
    assert shown["By data set"].set_index("dataset")["data.sd"].to_dict() == {"8gaussians": "0.02", "ring": "0.1"}
    assert shown["Common to all runs"].set_index("setting")["value"]["batch"] == "64"


def test_a_parameter_of_both_players_stands_once_where_they_agree():
    both = {"setup.generator.width": 64, "setup.critic.width": 64, "setup.width": 64}
    apart = {"setup.generator.norm": "batch", "setup.critic.norm": "layer", "setup.norm": None, "setup.schedule": None}
    view = tables.read(FakeResults())
    shown = tables.settings(replace(view, table=view.table.assign(**both, **apart)))
    (common,) = (frame for title, frame in shown if title.startswith("Common"))
    names = set(common["setting"])
    assert {"width", "generator.norm", "critic.norm"} <= names
    assert not {"generator.width", "critic.width", "norm", "schedule"} & names


def test_what_comes_from_the_papers_recipe_stands_beside_each_objective():
    (shown,) = (frame for title, frame in tables.settings(tables.read(FakeResults())) if title == "By objective")
    assert set(shown["from the paper's recipe"]) == {"critic_lr, generator_lr, beta1 and n_critic"}


def entry(kind, *keys, in_part=()):
    recipe = {"source": "a paper", "keys": list(keys), "in_part": list(in_part)}
    return {"objective": "gan", "kind": kind, "recipe": recipe if keys else None}


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ([], text.NOTHING),
        ([entry("toys")], "none"),
        ([entry("toys", "beta1"), entry("images", "beta1")], "beta1"),
        ([entry("toys", "beta1", "lr", in_part=["lr"])], "beta1; lr in part"),
        ([entry("toys", "lr", in_part=["lr"])], "lr in part"),
        ([entry("toys", "beta1"), entry("images")], "on toys: beta1; on images: none"),
        ([entry("toys", "beta1") | {"objective": "wgan"}], text.NOTHING),
    ],
)
def test_a_note_says_which_settings_are_the_papers(settings, note):
    assert tables.recipe_note(settings, "gan") == note


def test_the_command_names_the_scale_and_quotes_what_a_shell_would_read():
    store = FakeResults(name="robustness@paper", sets=("train.lr=[recipe, 3e-4]",))
    assert tables.commands(tables.read(store)).endswith(".yaml --scale paper --set 'train.lr=[recipe, 3e-4]'")


@pytest.mark.parametrize(
    ("source", "path"), [("../../mine.yaml", "mine.yaml"), ("../../suites/mine.yaml", "suites/mine.yaml")]
)
def test_the_command_names_the_file_that_was_planned(source, path):
    view = tables.read(FakeResults())
    assert tables.commands(replace(view, plan=replace(view.plan, source=source))) == f"harness run {path}"


@pytest.mark.parametrize(
    ("wanted", "columns", "name"),
    [
        ("w1_excess", {"w1_excess": [0.1, 0.2]}, "w1_excess"),
        ("fid", {"fid[classifier]@540": [None, None], "fid": [3.0, None]}, "fid"),
        ("w1_excess", {}, "w1_excess"),
    ],
)
def test_each_data_set_is_ranked_on_the_metric_it_has(wanted, columns, name):
    assert primary.primary(pd.DataFrame({"status": ["ok", "ok"], **columns}), wanted) == name


PICTURES = pd.DataFrame(
    {
        "status": ["ok", "diverged"],
        **{f"fid[{extractor}]@{n}": [1.0, None] for extractor in ("classifier", "rotations") for n in (540, 270)},
        "fid[classifier]@540_floor": [0.5, None],
        "fid_train[classifier]@1000": [2.0, None],
        "precision[classifier,k5]@540": [0.5, None],
        "sliced_w": [0.1, None],
    }
)


@pytest.mark.parametrize(
    ("metric", "asked", "column"),
    [
        ("fid", (), "fid[classifier]@540"),
        ("fid", ["rotations", "classifier"], "fid[rotations]@540"),
        ("fid", ["classifier", "rotations"], "fid[classifier]@540"),
        ("fid[rotations]", ["classifier", "rotations"], "fid[rotations]@540"),
        ("fid[classifier]@270", ["rotations", "classifier"], "fid[classifier]@270"),
        ("fid_train", (), "fid_train[classifier]@1000"),
        ("precision", (), "precision[classifier,k5]@540"),
        ("sliced_w", (), "sliced_w"),
    ],
)
def test_a_metric_of_pictures_is_that_of_the_first_extractor_at_its_largest_number(metric, asked, column):
    assert primary.primary(PICTURES, metric, asked) == column


def test_swept_values_of_a_data_set_with_columns_of_their_own_are_gathered_in_one():
    resolved = {"primary": {"toys": "w1_excess", "images": "fid"}, "score": {}}
    plan = Plan("", (), {}, (), resolved=resolved, data_axes=["classes"], pictures=["digits"])
    names = {"fid[rotations]@9": [1.0, None, None], "fid[classifier]@20": [None, 3.0, None]}
    floors = {f"{name}_floor": [None if x is None else x / 2 for x in values] for name, values in names.items()}
    rows = {"run_id": list("abc"), "status": ["ok", "ok", "failed"], "dataset": "digits", **names, **floors}
    table = pd.DataFrame({**rows, "sweep.classes": ["[3]", "[3, 0]", "[3, 0]"]})
    scored = table[["run_id", *names]].iloc[[1, 0]]
    assert primary.metrics_of(plan, table, scored) == {"digits": "fid"}
    assert table["fid"].tolist()[:2] == [1.0, 3.0]
    assert table["fid"].isna().tolist() == [False, False, True]
    assert table["fid_floor"].tolist()[:2] == [0.5, 1.5]
    assert scored["fid"].tolist() == [3.0, 1.0]
    alone = pd.DataFrame({**rows, "sweep.classes": "[3]"}).iloc[:1]
    assert primary.metrics_of(plan, alone, scored) == {"digits": "fid[rotations]@9"}
