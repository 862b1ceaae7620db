"""A small convolutional network that tells images apart: what our own extractors are."""

import torch
from torch import Tensor, nn

from harness.architectures.initial import draw_weights
from harness.datasets.images import to_values

WIDTHS = (32, 64, 128)  # channels of the stages; the last stays
FEATURES = 64
LARGE = 20  # pixels: larger images are halved by convolutions of stride 2, others by pooling after convolutions
SMALLEST, SMALLEST_LARGE = 7, 4  # pixels: from there on nothing is halved

Shape = tuple[int, int, int]


class PictureNet(nn.Module):
    """Stages of convolution, batch norm, ReLU and pooling, then features [n, 64] and scores [n, k] of k classes.

    Takes uint8 images [n, c, h, w]. Trained with statistics of its batches; used with their running means
    (`eval`), so that what it says of an image depends on that image alone.
    """

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        side, layers = min(height, width), list[nn.Module]()
        stride, smallest = (2, SMALLEST_LARGE) if side > LARGE else (1, SMALLEST)
        for place in range(16):
            if side <= smallest:
                break
            out = WIDTHS[min(place, len(WIDTHS) - 1)]
            layers += [*_stage(channels, out, stride), *([nn.MaxPool2d(2)] if stride == 1 else [])]
            channels, side = out, side // 2 if stride == 1 else -(-side // 2)
        self.body = nn.Sequential(*layers, *_stage(channels, FEATURES, 1))
        self.head = nn.Linear(FEATURES, classes)

    def features(self, pictures: Tensor) -> Tensor:
        """uint8 [n, c, h, w] -> float32 [n, 64]: the last maps, averaged over places."""
        return self.features_of(to_values(pictures, (-1, 1)))

    def features_of(self, values: Tensor) -> Tensor:
        """The same of values from -1 to 1."""
        features: Tensor = self.body(values).mean((2, 3))
        return features

    def forward(self, values: Tensor) -> Tensor:
        """Values from -1 to 1 [n, c, h, w] -> scores [n, k]."""
        scores: Tensor = self.head(self.features_of(values))
        return scores

    def start(self, generator: torch.Generator) -> None:
        """Draw fresh weights (He et al. 2015)."""
        self.load_state_dict(draw_weights(self, "he", generator), strict=False)


def _stage(channels: int, out: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, out, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(out), nn.ReLU()]
