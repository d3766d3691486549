"""Answers that are known without the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.types import Delta, Operation, Usage

if TYPE_CHECKING:
    from extauth.gateway.runtime import Draft


class Answered(msgspec.Struct, frozen=True):
    """An answer in the place of the model's, and the usage that is charged and told for it."""

    deltas: tuple[Delta, ...]
    usage: Usage


def answered(draft: Draft) -> Answered | None:
    """Return the answer to a request that no model needs to see; None for any other.

    OpenAI's completions may ask for no tokens at all (`max_tokens` is 0), which model servers
    refuse. Nothing is read and nothing written, so nothing is charged but the request.
    """
    if draft.call.target.operation is not Operation.COMPLETIONS or draft.max_tokens > 0:
        return None
    choices = range(draft.call.parameters.n)
    return Answered(tuple([Delta(index, "", "length") for index in choices]), Usage())
