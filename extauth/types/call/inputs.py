"""Texts as they are: a prompt to complete, inputs to embed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.types.call.call import Call, Sampling
from extauth.types.call.strings import Replacer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from extauth.types.call.call import Decode

Item = str | tuple[int, ...]
"""A text, or token ids of the model's own tokenizer."""


class CompletionOptions(Sampling, frozen=True):
    """The parameters of a completion that are not text; None where the client gave none."""

    logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    echo: bool | None = None


class Completion(Call, frozen=True):
    """A prompt that the model goes on with, as it is.

    `suffix` is what comes behind the answer. With `outputs` the client reads the model's outputs
    by their names, and all of them.
    """

    options: CompletionOptions
    inputs: tuple[Item, ...]
    stop: tuple[str, ...] = ()
    suffix: str | None = None
    outputs: bool = False

    @property
    def stops(self) -> Sequence[str]:
        """The strings that end an answer and are not in it."""
        return self.stop

    def decoded(self, decode: Decode) -> Self:
        """Return the call with token ids as text. Raises as `decode`."""
        return msgspec.structs.replace(self, inputs=_decoded(self.inputs, decode))

    def texts(self) -> list[str]:
        """Return the prompts, the stop strings, then the suffix."""
        texts = [*map(written, self.inputs), *self.stop]
        return texts if self.suffix is None else [*texts, self.suffix]

    def replace(self, texts: Sequence[str]) -> Self:
        """Return the same completion with other texts."""
        change = Replacer(texts)
        inputs = tuple([change("") for _ in self.inputs])
        stop = tuple([change("") for _ in self.stop])
        suffix = None if self.suffix is None else change("")
        change.done()
        return msgspec.structs.replace(self, inputs=inputs, stop=stop, suffix=suffix)


class Embedding(Call, frozen=True):
    """Texts to embed. `dimensions` are those that the client wants a row to have."""

    inputs: tuple[Item, ...]
    dimensions: int | None = None

    def decoded(self, decode: Decode) -> Self:
        """Return the call with token ids as text. Raises as `decode`."""
        return msgspec.structs.replace(self, inputs=_decoded(self.inputs, decode))

    def texts(self) -> list[str]:
        """Return the inputs."""
        return list(map(written, self.inputs))

    def replace(self, texts: Sequence[str]) -> Self:
        """Return the same request with other texts."""
        change = Replacer(texts)
        inputs = tuple([change("") for _ in self.inputs])
        change.done()
        return msgspec.structs.replace(self, inputs=inputs)


def written(item: Item) -> str:
    """Return an input as text: ids that no tokenizer has decoded are written out."""
    return item if isinstance(item, str) else " ".join(map(str, item))


def _decoded(items: tuple[Item, ...], decode: Decode) -> tuple[Item, ...]:
    return tuple([item if isinstance(item, str) else decode(item) for item in items])
