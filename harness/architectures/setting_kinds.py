"""Kinds of values that the settings of several architectures share."""

from typing import Annotated, Literal

from pydantic import Field

Size = Annotated[int, Field(ge=1, le=65536)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Init = Literal["he", "default", "dcgan"] | dict[Literal["normal"], Positive]
Output = Literal["linear", "tanh", "sigmoid"]
