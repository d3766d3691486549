"""Tensors for a model, as the Open Inference Protocol has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.types.call.call import Call
from extauth.types.call.strings import Replacer
from extauth.types.call.tensors import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

PARAMETERS = frozenset(
    {
        "max_tokens",
        "stream",
        "stop",
        "temperature",
        "top_p",
        "n",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    }
)
"""Input tensors that say how to generate, and hold no prompt."""


class WantedOutput(msgspec.Struct, frozen=True):
    """An output that the client asks for; `binary` None leaves the form to the server."""

    name: str
    binary: bool | None = None


class Infer(Call, frozen=True):
    """Input tensors, and the outputs that are wanted; None for all.

    `binary` says whether outputs without a wish of their own come as bytes.
    """

    tensors: list[Tensor]
    outputs: list[WantedOutput] | None = None
    binary: bool | None = None

    @property
    def stops(self) -> Sequence[str]:
        """The elements of the tensor of that name."""
        return [
            text for tensor in self.tensors if tensor.name == "stop" for text in tensor.texts or ()
        ]

    @property
    def given_ids(self) -> int:
        """The elements of the largest tensor of whole numbers, where there is no text.

        As many are beside it in the attention mask, and in what else a model reads with ids.
        """
        if self.prompts():
            return 0
        sizes = (tensor.size for tensor in self.tensors if _holds_ids(tensor))
        return max(sizes, default=0)

    def prompts(self) -> list[str]:
        """Return the elements of every BYTES tensor but the stop strings."""
        return prompts_of(self.tensors)

    def texts(self) -> list[str]:
        """Return the elements of every BYTES tensor."""
        return [text for tensor in self.tensors for text in tensor.texts or ()]

    def replace(self, texts: Sequence[str]) -> Self:
        """Return the same tensors with other elements; their lengths are computed anew."""
        change = Replacer(texts)
        tensors = [tensor.changed(change) for tensor in self.tensors]
        change.done()
        return msgspec.structs.replace(self, tensors=tensors)


def prompts_of(tensors: Sequence[Tensor]) -> list[str]:
    """Return the elements of every BYTES tensor but the stop strings."""
    return [text for tensor in tensors if tensor.name != "stop" for text in tensor.texts or ()]


def _holds_ids(tensor: Tensor) -> bool:
    return "INT" in tensor.datatype and tensor.name not in PARAMETERS
