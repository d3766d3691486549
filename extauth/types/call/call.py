"""An inference request, whichever API the client speaks and whichever server will answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.types.facts import Parameters, PartFacts
from extauth.types.request import ModelReference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from extauth.types.facts import Source

    Decode = Callable[[Sequence[int]], str]
    """Turns token ids into text; raises InvalidRequest when one is not the model's."""

Ask = tuple[str, str]
"""A capability, by its name in `backends.capabilities`, and the field that asks for it."""

NOTHING = PartFacts()


class Sampling(msgspec.Struct, frozen=True):
    """The sampling parameters that all text generation has; None where the client gave none."""

    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


class Call(msgspec.Struct, frozen=True):
    """A parsed request. Immutable; `texts`, `sources` and `turns` go together, one for one.

    `reference` is the model as the client named it, `parameters` what a policy may look at. `asks`
    are what the request needs beyond plain text, in the order of its fields.
    """

    reference: ModelReference
    parameters: Parameters
    asks: tuple[Ask, ...]

    @property
    def stops(self) -> Sequence[str]:
        """The strings that end an answer and are not in it."""
        return ()

    @property
    def parts(self) -> PartFacts:
        """The parts that nobody here can search."""
        return NOTHING

    @property
    def given_ids(self) -> int:
        """The number of token ids that the model is given as they are, in place of text."""
        return 0

    def decoded(self, _: Decode) -> Self:
        """Return the call with token ids as text; itself when it has none. Raises as `Decode`."""
        return self

    def texts(self) -> list[str]:
        """Return every string of the client that reaches the model, in a fixed order."""
        raise NotImplementedError

    def sources(self) -> list[Source]:
        """Return where each text comes from; the user, as far as an API does not tell."""
        return ["user"] * len(self.texts())

    def turns(self) -> list[int | None]:
        """Return the turn of each text, 0 the oldest; None for what must stay."""
        return [None] * len(self.texts())

    def without(self, _: int) -> Self:
        """Return the call without so many of its oldest turns."""
        return self

    def replace(self, texts: Sequence[str]) -> Self:
        """Return the call with those strings in place of its texts, one for one."""
        raise NotImplementedError
