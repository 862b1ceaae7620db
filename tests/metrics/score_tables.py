"""The tables of docs/methods.md on what a score and an excess mean: PYTHONPATH=.:tests python -m metrics.score_tables

Null samplers of digits by each of our extractors, what else they should see, and W1's excess for known shifts.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from oracles import make_spec

from harness.datasets import DATASETS
from harness.engine import noise
from harness.engine.real_data import data_settings
from harness.metrics import Reference, make_reference, null_row, null_samplers, real_pool, untrained
from harness.metrics.null_samplers import Columns, Floor, beyond, score_of
from harness.metrics.transport import wasserstein_1

SHIFTS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
EXTRACTORS = ("classifier", "poses")
SHIFTED = "gaussian"

Bytes = NDArray[np.uint8]


def shifts(n: int = 1000, dataset: str = SHIFTED) -> Iterator[tuple[float, float]]:
    """Yield true shifts, which are the true W1 of what is moved by them, and the excess of n samples so moved.

    It is the mean over the five draws that the floor is the mean of, each moved along the first axis.
    """
    spec = make_spec(dataset=dataset)
    sample, settings = DATASETS[dataset].sample, data_settings(spec)
    real = DATASETS[dataset].reference(n, noise.generator(0, "reference"), settings).double().numpy()
    draws = [sample(n, noise.generator(k, "floor"), settings).double().numpy() for k in range(5)]
    floor = np.mean([wasserstein_1(draw, real) for draw in draws])
    for shift in SHIFTS:
        moved = [wasserstein_1(draw + np.array([shift, 0.0]), real) for draw in draws]
        yield shift, float(np.mean(moved) - floor)


def samplers(real: Bytes, n: int) -> dict[str, Bytes]:
    """Return images [n, 1, 16, 16] of samplers that no one would take for a good generator, and of a perfect one."""
    rng = np.random.default_rng(0)
    shown = null_samplers.fresh(real, n, rng)
    found = {
        name: null.draw(real, n, np.random.default_rng(0)) for name, null in null_samplers.NULLS.items() if null.draw
    }
    return found | {
        "hundred": real[:100][np.arange(n) % 100],
        "bootstrap": real[rng.integers(len(real), size=n)],
        "upside down": shown[:, :, ::-1, ::-1].copy(),
        "mirrored": shown[:, :, :, ::-1].copy(),
        "noise": rng.integers(0, 256, shown.shape).astype(np.uint8),
    }


def digits(extractor: str, n: int = 540) -> Iterator[tuple[str, float, dict[str, float]]]:
    """Yield each sampler's name, FID, and its score on three scales."""
    spec = make_spec(dataset="digits", architecture="dcgan")
    reference: Reference = make_reference(spec, n, [extractor])
    rows = {name: null_row(x, reference) for name, x in samplers(real_pool(spec), len(reference.points)).items()}
    rows["untrained"] = untrained(spec, reference) or {}
    seen, known = reference.real_features[extractor], {name: rows[name] for name in null_samplers.NULLS}
    column = f"fid[{extractor}]@{len(seen.held_out)}"
    floor = Floor(seen.reached[column], seen.reached["fid_sd"])
    for name, row in rows.items():
        yield name, row[column], {"score": score_of(row, known, floor)["score"], **_scales(row, known, floor)}


def _scales(row: Columns, known: dict[str, Columns], floor: Floor) -> dict[str, float]:
    zero = min(known[name]["fid_excess"] for name, null in null_samplers.NULLS.items() if null.is_zero)
    over = max(row["fid_excess"], 0.0)
    found = {"FID": over / zero, "root of the excess": (over / zero) ** 0.5}
    found["excess of the root"] = beyond("fid_excess", over, floor) / beyond("fid_excess", zero, floor)
    return {name: float(np.clip(1 - share, 0, 1)) for name, share in found.items()}


if __name__ == "__main__":
    print("| true shift | w1_excess |\n| --- | --- |")
    for shift, excess in shifts():
        print(f"| {shift:g} | {excess:.3f} |")
    for name in EXTRACTORS:
        print(f"\n| {name} | FID | FID scale | root of the excess | excess of the root (score) |")
        print("| --- | --- | --- | --- | --- |")
        for sampler, fid, found in digits(name):
            scales = " | ".join(f"{found[k]:.2f}" for k in ("FID", "root of the excess", "excess of the root"))
            print(f"| {sampler} | {fid:.2f} | {scales} |")
