"""Triton's errors to ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from extauth.backends.backend import CERTIFICATE_NOT_VERIFIED
from extauth.errors import BackendError, BackendTimeout, BackendUnavailable, InvalidRequest

if TYPE_CHECKING:
    from extauth.errors import AnsweredError

# Messages about the client's own tensors: names, shapes and types, never content.
_CLIENT_ERRORS: Final = (
    "unexpected inference input",
    "unexpected inference output",
    "unexpected shape for input",
    "unexpected total byte size",
    "expected ",
    "inference input ",
    "inference request batch-size",
    "input byte size mismatch",
    "input '",
)


class Failure(msgspec.Struct, frozen=True):
    """Triton's error body."""

    error: str = ""


_failure: Final = msgspec.json.Decoder(Failure)


def failure(status: int, body: bytes) -> AnsweredError:
    """Return what the client is told about Triton's error.

    A full queue or a model that isn't loaded is BackendUnavailable; BackendTimeout when Envoy gave
    it up; InvalidRequest when Triton refused the client's own tensors; anything else BackendError,
    and its text stays here.
    """
    if status == 504:
        return BackendTimeout("The model took too long to answer.")
    try:
        message = _failure.decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        message = ""
    if message == CERTIFICATE_NOT_VERIFIED:
        return BackendError(CERTIFICATE_NOT_VERIFIED, code="backend_certificate")
    if message.startswith("[request id: "):
        message = message.partition("] ")[2]
    if status in (429, 503) or "maximum queue size" in message:
        return BackendUnavailable("The model has no room for another request.", retry_after=1)
    if status == 404 or "is not ready" in message or "unknown model" in message:
        return BackendUnavailable("The model is not ready.", retry_after=1)
    if status == 400 and message.startswith(_CLIENT_ERRORS):
        return InvalidRequest(message[:400], code="refused_by_model")
    return BackendError("The model failed.")
