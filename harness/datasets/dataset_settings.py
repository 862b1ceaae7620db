"""What a suite may set of a data set beside its floats: models, as of architectures, and the kinds of their values."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

MOST = 10**8  # of anything that is counted


def needed(words: str, accepts: Callable[[Any], bool]) -> BeforeValidator:
    """Return a validator whose error completes the sentence "-5 given, ... needed"."""

    def check(value: Any) -> Any:
        if not accepts(value):
            raise PydanticCustomError("needed", "Input should be {words}", {"words": words})
        return tuple(value) if isinstance(value, list) else value  # strict models take no list for a tuple

    return BeforeValidator(check)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def whole(low: int, high: int = MOST) -> BeforeValidator:
    """Return the validator of whole numbers from `low` to `high`."""
    words = f"a whole number from {low} to {high}" if high < MOST else f"a whole number of at least {low}"
    return needed(words, lambda value: _is_whole(value) and low <= value <= high)


def among(*values: int) -> BeforeValidator:
    """Return the validator of a few whole numbers."""
    *most, last = map(str, values)
    return needed(" or ".join([", ".join(most), last]), lambda value: _is_whole(value) and value in values)


def _is_range(value: Any) -> bool:
    return isinstance(value, list | tuple) and list(value) in ([-1, 1], [0, 1])


def _are_digits(value: Any) -> bool:
    if value is None:
        return True
    good = isinstance(value, list | tuple) and all(_is_whole(item) and 0 <= item <= 9 for item in value)
    return good and 0 < len(value) == len(set(value))


def _settled(classes: Sequence[int] | None) -> tuple[int, ...] | None:
    """Give every choice of classes one form: ascending, and None for all ten."""
    return None if classes is None or len(classes) == 10 else tuple(sorted(classes))


Count = Annotated[int, whole(1)]
Side = Annotated[int, whole(8, 512)]
Range = Annotated[tuple[int, int], needed("[-1, 1] or [0, 1]", _is_range)]
Classes = Annotated[
    tuple[int, ...] | None, needed("a list of different classes from 0 to 9", _are_digits), AfterValidator(_settled)
]


class NoSettings(BaseModel):
    """Nothing but floats can be set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModesSettings(NoSettings):
    """A mixture has a number of modes."""

    n_modes: Count = 8


class PictureSettings(NoSettings):
    """Every set of images is shown to networks in a range of values."""

    range: Range = (-1, 1)
