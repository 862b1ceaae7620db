"""A store of made-up but plausible results: what the report is tested against."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import StoreError
from harness.objectives import OBJECTIVES
from harness.papers import PAPERS
from harness.store.plan_file import Plan, PlannedRun

EXCESS = {"gan": 0.30, "nsgan": 0.24, "wgan-clip": 0.21, "wgan-gp": 0.06}
SCORED = (50, 100, 250, 500, 1000)
CRITIC = (
    *("dual", "slope_max", "slope_mean", "dual_over_slope", "dual_certified", "dual_gap", "direction"), "js_bound",
)  # fmt: skip


def score_of(excess: float | None) -> float:
    """Return 1 for a perfect sampler and 0 for a point, whose excess is taken to be 1.2."""
    return float(np.clip(1 - (np.nan if excess is None else excess) / 1.2, 0, 1))


@dataclass
class FakeResults:
    """`overrides` maps (task index, objective, setting index, seed) to row entries, such as a status."""

    objectives: tuple[str, ...] = ("gan", "wgan-clip", "wgan-gp")
    tasks: tuple[tuple[str, str], ...] = (("8gaussians", "mlp"),)
    seeds: int = 3
    rates: tuple[Any, ...] = ()
    overrides: dict[tuple[int, str, int, int], dict[str, Any]] = field(default_factory=dict)
    noise: float = 0.01
    name: str = "quickstart"
    question: str = "Which objective learns eight gaussians?"
    sets: tuple[str, ...] = ()
    data_axes: tuple[str, ...] = ()
    missing_snapshots: bool = False
    waiting: tuple[str, ...] = ()  # runs that are trained and not scored
    grid: bool = True
    score: bool = True  # whether the runs have one, as all whose W1 is known
    ratio: float | None = None  # of every critic's estimate to the exact W1; None: nothing is known of critics

    @property
    def folder(self) -> Path:
        return Path("results") / self.name

    @property
    def plan(self) -> Plan:
        """plan.json, as far as a report reads it."""
        suite = {
            "version": 1, "name": self.name, "question": self.question, "seeds": list(range(self.seeds)),
            "primary": {"toys": "w1_excess", "images": "fid"}, "set": list(self.sets),
        }  # fmt: skip
        described = {"data_axes": list(self.data_axes), "settings": self.settings, "pictures": []}
        names = ("run_id", "dataset", "architecture", "objective", "objective.base", "seed")
        runs = tuple(PlannedRun(*row) for row in self._table[list(names)].itertuples(index=False, name=None))
        return Plan("", runs, {}, (), resolved=suite, **described)

    @property
    def settings(self) -> list[dict[str, Any]]:
        """Every objective at its recipe, its rates in part where they are swept."""
        in_part = ["critic_lr", "generator_lr"] if self.rates else []
        recipe = {"source": "a paper", "keys": ["critic_lr", "generator_lr", "beta1", "n_critic"]}
        row = {"kind": "toys", "recipe": recipe | {"in_part": in_part}}
        return [{**row, "objective": name, "papers": self._papers(name)} for name in self.objectives]

    def _papers(self, objective: str) -> list[dict[str, Any]]:
        known = [*OBJECTIVES[objective].papers] if objective in OBJECTIVES else []
        of_dcgan = [PAPERS["radford2016"]] if any("dcgan" in network for _, network in self.tasks) else []
        return [paper.to_json() for paper in [*known, *of_dcgan]]

    def table(self) -> pd.DataFrame:
        return self._table.copy()

    @cached_property
    def _table(self) -> pd.DataFrame:
        rows = [
            self._row(t, objective, r, seed)
            for t in range(len(self.tasks))
            for objective in self.objectives
            for r in range(max(len(self.rates), 1))
            for seed in range(self.seeds)
        ]
        return pd.DataFrame(rows)

    def _row(self, t: int, objective: str, r: int, seed: int) -> dict[str, Any]:
        dataset, architecture = self.tasks[t]
        draw = np.random.default_rng([t, len(objective), r, seed])
        rate = self.rates[r] if self.rates else None
        gp = objective == "wgan-gp"
        excess = EXCESS.get(objective, 0.4) * (1 + 0.3 * t + 0.5 * r) + self.noise * draw.normal()
        row: dict[str, Any] = {
            "run_id": f"{t:02d}{sum(map(ord, objective)):06d}{r:04d}{seed:04d}", "status": "ok", "dataset": dataset,
            "architecture": architecture, "objective": objective, "objective.base": objective, "seed": seed,
            "steps": 1000,
            "hyper.critic_lr": 1e-4 if rate in (None, "recipe") else rate,
            "hyper.generator_lr": 1e-4 if rate in (None, "recipe") else rate,
            "hyper.beta1": 0.5, "hyper.beta2": 0.9,
            "hyper.gp_weight": 0.1 if gp else None, "data.sd": 0.02 if "gauss" in dataset else 0.1,
            "setup.optimizer": "adam", "setup.n_critic": 5 if objective.startswith("w") else 1, "setup.batch": 64,
            "setup.width": 64, "setup.depth": 12 if "deep" in architecture else 3,
            "w1": excess + 0.05, "w1_floor": 0.05, "w1_excess": excess, "hq": 0.9 - excess,
            "modes@2500": 8.0 if "gauss" in dataset else None, "modes_half": 7.0, "reverse_kl": 0.02,
            "critic_updates": 5000, "samples_seen": 640000, "step_ms": 3.0, "train_s": 3.1, "score_s": 0.6,
            "peak_mb": 300.0, "device": "cpu", "torch": "2.13.0", "harness": "0.1.0", "git": "0123abc", "stack": "0001",
            "host_cpu": "a processor", "first_bad_step": None, "error": None,
        }  # fmt: skip
        if self.ratio is not None:
            row |= self._critic(objective, row["w1"])
        if self.rates:
            row["sweep.lr"] = rate
        row |= self.overrides.get((t, objective, r, seed), {})
        if self.score:
            row.setdefault("score", score_of(row["w1_excess"]))
        if row["status"] != "ok":
            measured = ("w1", "w1_floor", "w1_excess", "score", "hq", "modes@2500", "modes_half", "reverse_kl")
            row |= {name: None for name in (*measured, *CRITIC) if name in row}
        if row["status"] == "pending":
            row |= dict.fromkeys(
                ("critic_updates", "train_s", "step_ms", "device", "torch", "harness", "git", "host_cpu")
            )
        return row

    def _critic(self, objective: str, w1: float) -> dict[str, float]:
        """Return what the critic of samples at a distance says, its largest slope being 2 and its mean slope 1."""
        assert self.ratio is not None
        estimate = self.ratio * w1
        columns = {
            "dual": 2 * estimate, "slope_max": 2.0, "slope_mean": 1.0, "dual_over_slope": estimate,
            "dual_certified": estimate / 10, "dual_gap": w1 - estimate, "direction": 0.75,
        }  # fmt: skip
        return columns | ({"js_bound": min(w1, 0.69)} if objective in ("gan", "nsgan") else {})

    def unscored(self, run_ids: Any, score_id: str) -> list[str]:
        return [run_id for run_id in run_ids if run_id in self.waiting]

    def scored(self) -> pd.DataFrame:
        table = self.table()
        final = table[table["status"] == "ok"]
        rows = [
            {"run_id": run.run_id, "step": step, "w1_excess": excess, "hq": 0.5}
            | ({"score": run.score if step == SCORED[-1] else score_of(excess)} if self.score else {})
            | self._scored_critic(run.objective, excess + 0.05)
            for run in final.itertuples()
            for step in SCORED
            for excess in [run.w1_excess + 0.8 * (1 - step / 1000) ** 3]
        ]
        critic = ("w1", "w1_floor", *CRITIC) if self.ratio is not None else ()
        names = ["run_id", "step", "w1_excess", "hq", *(["score"] if self.score else []), *critic]
        return pd.DataFrame(rows, columns=names)

    def _scored_critic(self, objective: str, w1: float) -> dict[str, float]:
        return {} if self.ratio is None else {"w1": w1, "w1_floor": 0.05, **self._critic(objective, w1)}

    tables_alone = ()
    has_any_records = True

    def has_records(self, run_id: str) -> bool:
        return True

    def curves(self, run_id: str) -> pd.DataFrame:
        draw = np.random.default_rng(int(run_id[:8]))
        step = np.arange(1, 1001)
        loss = 2 * np.exp(-step / 150) + 0.1 * draw.normal(size=1000)
        norm = np.ones(1000)
        return pd.DataFrame(
            {
                "step": step,
                "critic_loss": -loss,
                "generator_loss": 0.6 + loss / 3,
                "critic_grad_norm": norm,
                "generator_grad_norm": norm,
            }
        )

    def steps(self, run_id: str) -> list[int]:
        return [1000]

    def snapshot(self, run_id: str, step: int | None = None) -> dict[str, NDArray[Any]]:
        if self.missing_snapshots:
            raise StoreError(f"run {run_id} has no snapshot of its last step.")
        table = self.table().set_index("run_id")
        wide = float(table.loc[run_id, "w1_excess"])
        draw = np.random.default_rng(int(run_id[-8:]))
        made = {"generated": self.reference("", run_id) + draw.normal(size=(1000, 2)) * wide / 2}
        if self.grid:
            y, x = np.mgrid[-3:3:128j, -3:3:128j]
            made |= {"critic_grid": np.hypot(x, y - 0.5), "critic_extent": np.array([-3.0, 3.0, -3.0, 3.0])}
            made["critic_batch"] = np.array(1000)
        return made

    def reference(self, dataset: str, run_id: str) -> NDArray[Any]:
        draw = np.random.default_rng(7)
        angle = np.pi / 4 * (np.arange(1000) % 8)
        centres = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 1.414
        return np.asarray(centres + 0.014 * draw.normal(size=(1000, 2)))
