"""What the models of a suite file share: frozen models that know all their keys, optional fields, and seeds."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from harness.suite.format.values import Kind, is_whole

MAX_SEEDS = 10_000


class Strict(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=False)


def described(text: str, **more: Any) -> Any:
    """Return an optional field: None where the file does not say."""
    return Field(default=None, description=text, **more)


class SeedsKind(Kind):
    """A number of seeds, or the list of them."""

    def sentence(self, value: Any) -> str:
        if isinstance(value, list) and all(is_whole(seed) and seed >= 0 for seed in value):
            repeated = sorted({seed for seed in value if value.count(seed) > 1}) if len(value) <= MAX_SEEDS else []
            if repeated:
                return f"seed {repeated[0]} is listed twice; each seed can be trained once."
        return super().sentence(value)


def _are_seeds(value: Any) -> bool:
    if not isinstance(value, list):
        return is_whole(value) and 1 <= value <= MAX_SEEDS
    good = all(is_whole(seed) and 0 <= seed < 2**63 for seed in value)
    return good and 1 <= len(value) <= MAX_SEEDS and len(set(value)) == len(value)


SEEDS = SeedsKind(
    "a number of seeds from 1 to 10,000, or a list of different whole numbers of at least 0",
    _are_seeds,
    {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS},
            {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "minItems": 1,
                "maxItems": MAX_SEEDS,
                "uniqueItems": True,
            },
        ]
    },
)
Seeds = Annotated[Any, SEEDS]


def seed_list(seeds: int | list[int], first: int = 0) -> list[int]:
    """Return the seeds that a list stands for, or a number of them from `first` on."""
    return list(range(first, first + seeds)) if isinstance(seeds, int) else list(seeds)
