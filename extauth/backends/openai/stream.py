"""Streamed answers of the OpenAI API: chunks to deltas.

Usage comes in the last chunk, or in every one of them, and is cumulative then. `[DONE]` ends a
stream where the server sends it; an answer is complete when its choices have ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extauth.backends.backend import is_events
from extauth.backends.openai.answer import (
    check_index,
    details_of,
    made_id,
    usage_delta,
    whole_answer,
)
from extauth.backends.openai.failure import stream_failure
from extauth.backends.openai.shapes import COMPLETION, is_error, malformed, read_answer, read_reason
from extauth.backends.sse import EventStream
from extauth.errors import AnsweredError, BackendError
from extauth.types import Delta
from extauth.types.answer import CalledTool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.backends.openai.shapes import CompletionChoice, ToolPiece

_DONE: Final = b"[DONE]"
_MOST_CALLS: Final = 128
"""Tool calls of one choice, so that no server can fill the memory with them."""


class _Calls:
    """The tool calls of one choice: known by index, by id, or else as the one that goes on."""

    __slots__ = ("_ids", "_last", "_places")

    def __init__(self) -> None:
        self._places: dict[int, int] = {}
        self._ids: dict[str, int] = {}
        self._last = -1

    def piece(self, piece: ToolPiece) -> CalledTool:
        """Return the piece with its place among the calls; id and name with the first one."""
        function = piece.function
        name = function.name if function else None
        arguments = (function.arguments if function else None) or ""
        place = self._place(piece, begins=bool(name))
        if place is not None:
            return CalledTool(place, arguments)
        place = self._last = self._last + 1
        if not name or place >= _MOST_CALLS:
            raise malformed()
        self._places[place if piece.index is None else piece.index] = place
        if piece.id:
            self._ids[piece.id] = place
        return CalledTool(place, arguments, piece.id or made_id(), name)

    def _place(self, piece: ToolPiece, *, begins: bool) -> int | None:
        """Return the place of the call that goes on; None when another one begins."""
        if piece.index is not None:
            return self._places.get(piece.index)
        if piece.id:
            return self._ids.get(piece.id)
        return None if begins or self._last < 0 else self._last


class StreamReader:
    """Reads a stream, or the plain answer of a server that failed before it began one."""

    def __init__(self, *, choices: int) -> None:
        self._choices = choices
        self._ended: set[int] = set()
        self._calls: dict[int, _Calls] = {}
        self._events = EventStream()
        self._body = bytearray()
        self._status = 200
        self._headers: Mapping[str, str] = {}
        self._streams = False
        self._done = False
        self._failure: AnsweredError | None = None

    def start(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take status and headers; see `AnswerReader.start`."""
        self._status = status
        self._headers = headers
        self._streams = status == 200 and is_events(headers)
        return self._streams

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """Return the deltas that are complete; see `AnswerReader.decode`."""
        if self._failure is not None:
            raise self._failure
        found: list[Delta] = []
        try:
            if self._streams:
                for data in self._events.feed(chunk):
                    self._read(data, found)
            else:
                self._body += chunk
                if end:
                    whole_answer(self._status, self._headers, bytes(self._body), COMPLETION)
                    raise BackendError("The model server answers at once, and not by a stream.")
        except AnsweredError as error:
            if not found:
                raise
            self._failure = error
        return found

    def finish(self) -> None:
        """Raise the failure that is still to be told."""
        if self._failure is not None:
            raise self._failure

    def _read(self, data: bytes, found: list[Delta]) -> None:
        # Whatever follows the end is not part of the answer.
        if self._done:
            return
        if data == _DONE:
            self._done = True
            return
        chunk = read_answer(data, COMPLETION)
        if is_error(chunk.error):
            raise stream_failure(bytes(chunk.error))
        found.extend(self._delta(choice) for choice in chunk.choices or ())
        if chunk.usage is not None:
            found.append(usage_delta(chunk.usage))

    def _delta(self, choice: CompletionChoice) -> Delta:
        index, said = choice.index, choice.said
        check_index(index, self._choices)
        text = said.content or ""
        calls = []
        if said.tool_calls:
            known = self._calls.setdefault(index, _Calls())
            calls = [known.piece(piece) for piece in said.tool_calls]
        details = details_of(said, calls, choice.logprobs)
        reason = read_reason(choice.finish_reason)
        if index in self._ended and (text or details is not None):
            raise BackendError("The model's answer goes on after its end.")
        if reason is not None:
            if index in self._ended:
                reason = None
            self._ended.add(index)
        return Delta(index, text, reason, details=details)
