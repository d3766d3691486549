"""The parameters of text generation, held to their ranges while they are read."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.types.call import Ask

INT32_MAX: Final = 2**31 - 1

# Ranges of the OpenAI API, and of the tensors behind it where that sets none.
MaxTokens = Annotated[int, Meta(ge=1, le=INT32_MAX)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(ge=0, le=1)]
Choices = Annotated[int, Meta(ge=1, le=128)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
StopString = Annotated[str, Meta(min_length=1)]
StopStrings = Annotated[list[StopString], Meta(max_length=4)]
Stop = StopString | StopStrings


class CheckedSampling(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The sampling parameters that the OpenAI API and Triton's models name alike."""

    temperature: Temperature | None = None
    top_p: TopP | None = None
    n: Choices | None = None
    stop: Stop | None = None
    seed: Seed | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings, however they were given."""
        if isinstance(self.stop, str):
            return (self.stop,)
        return tuple(self.stop or ())


class Harmless:
    """Parameters that not every server has, each with the values that ask for nothing.

    A parameter is the capability of the same name. Null asks for nothing.
    """

    __slots__ = ("_none", "_values", "parameters")

    def __init__(self, parameters: Mapping[str, tuple[Any, ...]]) -> None:
        self.parameters = parameters
        self._values = attrgetter(*parameters)
        self._none = (None,) * len(parameters)

    def asked(self, body: object) -> list[Ask]:
        """Return the parameters with a value that changes the answer, in their order."""
        values = self._values(body)
        # As most requests are.
        if values == self._none:
            return []
        return [
            (name, name)
            for (name, harmless), value in zip(self.parameters.items(), values, strict=True)
            if value is not None and value not in harmless
        ]


SAMPLING: Final = Harmless(
    {
        "n": (1,),
        "stop": ([],),
        "seed": (),
        "presence_penalty": (0,),
        "frequency_penalty": (0,),
    }
)
