"""The errors of a server of the OpenAI API to ours.

None of its words go on: they may repeat what a client wrote, in an answer that nobody searches.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import msgspec

from extauth.backends.backend import CERTIFICATE_NOT_VERIFIED
from extauth.errors import (
    AnsweredError,
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    InvalidRequest,
    RequestTooLarge,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_WAIT: Final = 60.0
_PARAM: Final = re.compile(r"[a-z][a-z0-9_.\[\]]{0,63}", re.ASCII)
_TOO_LONG: Final = ("context_length_exceeded", "exceed_context_size_error")
_FILTERED: Final = ("content_filter", "content_policy_violation")
_BUSY: Final = ("overloaded_error", "rate_limit_exceeded", "unavailable_error", "rate_limit_error")

_CREDENTIAL: Final = (
    BackendError,
    "The model server does not accept the gateway's credential.",
)
_ABSENT: Final = (BackendError, "The model server has no such model, or no such endpoint.")
_LATE: Final = (BackendTimeout, "The model took too long to answer.")
_REDIRECT: Final = (BackendError, "The model server answers with a redirect: its url is wrong.")
_FAILED: Final = (BackendError, "The model failed.")
_FAILURES: Final[dict[int, tuple[type[AnsweredError], str]]] = {
    **dict.fromkeys((301, 302, 303, 307, 308), _REDIRECT),
    **dict.fromkeys((401, 403), _CREDENTIAL),
    **dict.fromkeys((404, 405), _ABSENT),
    **dict.fromkeys((408, 504), _LATE),
    413: (RequestTooLarge, "The request is too large for the model."),
}


class Fault(msgspec.Struct, frozen=True):
    """The API's error object; a `code` may be a number."""

    type: str | None = None
    code: str | int | None = None
    param: str | None = None
    message: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """An error body. Some servers write a string, or the object without its envelope."""

    error: Fault | str | None = None
    message: str | None = None


_body: Final = msgspec.json.Decoder(Failed)
_fault: Final = msgspec.json.Decoder(Fault | str)


def failure(status: int, headers: Mapping[str, str], body: bytes) -> AnsweredError:
    """Return what the client is told about an answer that is not 200.

    A refused credential, an endpoint or a model that is not there are the operator's to mend:
    BackendError. A full or absent server is BackendUnavailable, a late one BackendTimeout. What
    the server says is wrong with the request is InvalidRequest.
    """
    fault = _read(body)
    if fault.message == CERTIFICATE_NOT_VERIFIED:
        return BackendError(CERTIFICATE_NOT_VERIFIED, code="backend_certificate")
    if status in (400, 422):
        return _refused(fault)
    if status in (429, 503, 529):
        return BackendUnavailable(
            "The model server is not there, or has no room for another request.",
            retry_after=_wait(headers.get("retry-after", "")),
        )
    kind, message = _FAILURES.get(status, _FAILED)
    return kind(message)


def stream_failure(error: bytes) -> AnsweredError:
    """Return what the client is told about an `error` under status 200."""
    try:
        found = _fault.decode(error)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = ""
    fault = found if isinstance(found, Fault) else Fault()
    if fault.code in (429, 503, 529) or fault.type in _BUSY or fault.code in _BUSY:
        return BackendUnavailable("The model has no room for the request.", retry_after=1)
    if fault.code in (400, 422) or fault.type in _TOO_LONG or fault.code in _TOO_LONG:
        return _refused(fault)
    return BackendError("The model failed.")


def _read(body: bytes) -> Fault:
    try:
        found = _body.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Fault()
    return found.error if isinstance(found.error, Fault) else Fault(message=found.message)


def _refused(fault: Fault) -> InvalidRequest:
    if fault.code in _TOO_LONG or fault.type in _TOO_LONG:
        return InvalidRequest(
            "The prompt is longer than this model's context.",
            code="context_length_exceeded",
            param="messages",
        )
    if fault.code in _FILTERED:
        return InvalidRequest("The model server refuses this content.", code="content_filter")
    param = fault.param if fault.param and _PARAM.fullmatch(fault.param) else None
    about = f" It is about '{param}'." if param else ""
    return InvalidRequest(
        f"The model server refuses the request.{about}", code="refused_by_model", param=param
    )


def _wait(value: str) -> float:
    """Return the seconds of a `retry-after`, within reason; a date is not read."""
    try:
        seconds = float(value)
    except ValueError:
        return 1.0
    return min(max(1.0, seconds), _LONGEST_WAIT) if math.isfinite(seconds) else 1.0
