"""Every metric again, from docs/methods.md alone: other code, the same samples, the same values."""

import hashlib
import math

import numpy as np
import pytest
import torch
from oracles import data_defaults, make_spec
from scipy.linalg import sqrtm
from scipy.optimize import linear_sum_assignment

from harness.datasets import DATASETS
from harness.engine import train
from harness.metrics import extractors, image_metrics, make_reference, score
from harness.metrics.extractors import ExtractorKind
from harness.metrics.extractors.own import Ready

N, K, SD, SCALE = 120, 8, 0.02, 1.414


def address(seed, purpose):
    first = hashlib.sha256(f"{seed}/{purpose}/0".encode()).digest()[:8]
    return torch.Generator().manual_seed(int.from_bytes(first, "big") >> 1)


def distances(x, y):
    return np.sqrt(((x[:, None] - y[None]) ** 2).sum(-1))


def w1(x, y, power=1):
    cost = distances(x, y) ** power
    rows, columns = linear_sum_assignment(cost)  # of as many on either side, optimal transport is an assignment
    return cost[rows, columns].mean()


def sliced(x, y):
    directions = np.random.RandomState(0).randn(x.shape[1], 256)
    directions /= np.linalg.norm(directions, axis=0)
    return np.abs(np.sort(x @ directions, 0) - np.sort(y @ directions, 0)).mean()


def by_neighbours(generated, real):
    radius = {name: np.sort(distances(x, x))[:, 5] for name, x in (("real", real), ("generated", generated))}
    between = distances(generated, real)
    in_real, in_generated = between <= radius["real"], between <= radius["generated"][:, None]
    return {
        "precision": in_real.any(1).mean(),
        "recall": in_generated.any(0).mean(),
        "density": (in_real.sum(1) / 5).mean(),
        "coverage": in_real.any(0).mean(),
    }


def mean_of_kl(m, shares):
    def pmf(c, p):
        return math.exp(
            math.lgamma(m + 1)
            - math.lgamma(c + 1)
            - math.lgamma(m - c + 1)
            + c * math.log(p)
            + (m - c) * math.log1p(-p)
        )

    return sum(pmf(c, p) * c / m * math.log(c / (m * p)) for p in shares for c in range(1, m + 1))


def collapse(generated, real):
    def apart(x):
        some = x[np.random.default_rng(0).permutation(len(x))[:500]]
        return distances(some, some).sum() / (len(some) * (len(some) - 1))

    return apart(generated) < 0.05 * apart(real)


def mixture(n, draw, which):
    angle = 2 * math.pi * np.arange(K) / K
    modes = 2 * np.stack([np.cos(angle), np.sin(angle)], 1) / SCALE
    return modes, modes[which] + torch.randn(n, 2, generator=draw).numpy() * SD / SCALE


@pytest.fixture(scope="module")
def generated():
    """A sampler of some modes, off centre and blurred, as long as what is kept."""
    rng = np.random.default_rng(0)
    modes = mixture(1, address(0, "none"), [0])[0]
    return modes[rng.integers(5, size=2500)] + 0.01 + 0.02 * rng.normal(size=(2500, 2))


def of_points(generated):
    modes, real = mixture(N, address(0, "reference"), np.arange(N) % K)
    draws = []
    for k in range(5):
        rng = address(k, "floor")
        draws.append(mixture(N, rng, torch.randint(K, (N,), generator=rng).numpy())[1])
    ours, columns = generated[:N], {}
    for name, metric in (("w1", w1), ("w2", lambda x, y: math.sqrt(w1(x, y, 2))), ("sliced_w", sliced)):
        columns |= {name: metric(ours, real), f"{name}_floor": np.mean([metric(x, real) for x in draws])}
    floors = [by_neighbours(x, real) for x in draws]
    for name, value in by_neighbours(ours, real).items():
        column = f"{name}[k5]@{N}"
        columns |= {column: value, f"{column}_floor": np.mean([floor[name] for floor in floors])}
    columns["w1_excess"] = columns["w1"] - columns["w1_floor"]
    far = distances(generated, modes)
    nearest, good = far.argmin(1), far.min(1) <= 3 * SD / SCALE
    counts = np.bincount(nearest[good], minlength=K)
    m, shares = int(good.sum()), counts[counts > 0] / good.sum()
    one_mode = (np.bincount(nearest, minlength=K) >= len(generated) / (2 * K)).sum() <= 1
    return columns | {
        "hq": good.mean(),
        "hq_ceiling": 1 - math.exp(-4.5),
        "modes@2500": len(set(nearest[:2500][good[:2500]])),
        "modes_half": (counts >= len(generated) / (2 * K)).sum(),
        "reverse_kl": (shares * np.log(K * shares)).sum(),
        "reverse_kl_floor": mean_of_kl(m, [1 / K] * K),
        "reverse_kl_undefined": m == 0,
        "collapsed": one_mode or collapse(generated, real),
    }


@pytest.mark.slow
def test_metrics_of_points_by_the_text(generated):
    columns = score(generated, make_reference(make_spec(), N))
    expected = of_points(generated)
    assert {name for name in columns if not name.startswith("null.")} - set(expected) <= {"score", "score_undefined"}
    assert {name: columns[name] for name in expected} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-5, abs=1e-7
    )


GRID = [(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]


def toy(name, n, rng, stratified):
    """Return n points of a toy by the text of docs/datasets.md, at its defaults."""
    name = "8gaussians" if name == "shifted" else name
    strata, cos, sin = torch.arange(n), torch.cos, torch.sin
    sd, scale = (DATASETS[name].hyper.get(key) for key in ("sd", "scale"))
    if name in ("8gaussians", "8gaussians-wide", "25gaussians"):
        centres = torch.tensor(GRID if name == "25gaussians" else [(2 * math.cos(a), 2 * math.sin(a)) for a in EIGHTHS])
        i = strata % len(centres) if stratified else torch.randint(len(centres), (n,), generator=rng)
        return (centres[i] + sd * torch.randn(n, 2, generator=rng)) / scale
    if name == "gaussian" and not stratified:
        return sd * torch.randn(n, 2, generator=rng) / scale
    u = torch.rand(n, generator=rng)
    u = (strata + u) / n if stratified else u
    if name == "parallel-lines":
        return torch.stack([torch.full((n,), 0.5), u], 1)
    if name == "ring":
        r, a = 1 + sd * torch.randn(n, generator=rng), 2 * math.pi * u
        return torch.stack([r * cos(a), r * sin(a)], 1) / scale
    if name == "gaussian":
        r, a = (-2 * torch.log(1 - u)).sqrt(), 2 * math.pi * torch.rand(n, generator=rng)
        return sd * torch.stack([r * cos(a), r * sin(a)], 1) / scale
    if name == "swissroll":
        t = 1.5 * math.pi * (1 + 2 * u)
        points = torch.stack([t * cos(t), t * sin(t)], 1)
    else:
        upper, a = (strata % 2 == 0) if stratified else torch.rand(n, generator=rng) < 0.5, math.pi * u
        points = torch.where(
            upper[:, None], torch.stack([cos(a), sin(a)], 1), torch.stack([1 - cos(a), 0.5 - sin(a)], 1)
        )
    return (points + sd * torch.randn(n, 2, generator=rng)) / scale


EIGHTHS = [2 * math.pi * i / 8 for i in range(8)]
TOYS = [name for name, dataset in DATASETS.items() if dataset.kind == "toys" and dataset.points is None]


@pytest.mark.parametrize("stratified", [False, True])
@pytest.mark.parametrize("name", TOYS)
def test_toys_by_the_text(name, stratified):
    settings = {**DATASETS[name].setup, **DATASETS[name].hyper}
    draw = DATASETS[name].reference if stratified else DATASETS[name].sample
    expected = toy(name, 50, address(1, "floor"), stratified)
    torch.testing.assert_close(draw(50, address(1, "floor"), settings), expected, rtol=1e-5, atol=1e-5)


def test_generated_samples_come_from_the_latents_of_the_text():
    outcome = train([make_spec("nsgan", seed=3, steps=1)], at=[1], samples=2500)[0]
    weights, latent = outcome.weights["generator"], make_spec().setup.generator["latent"]
    h = torch.randn(1, 2500, latent, generator=address(3, "score"))[0].numpy()
    layers = sorted({int(name.split(".")[0]) for name in weights})
    for place, layer in enumerate(layers):
        h = h @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        h = np.maximum(h, 0) if place < len(layers) - 1 else h
    np.testing.assert_allclose(outcome.snapshots[1]["generated"], h, atol=1e-5)


DIGITS = DATASETS["digits"]


def blocks(shown):
    """Features [n, 16], and scores of ten classes that differ and are sure of some."""
    features = torch.nn.functional.avg_pool2d(shown.float(), 4).flatten(1) / 64
    return features, 4 * features[:, :10]


@pytest.fixture
def judged(monkeypatch):
    ready = Ready(blocks, 0.25, {})
    kind = ExtractorKind(1, lambda shown: ready, lambda shown: "", "means of blocks", lambda weights: ready, True)
    monkeypatch.setattr(extractors, "EXTRACTORS", {"classifier": kind, "rotations": kind})
    monkeypatch.setattr(image_metrics, "WEAK_MODES", 0.0)  # it finds two classes of ten
    extractors._built.cache_clear()
    yield
    extractors._built.cache_clear()


def fid(x, y):
    a, b = np.cov(x.T), np.cov(y.T)
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * sqrtm(a @ b).real)


def kid(x, y):
    size, rng, values = min(1000, len(x) // 2), np.random.RandomState(2020), []
    for _ in range(50):
        a = x[rng.choice(len(x), size, replace=False)]
        b = y[rng.choice(len(y), size, replace=False)]
        aa, ab, bb = (((p @ q.T) / x.shape[1] + 1) ** 3 for p, q in ((a, a), (a, b), (b, b)))
        within = (aa.sum() - np.trace(aa) + bb.sum() - np.trace(bb)) / (size * (size - 1))
        values.append(within - 2 * ab.mean())
    return np.mean(values)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def cmmd(x, y):
    x, y = unit(x), unit(y)
    xx, xy, yy = (np.exp(-(distances(a, b) ** 2) / 200).mean() for a, b in ((x, x), (x, y), (y, y)))
    return 1000 * (xx + yy - 2 * xy)


def vendi(x):
    values = np.linalg.eigvalsh(unit(x) @ unit(x).T / len(x))
    values = values[values > 1e-12]
    return np.exp(-(values * np.log(values)).sum())


def authpct(x, train):
    between, own = distances(x, train), distances(train, train)
    np.fill_diagonal(own, np.inf)
    return 100 * (between.min(1) > own.min(1)[between.argmin(1)]).mean()


def fd_infinity(x, y):
    n, points = len(x), []
    for size in sorted({int(v) for v in np.linspace(max(n // 10, 2 * x.shape[1]), n, 15)}):
        parts = [slice(i * size, (i + 1) * size) for i in range(n // size)]
        points.append((1 / size, np.mean([fid(x[part], y[part]) for part in parts])))
    a = np.array([[1, p] for p, _ in points])
    return np.linalg.lstsq(a, np.array([v for _, v in points]))[0][0]


def softmax(scores):
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def isc(scores):
    p = softmax(scores)[np.random.RandomState(2020).permutation(len(scores))]
    parts = [p[i * len(p) // 10 : (i + 1) * len(p) // 10] for i in range(10)]
    return np.mean([np.exp((part * np.log(part / part.mean(0))).sum(1).mean()) for part in parts])


def shares_of(scores):
    return np.bincount(scores.argmax(1), minlength=10) / len(scores)


def class_kl(scores, expected):
    shares = shares_of(scores)
    return sum(p * math.log(p / q) for p, q in zip(shares, expected, strict=True) if p > 0)


def sure_modes(scores):
    p = softmax(scores)
    return sum(((p.argmax(1) == c) & (p.max(1) > 0.9)).sum() >= 0.01 * len(p) for c in range(10))


def look(images):
    features, scores = blocks(torch.from_numpy(images))
    return features.double().numpy(), scores.double().numpy()


def of_images(generated, n):
    """Of the text: n images of each; `generated` [N, 1, 16, 16] in bytes."""
    parts = DIGITS.pictures(data_defaults("digits"))
    real = parts.held_out[torch.randperm(len(parts.held_out), generator=address(0, "reference"))[:n]].numpy()
    whole = parts.train.numpy()
    pool = look(whole[np.random.default_rng(0).permutation(len(whole))[:10_000]])[0]
    used = look(whole[np.random.default_rng(0).permutation(len(whole))[:n]])[0]
    (ours, our_scores), (held, held_scores) = look(generated[:n]), look(real)
    orders = [np.random.default_rng(k).permutation(len(held)) for k in range(5)]
    draws = [pool[np.random.default_rng(k).permutation(len(pool))[:n]] for k in range(5)]
    columns = {
        f"fid[classifier]@{n // 2}": fid(ours[: n // 2], held[: n // 2]),
        f"fid[classifier]@{n // 2}_floor": np.mean(
            [fid(held[o[: n // 2]], held[o[n // 2 : n // 2 * 2]]) for o in orders]
        ),
        f"fid_train[classifier]@{n}": fid(ours, used),
        "fid_singular[classifier]": n <= 16,
        f"isc[classifier]@{n}": isc(our_scores),
        f"isc[classifier]@{n}_ceiling": isc(held_scores),
    }
    metrics = {f"fid[classifier]@{n}": fid, f"kid[classifier]@{n}": kid, f"cmmd[classifier]@{n}": cmmd}
    metrics[f"fd_infinity[classifier]@{n}"] = fd_infinity
    for name in ("precision", "recall", "density", "coverage"):
        metrics[f"{name}[classifier,k5]@{n}"] = lambda x, y, name=name: by_neighbours(x, y)[name]
    for name, metric in metrics.items():
        columns |= {name: metric(ours, held), f"{name}_floor": np.mean([metric(x, held) for x in draws])}
    columns |= {f"vendi[classifier]@{n}": vendi(ours), f"vendi[classifier]@{n}_ceiling": vendi(held)}
    columns |= {f"authpct[classifier]@{n}{end}": authpct(x, pool) for end, x in (("", ours), ("_ceiling", held))}
    labels = np.bincount(parts.train_labels.numpy(), minlength=10) + 1
    expected = labels / labels.sum()
    columns |= {"class_kl": class_kl(our_scores, expected), "class_kl_floor": class_kl(held_scores, expected)}
    columns |= {"class_kl_plugin": mean_of_kl(n, expected)}
    columns |= {"modes": sure_modes(our_scores), "modes_ceiling": sure_modes(held_scores)}
    columns |= {f"share[{c}]": share for c, share in enumerate(shares_of(our_scores))}
    ours, real = (x.reshape(len(x), -1) / 255 for x in (generated[:n], real))
    floors = []
    for k in range(5):
        places = torch.randint(len(whole), (n,), generator=address(k, "floor"))
        floors.append(sliced(whole[places].reshape(n, -1) / 255, real))
    columns |= {"sliced_w": sliced(ours, real), "sliced_w_floor": np.mean(floors)}
    return columns | {"collapsed": collapse(generated.reshape(len(generated), -1) / 255, real)}


@pytest.mark.slow
@pytest.mark.usefixtures("judged")
def test_metrics_of_images_by_the_text():
    rng = np.random.default_rng(1)
    shown = DIGITS.pictures(data_defaults("digits")).train.numpy()[:N]
    shown = np.clip(shown + rng.normal(0, 60, shown.shape), 0, 255).astype(np.uint8)
    columns = score(shown, make_reference(make_spec(dataset="digits", architecture="dcgan"), N, ["classifier"]))
    expected = of_images(shown, N)
    assert {name for name in columns if not name.startswith("null.")} - set(expected) <= {
        "score", "score_undefined", "fid_excess", "extractor_error[classifier]", "extractor_weak[classifier]"
    }  # fmt: skip
    assert {name: columns[name] for name in expected} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-4, abs=1e-6
    )
