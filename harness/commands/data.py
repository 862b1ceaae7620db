"""`harness data`: a data set fetched or prepared before a suite needs it, and what it holds."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.commands.export import write_output
from harness.datasets import Dataset, Pictures
from harness.datasets.images import none_held_out
from harness.disk.arrays import npz_bytes
from harness.disk.folders import cache_folder
from harness.errors import DataError, HarnessError, lookup
from harness.hints import quoted, suggestion
from harness.metrics.extractors import EXTRACTORS, TRAINED, defaults, extractor_of, kind_of, known, why_not
from harness.metrics.extractors.kept_features import statistics, take_statistics
from harness.metrics.image_metrics import LOOKED_AT, Reliability, reliability
from harness.plugins.components import tables
from harness.spec import canonical_json
from harness.suite.format.yaml_file import parse_value
from harness.suite.parameters import parameters
from harness.suite.players import parse_setting
from harness.suite.resolve import plain_settings

Settings = dict[str, Any]
SHOWN = 1_000  # points of a sheet


@dataclass(frozen=True)
class Prepared:
    """What a data set holds with its settings; what follows `settings` is of images alone.

    where       its cache; None: in memory, made anew by each process
    extractors  by name how far each is right; None of one that no cache holds
    sheet       a PNG of some of its samples; None where none was written
    features    what an extractor was asked to see, in a sentence; None where none was
    """

    dataset: str
    kind: str
    shape: list[int]
    settings: Settings
    range: Sequence[float] | None = None
    classes: Sequence[str] = ()
    train: int = 0
    held_out: int = 0
    labelled: bool = False
    where: str | None = None
    megabytes: float = 0.0
    extractors: Mapping[str, Reliability | None] | None = None
    sheet: str | None = None
    features: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return what `harness data --json` prints."""
        plain = asdict(self)
        return (
            plain
            if self.range is not None
            else {name: plain[name] for name in ("dataset", "kind", "shape", "settings", "sheet")}
        )


def prepare(
    name: str,
    sets: Sequence[str],
    extractors: bool = False,
    source: str | None = None,
    output: str | None = None,
    features: str | None = None,
    imported: str | None = None,
) -> Prepared:
    """Fetch what can be fetched, fill the cache, and return what the data set holds with these KEY=VALUE settings.

    With `extractors` the default one is trained where no cache holds it. With a `source` its files are taken from
    wherever they lie below that folder. `output` names the PNG of some of its samples; of images there is one in the
    cache where none is named. `features` names an extractor that looks at its images, for the cache, and for the file
    `output`, then an npz; `imported` is such a file, taken into the cache. Raises HarnessError for settings that do not
    fit, DataError where the data cannot be had.
    """
    entry = lookup(tables().dataset, name, "data set")
    suffix = ".png" if features is None else ".npz"
    if output is not None and Path(output).suffix.lower() != suffix:
        raise HarnessError(f"-o {output}: a file that ends in {suffix} is needed")
    if (features or imported) and entry.pictures is None:
        raise HarnessError(
            f"{'--features' if features else '--import'}: extractors look at images, and {name} has none"
        )
    sets = [*sets, *_taken(name, entry, source)]
    settings = _settings(name, entry, sets)
    shape = list(entry.shape(settings))
    if entry.pictures is None:
        return Prepared(name, entry.kind, shape, settings, sheet=_point_sheet(name, entry, settings, output))
    if entry.fetch is not None:
        entry.fetch()
    pictures = entry.pictures(settings)
    where = entry.where(settings) if entry.where is not None else None
    return Prepared(
        dataset=name,
        kind=entry.kind,
        shape=shape,
        settings=settings,
        range=settings["range"],
        classes=list(pictures.classes),
        train=len(pictures.train),
        held_out=0 if none_held_out(settings) else len(pictures.held_out),
        labelled=pictures.train_labels is not None,
        where=str(where) if where is not None and where.exists() else None,
        megabytes=round(sum({part.data_ptr(): part.numel() for part in pictures[:2]}.values()) / 1e6, 1),
        extractors=_extractors(name, settings, pictures) if extractors else {},
        sheet=_image_sheet(name, settings, pictures, None if features else output),
        features=_features(name, settings, pictures, features, output, imported),
    )


def _features(
    name: str, settings: Settings, pictures: Pictures, extractor: str | None, output: str | None, imported: str | None
) -> str | None:
    """Take what an extractor sees from a file, or look now, and write that; return what was done, in a sentence."""
    texts = []
    if imported is not None:
        by, new = take_statistics(Path(imported), name, settings)
        texts.append(f"{new:,} images looked at by {by} taken from {imported}")
    if extractor is not None:
        if kind_of(extractor) is None:
            raise HarnessError(f"--features: unknown extractor {quoted(extractor)}.{suggestion(extractor, EXTRACTORS)}")
        if why := why_not(extractor, pictures):
            raise DataError(f"--features: '{extractor}' cannot look at '{name}': {why}.")
        arrays = statistics(extractor, name, settings, LOOKED_AT)
        n, k = arrays["features"].shape
        texts.append(f"{k:,} of each of {n:,} images by {extractor}")
        if output is not None:
            write_output(Path(output), npz_bytes(arrays))
            texts[-1] += f", written to {output}"
    return "; ".join(texts) or None


def _taken(name: str, entry: Dataset, source: str | None) -> list[str]:
    """Take a data set's files from a folder; of one that reads a file or folder return the setting that names it."""
    if source is None:
        return []
    if entry.take is not None:
        entry.take(os.path.abspath(os.path.expanduser(source)))
        return []
    if len(entry.files) != 1:
        raise HarnessError(f"--from {source}: {name} is not taken from files; leave it out")
    return [f"{key}={source}" for key in entry.files]


def _image_sheet(name: str, settings: Settings, pictures: Pictures, output: str | None) -> str | None:
    """Write a sheet of images of both parts; return where. One that nobody named is done without where it fails."""
    from harness.report.figures.data_sheet import image_sheet

    parts = {f"{len(pictures.train):,} to train on": pictures.train.numpy()}
    parts |= {} if none_held_out(settings) else {f"{len(pictures.held_out):,} held out": pictures.held_out.numpy()}
    content = image_sheet(name, parts)
    if output is not None:
        write_output(Path(output), content)
        return output
    file = cache_folder() / "sheets" / f"{name}.png"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_output(file, content)
    except (OSError, HarnessError):
        return None
    return str(file)


def _point_sheet(name: str, entry: Dataset, settings: Settings, output: str | None) -> str | None:
    """Write a sheet of points of the plane where a file is named; return it. Raises HarnessError for other points."""
    import torch

    from harness.report.figures.data_sheet import point_sheet

    if output is None:
        return None
    points = entry.sample(SHOWN, torch.Generator().manual_seed(0), settings)
    if points.shape[1:] != (2,):
        raise HarnessError(
            f"-o: a sheet shows images or points of the plane; {name} has shape {list(points.shape[1:])}"
        )
    write_output(Path(output), point_sheet(f"{len(points):,} samples of {name}", points.double().numpy()))
    return output


def _extractors(name: str, settings: Settings, pictures: Pictures) -> dict[str, Reliability | None]:
    default = defaults(pictures)
    others = [x for x in TRAINED if x not in default and not why_not(x, pictures)]
    ready = {x: extractor_of(x, name, settings) for x in default} | {x: known(x, name, settings) for x in others}
    return {x: reliability(extractor, pictures) if extractor is not None else None for x, extractor in ready.items()}


def render(data: Prepared) -> str:
    """Return that as lines."""
    settings = ", ".join(f"{key} {value}" for key, value in data.settings.items() if value is not None)
    lines = {"samples": " x ".join(map(str, data.shape)), "settings": settings or "none"}
    if data.range is None:
        lines["drawn"] = "while a run trains; nothing is to be prepared"
    else:
        classes, held_out = data.classes, f"{data.held_out:,}" if data.held_out else "none"
        names = ", ".join(classes) if len(classes) <= 10 else f"{classes[0]} to {classes[-1]}"
        lines |= {
            "range": "{} to {}".format(*data.range),
            "images": f"{data.train:,} to train on, {held_out} held out; {data.megabytes:,} MB",
            "classes": f"{len(classes):,}: {names}" if classes else "not labelled",
            "kept in": data.where or "memory, made anew by each process",
        }
    if data.sheet is not None:
        lines["sheet"] = data.sheet
    if data.features is not None:
        lines["features"] = data.features
    texts = [f"{name:<9} {value}" for name, value in lines.items()]
    for name, report in (data.extractors or {}).items():
        texts.append(
            f"{'extractor' if len(texts) == len(lines) else '':<9} {name}: {_reliability_text(report, data.held_out)}"
        )
    return "\n  ".join([data.dataset, *texts])


def _reliability_text(right: Reliability | None, held_out: int) -> str:
    if right is None:
        return "not trained; a suite that names it in score.extractors trains it"
    if right.modes is None:
        images = "held-out images" if held_out else "training images"
        return f"wrong on {100 * right.error:.2f} % of quarter turns of the {images}"
    return (
        f"wrong on {100 * right.error:.2f} % of the held-out images, sees {right.modes:.0f} of "
        f"{right.modes_possible:.0f} classes in them{'; too weak for modes and class_kl' if right.weak else ''}"
    )


def _settings(name: str, entry: Dataset, sets: Sequence[str]) -> Settings:
    """Return what a Setup would hold of the data set, and its floats."""
    given, file = dict(_setting(entry, text) for text in sets), Settings()
    for key, read in entry.files.items():
        if key not in given:
            raise DataError(f"{name} reads a {key}: name it with --set {key}=PATH.")
        file |= dict(read(_absolute(given.pop(key))))
    floats = {key: given.pop(key, default) for key, default in entry.hyper.items()}
    return {**plain_settings(entry.model, canonical_json(given)), **file, **floats}


def _absolute(path: Any) -> Any:
    return (
        [_absolute(one) for one in path] if isinstance(path, list) else os.path.abspath(os.path.expanduser(str(path)))
    )


def _setting(entry: Dataset, text: str) -> tuple[str, Any]:
    text = text.removeprefix("dataset.")
    known = {key: kinds for key, kinds in parameters("dataset", entry, {}).items() if key != "fixed"}
    key, equals, written = text.partition("=")
    if key in entry.files and equals:
        return key, parse_value(written, f"--set {text[:60]}") if written.startswith("[") else written
    return parse_setting(text, known, "size=32")
