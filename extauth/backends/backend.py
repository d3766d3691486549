"""The interface of every kind of model server to the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.settings import Model
    from extauth.types import Delta, Operation
    from extauth.types.call import Call

REPLACED_HEADERS = (
    "accept-encoding",
    "content-length",
    "content-type",
    "inference-header-content-length",
)
"""Request headers that describe the client's body, not ours, or ask for an answer that the gateway
could not read. They are dropped before `UpstreamRequest.headers` are set."""


CERTIFICATE_NOT_VERIFIED = "The certificate of the model server can't be verified."
"""Envoy's own answer, as this gateway words it, where TLS to a model server fails for that."""


class UpstreamRequest(msgspec.Struct, frozen=True):
    """A POST to a model server.

    `headers` are set after those of `REPLACED_HEADERS` are dropped. With `streams` the answer may
    take as long as it has something to say.
    """

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    streams: bool = False


class Backend(Protocol):
    """Speaks to one model server. Safe to share: what belongs to a request is in its reader."""

    def capabilities(self, model: Model) -> frozenset[str]:
        """Return what it can do for a model beyond plain text, by the names of `capabilities`."""

    def request(
        self,
        call: Call,
        model: Model,
        version: str,
        prompts: Sequence[str],
        max_tokens: int | None,
    ) -> UpstreamRequest:
        """Write a request. `prompts` is what the model was counted to read.

        `max_tokens` is the bound on each choice, whatever the client said; None sends none.
        """

    def reader(self, call: Call) -> AnswerReader:
        """Return the reader of the answer to `call`."""

    def metadata_path(self, operation: Operation, model: str, version: str) -> str | None:
        """Return the path of KServe's metadata of a model; None where the server has none."""


class AnswerReader(Protocol):
    """Reads one answer: `start`, then `decode` a chunk, then `finish`. Not to be shared."""

    def start(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take status and headers, their names in lower case; True when the body is a stream."""

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """Return the deltas that `chunk` completes; `end` when it is the last one.

        Raises BackendError, BackendUnavailable, BackendTimeout or, when the server refused what
        the client wrote, InvalidRequest. Deltas ahead of a failure are returned first: then the
        next `decode` or `finish` raises it.
        """

    def finish(self) -> None:
        """Raise the failure that is still to be told."""


class WholeReader:
    """Base of the readers of answers that come at once: what came is read at the end."""

    def __init__(self) -> None:
        self._status = 200
        self._headers: Mapping[str, str] = {}
        self._body = bytearray()

    def start(self, status: int, headers: Mapping[str, str]) -> bool:
        """Take status and headers. The answer is not a stream."""
        self._status = status
        self._headers = headers
        return False

    def decode(self, chunk: bytes, end: bool) -> list[Delta]:
        """Return all deltas at the end; see `AnswerReader.decode`."""
        self._body += chunk
        if not end:
            return []
        body = bytes(self._body)
        self._body.clear()
        return self._read(self._status, self._headers, body)

    def finish(self) -> None:
        """Raise nothing: what is wrong was told at the end."""

    def _read(self, status: int, headers: Mapping[str, str], body: bytes) -> list[Delta]:
        raise NotImplementedError


def is_events(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer says that it is a stream of events."""
    return headers.get("content-type", "").lower().startswith("text/event-stream")
