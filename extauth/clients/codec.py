"""The two halves of a client API: a request read once, its answer written piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.errors import AnsweredError
    from extauth.types import Delta, Usage
    from extauth.types.call import Call


class Codec(Protocol):
    """A request as its client wrote it: the neutral call, and the form of the answer to it."""

    @property
    def call(self) -> Call:
        """The request, neutral."""

    def writer(self, *, model_label: str, request_id: str, created: int) -> AnswerWriter:
        """Return the writer of the answer. `created` is Unix seconds."""


class AnswerWriter(Protocol):
    """Writes one answer in the API's form.

    `encode` as often as there are deltas, then `finish`; `error` at any time instead. Not to be
    shared between requests.
    """

    content_type: str
    """Of the answer; fixed once something was encoded."""

    headers: tuple[tuple[str, str], ...]
    """Others of the answer; complete after `finish`, fixed from the start when streaming."""

    streaming: bool
    """True if the client gets events. Otherwise everything comes out of `finish`."""

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Return bytes for the client; none while a plain answer is collected.

        The deltas of one choice may be cut otherwise than they were read.
        """

    def finish(self, usage: Usage) -> bytes:
        """Return the rest of the answer.

        Raises BackendError when a choice never finished, InvalidRequest when the answer is not
        the one that the client asked for.
        """

    def error(self, error: AnsweredError) -> bytes:
        """Return a failure in the API's shape: an event when streaming, else a whole body."""
