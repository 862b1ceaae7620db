"""Data sets: samplers with a shape, and what is known exactly about them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch import Generator, Tensor

from harness.datasets import downloads, image_folder, points, shapes, stacked_digits, toys
from harness.datasets import images as images
from harness.datasets.dataset_settings import ModesSettings, NoSettings
from harness.datasets.digits import DigitsSettings, load_digits
from harness.datasets.images import Pictures, Sizes

__all__ = ["DATASETS", "Dataset", "Pictures", "picture_dataset"]

Sampler = Callable[[int, Generator, Mapping[str, Any]], Tensor]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Dataset:
    """A distribution over samples of one shape.

    kind      "toys" or "images": which recipe and which metrics apply
    shape     settings -> shape of one sample (read: what a Setup holds, never the floats)
    sample    (n, draw, settings) -> [n, *shape]; settings = hyper and setup as a suite resolved them
    reference the same, stratified: what every run of the data set is scored against
    modes     settings -> centres [K, *shape], where it has any; `sd` in settings is their spread before `scale`
    fake      what a fixed generator draws, where the data set names one (else the untrained network)
    points    settings -> all its samples [n, *shape], where there are so many and no more: training reads them in
              shuffled passes, and they are the target distribution
    pictures  settings -> its Pictures, in uint8; for kind "images". Training reads the training part in shuffled
              passes, `sample` draws from it, and `reference` is held out. Raises DataError where they are not there
    counted   settings -> how many pictures it has, where that is known without drawing them
    fetch     downloads it, where it is one of those; only `harness data` does. Raises DataError where that fails
    where     settings -> the file or folder of its pictures, where they are kept in one
    file      path -> settings, where a suite must name a file: its content and what follows from it, never its path;
              `file_key` is the key that names it
    reading   path -> how much is read there and what is skipped, in a phrase
    hyper     floats a suite may sweep within one stack     model   everything else it may set: what fixes a stack
    Every data set without `points` also takes `fixed: n`: n points drawn once and shared by all seeds, or the first n
    training pictures.
    """

    version: int
    kind: str
    shape: Callable[[Mapping[str, Any]], Shape]
    sample: Sampler
    reference: Sampler
    summary: str
    modes: Callable[[Mapping[str, Any]], Tensor] | None = None
    fake: Sampler | None = None
    points: Callable[[Mapping[str, Any]], Tensor] | None = None
    pictures: images.Loader | None = None
    counted: Callable[[Mapping[str, Any]], Sizes] | None = None
    fetch: Callable[[], None] | None = None
    where: Callable[[Mapping[str, Any]], Path | None] | None = None
    file: Callable[[str], Mapping[str, Any]] | None = None
    file_key: str = "file"
    reading: Callable[[str], str] | None = None
    hyper: Mapping[str, float] = field(default_factory=dict)
    positive: frozenset[str] = frozenset({"sd", "scale"})
    model: type[BaseModel] = NoSettings

    @property
    def setup(self) -> dict[str, Any]:
        """What a Setup holds of its settings, those of a file aside, where a suite says nothing."""
        return self.model().model_dump(mode="json")

    def sizes(self, settings: Mapping[str, Any]) -> Sizes:
        """Return how many pictures it has. Raises DataError where they are not there."""
        if self.counted is not None:
            return self.counted(settings)
        assert self.pictures is not None, "of kind images"
        found = self.pictures(settings)
        return Sizes(len(found.train), len(found.held_out))

    def to_values(self, pictures: Tensor, settings: Mapping[str, Any]) -> Tensor:
        """Return uint8 pictures [...] as float32 in the range that the settings have."""
        return images.to_values(pictures, settings["range"])

    def to_uint8(self, values: Tensor, settings: Mapping[str, Any]) -> Tensor:
        """Return values [...] in that range as uint8: clamped and rounded; what `to_values` gave comes back exactly."""
        return images.to_uint8(values, settings["range"])


def picture_dataset(load: images.Loader, **fields: Any) -> Dataset:
    """Return a data set of the pictures that `load` gives for settings; `fields` are further ones of Dataset."""
    kept = images.kept(load)
    sample, reference = partial(images.sample_pictures, kept), partial(images.reference_pictures, kept)
    return Dataset(kind="images", pictures=kept, sample=sample, reference=reference, **fields)


def _downloaded(source: downloads.Download, channels: int, model: type[BaseModel], summary: str) -> Dataset:
    return picture_dataset(
        source.load,
        version=1,
        shape=lambda settings: (channels, settings["size"], settings["size"]),
        model=model,
        fetch=source.fetch,
        where=lambda settings: source.where(),
        summary=summary,
    )


DATASETS: dict[str, Dataset] = {
    "8gaussians": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_8gaussians,
        reference=toys.stratified_8gaussians,
        modes=toys.ring_of_gaussians_modes,
        hyper={"sd": 0.02, "scale": 1.414},
        model=ModesSettings,
        summary="8 Gaussians around a circle of radius 2, sd .02, divided by 1.414",
    ),
    "8gaussians-wide": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_8gaussians,
        reference=toys.stratified_8gaussians,
        modes=toys.ring_of_gaussians_modes,
        hyper={"sd": 0.1, "scale": 1.414},
        model=ModesSettings,
        summary="8gaussians with sd .1, the spread used in teaching",
    ),
    "25gaussians": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_25gaussians,
        reference=toys.stratified_25gaussians,
        modes=toys.grid_modes,
        hyper={"sd": 0.05, "scale": 2.828},
        summary="25 Gaussians on the grid {-4, -2, 0, 2, 4} squared, sd .05, divided by 2.828",
    ),
    "swissroll": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_swissroll,
        reference=toys.stratified_swissroll,
        hyper={"sd": 0.25, "scale": 7.5},
        summary="two coordinates of the Swiss roll with noise of sd .25, divided by 7.5",
    ),
    "two-moons": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_moons,
        reference=toys.stratified_moons,
        hyper={"sd": 0.1, "scale": 1.0},
        summary="two interleaving half circles with noise of sd .1",
    ),
    "gaussian": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_gaussian,
        reference=toys.stratified_gaussian,
        hyper={"sd": 1.0, "scale": 1.0},
        summary="a round normal distribution of sd 1",
    ),
    "ring": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_ring,
        reference=toys.stratified_ring,
        hyper={"sd": 0.1, "scale": 1.0},
        summary="circle of radius 1 with radial noise of sd .1",
    ),
    "parallel-lines": Dataset(
        version=1,
        kind="toys",
        shape=toys.plane,
        sample=toys.sample_lines,
        reference=toys.stratified_lines,
        fake=toys.line_at_zero,
        hyper={"theta": 0.5},
        summary="the line (theta, U[0,1]); with a fixed generator the fakes are the line at 0, at W1 = |theta|",
    ),
    "points": Dataset(
        version=1,
        kind="toys",
        shape=points.shape_of_points,
        sample=points.sample_points,
        reference=points.reference_points,
        points=points.all_points,
        file=points.describe,
        reading=points.reading,
        hyper={"scale": 1.0},
        summary="your own points in any dimension: `file` names a csv, npy or npz file of shape [n, d]",
    ),
    "digits": picture_dataset(
        load_digits,
        version=1,
        shape=lambda settings: (1, settings["size"], settings["size"]),
        model=DigitsSettings,
        summary="scikit-learn's 1,797 handwritten digits, enlarged to 16 or 32 pixels; 1,257 to train on, 540 held out",
    ),
    "stacked-digits": picture_dataset(
        stacked_digits.load_triples,
        version=1,
        shape=lambda settings: (3, settings["size"], settings["size"]),
        counted=stacked_digits.sizes_of_triples,
        model=stacked_digits.StackedSettings,
        summary="three of the digits as the colours of one picture: 1,000 classes",
    ),
    "shapes": picture_dataset(
        shapes.load_shapes,
        version=shapes.VERSION,
        shape=lambda settings: (3, settings["size"], settings["size"]),
        counted=shapes.sizes_of_shapes,
        where=shapes.cached_shapes,
        model=shapes.ShapesSettings,
        summary="up to five shapes (rectangle, triangle, disk, oval, star), drawn here; classes: how many, or which",
    ),
    "mnist": _downloaded(
        downloads.MNIST, 1, downloads.GreySettings, "handwritten digits, 28 pixels; 60,000 and 10,000"
    ),
    "fashion-mnist": _downloaded(
        downloads.FASHION, 1, downloads.GreySettings, "pieces of clothing, 28 pixels, ten classes; 60,000 and 10,000"
    ),
    "cifar10": _downloaded(
        downloads.CIFAR10, 3, downloads.ColourSettings, "colour photographs, 32 pixels, ten classes; 50,000 and 10,000"
    ),
    "folder": picture_dataset(
        image_folder.load_folder,
        version=image_folder.VERSION,
        shape=lambda settings: (settings["channels"], settings["size"], settings["size"]),
        where=image_folder.cached_folder,
        model=image_folder.FolderSettings,
        file=image_folder.describe,
        reading=image_folder.reading,
        file_key="folder",
        summary="your own pictures: `folder` names a folder of them; resized, cropped, 30 % held out",
    ),
}
