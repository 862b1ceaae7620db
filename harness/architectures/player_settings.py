"""What a suite may set for a player of any architecture."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

Size = Annotated[int, Field(ge=1, le=65536)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Init = Literal["he", "default", "dcgan"] | dict[Literal["normal"], Positive]
Output = Literal["linear", "tanh", "sigmoid"]
Activation = Literal["relu", "leaky_relu", "tanh", "softplus", "elu", "sigmoid", "scaled_softplus", "gated"]
Norm = Literal["none", "batch", "layer", "instance"]
CriticNorm = Literal["none", "batch", "layer", "instance", "spectral", "auto"]


class Player(BaseModel):
    """The settings of one player. One network has one address: equal networks have equal settings.

    `LATER` names settings that were added later: at their default they are not part of an address.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    LATER: ClassVar[frozenset[str]] = frozenset()

    def unread(self) -> dict[str, object]:
        """Return the one value of every setting that this network does not depend on."""
        return {}

    @model_validator(mode="after")
    def _settle(self) -> Self:
        self.__dict__.update(self.unread())
        return self

    @model_serializer(mode="wrap")
    def _address(self, dump: SerializerFunctionWrapHandler) -> dict[str, object]:
        settings: dict[str, object] = dump(self)
        fields = type(self).model_fields
        return {key: value for key, value in settings.items() if key not in self.LATER or value != fields[key].default}
