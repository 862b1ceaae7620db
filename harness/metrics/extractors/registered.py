"""Extractors for torch-fidelity's own functions and command, under a name of your choice."""

import torch
from torch import Tensor

from harness.datasets.torchvision_repair import mend
from harness.errors import lookup
from harness.metrics.extractors import Extractor


def register(name: str, extractor: Extractor) -> None:
    """Let `torch_fidelity.calculate_metrics(feature_extractor=name)` see uint8 images with an extractor.

    Its layers are `features`, those that the harness compares, and, where it tells classes, `scores`. Raises
    ValueError where the name is taken.
    """
    mend()
    from torch_fidelity import register_feature_extractor
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase

    class Registered(FeatureExtractorBase):  # type: ignore[misc]
        """The extractor, as torch-fidelity takes one."""

        def __init__(self, name: str, features_list: list[str], **kwargs: object) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features", "scores")

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "scores" if metric == "isc" else "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        @staticmethod
        def get_dummy_input_for_compile() -> Tensor:
            return torch.zeros(0)  # never asked for: it is not compiled

        def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
            with torch.no_grad():
                features, scores = extractor.ready.look(pictures)
            layers = {"features": features} if scores is None else {"features": features, "scores": scores}
            return tuple(lookup(layers, layer, "layer of this extractor") for layer in self.features_list)

    register_feature_extractor(name, Registered)
