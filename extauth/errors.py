"""The tree of errors, and the table of the statuses that clients see.

SluiceError
├── RequestError            the client can change the request and try again
│   ├── InvalidRequest          malformed, of the wrong type, out of range
│   ├── Unauthenticated         no credential, or not a valid one
│   ├── Forbidden               the policy says no
│   │   └── ContentBlocked          to what the model said: it holds what may not be told
│   ├── NotFound                no such route or model, as far as this principal may know
│   ├── MethodNotAllowed
│   ├── RequestTooLarge
│   ├── UnsupportedEncoding     a compressed or otherwise unreadable body
│   └── LimitExceeded           try again after `retry_after` seconds
├── GatewayError            the client can do nothing about it
│   ├── PolicyError             undefined, conflicting or malformed: denied
│   ├── PolicyUnavailable       the engine did not answer, or not in time: denied
│   ├── IdentityUnavailable     the identity store can't be read: denied
│   ├── LedgerUnavailable       the ledger can't be read or written: denied
│   ├── BackendError            the backend's answer is unusable
│   ├── BackendUnavailable      the backend does not answer, or is full
│   └── BackendTimeout          the backend did not answer in time
├── Unreachable             another server does not answer over HTTP, or not in time
│   └── AnswerTooLarge          it answers with more than is read
├── ConfigurationError      an operator's file is wrong: file, line, what was expected
└── StackError              an engine is missing, a port is taken, a child died
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.types import Limit, LimitState


class SluiceError(Exception):
    """The root. `message` is one readable line and never holds content or a secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AnsweredError(SluiceError):
    """An error that becomes an answer to a client.

    `code` is the stable machine-readable name (the rule of a deny, say), `param` the field of
    the request it is about, `retry_after` the seconds after which trying again makes sense.
    `status` is the HTTP status; a policy may choose another one from `STATUSES` for a deny.
    `told` is the text for the client, where that is less than the message for the log.
    """

    default_status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code or self.default_code
        self.param = param
        self.retry_after = retry_after
        self.status = status or self.default_status
        self.headers = headers

    @property
    def told(self) -> str:
        """The text that the client reads."""
        return self.message


class RequestError(AnsweredError):
    """The client can change the request and try again."""

    default_status = 400
    default_code = "invalid_request"


class InvalidRequest(RequestError):
    """Malformed, of the wrong type or out of range; `param` names the field."""


class Unauthenticated(RequestError):
    """No credential, or not a valid one. The message never tells which part was wrong."""

    default_status = 401
    default_code = "invalid_api_key"


class Forbidden(RequestError):
    """The policy says no; `code` is the rule that fired."""

    default_status = 403
    default_code = "forbidden"


class ContentBlocked(Forbidden):
    """The policy blocks an answer that holds a finding of this kind. Tells the kind alone."""

    default_code = "content_blocked"

    def __init__(self, kind: str) -> None:
        super().__init__(f"The model's answer holds what the policy blocks: {kind}.")


class NotFound(RequestError):
    """No such route or model, as far as this principal may know."""

    default_status = 404
    default_code = "not_found"


class MethodNotAllowed(RequestError):
    """The route exists, with another method."""

    default_status = 405
    default_code = "method_not_allowed"


class RequestTooLarge(RequestError):
    """Over a configured size, depth or count."""

    default_status = 413
    default_code = "request_too_large"


class UnsupportedEncoding(RequestError):
    """A body the gateway can't read and so can't decide on."""

    default_status = 415
    default_code = "unsupported_encoding"


class LimitExceeded(RequestError):
    """A limit has no room; `retry_after` is when it will have some, None means never.

    `states` are all limits of the request as they stand without it, for the answer's headers.
    `limit` is the one that refused, where the ledger did and not a rule.
    """

    default_status = 429
    default_code = "rate_limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        states: tuple[LimitState, ...] = (),
        limit: Limit | None = None,
    ) -> None:
        super().__init__(
            message,
            code=code,
            param=param,
            retry_after=retry_after,
            status=status,
            headers=headers,
        )
        self.states = states
        self.limit = limit


class GatewayError(AnsweredError):
    """The client can do nothing about it."""


class PolicyError(GatewayError):
    """The decision is undefined, conflicting or malformed. It is a deny, and a defect to fix."""

    default_status = 403
    default_code = "policy_error"

    @property
    def told(self) -> str:
        """Say that it is a deny; the cause is for the log and the policy's authors."""
        return "The policy could not decide on this request, so it is denied."


class PolicyUnavailable(GatewayError):
    """The policy engine did not answer, or not in time. It is a deny."""

    default_status = 503
    default_code = "policy_unavailable"

    @property
    def told(self) -> str:
        """Say that it is a deny for now."""
        return "The policy can't be asked at the moment, so the request is denied."


class IdentityUnavailable(GatewayError):
    """The identity store can't be read. It is a deny."""

    default_status = 503
    default_code = "identity_unavailable"


class LedgerUnavailable(GatewayError):
    """The ledger can't be read or written. It is a deny."""

    default_status = 503
    default_code = "ledger_unavailable"


class BackendError(GatewayError):
    """The backend answered something unusable."""

    default_status = 502
    default_code = "backend_error"


class BackendUnavailable(GatewayError):
    """The backend does not answer, or its queue is full."""

    default_status = 503
    default_code = "backend_unavailable"


class BackendTimeout(GatewayError):
    """The backend did not answer in time. It may have worked on the request all the while."""

    default_status = 504
    default_code = "timeout"


class ConfigurationError(SluiceError):
    """An operator's file is wrong. Reads `file:line: message`."""

    def __init__(self, message: str, *, file: Path | str | None = None, line: int | None = None):
        place = f"{file}:{line}: " if line is not None else f"{file}: " if file else ""
        super().__init__(place + message)
        self.file = file
        self.line = line


class Unreachable(SluiceError):
    """Another server does not answer over HTTP, or not in time. Never holds its URL."""


class AnswerTooLarge(Unreachable):
    """Another server answers with more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"its answer is over {limit} bytes")
        self.limit = limit


class StackError(SluiceError):
    """An engine is missing, a port is taken, a child died: what, and what to do."""


class StatusNames(NamedTuple):
    """The equivalents of an HTTP status: OpenAI's `error.type`, the gRPC status name."""

    openai_type: str
    grpc: str


STATUSES: dict[int, StatusNames] = {
    400: StatusNames("invalid_request_error", "INVALID_ARGUMENT"),
    401: StatusNames("authentication_error", "UNAUTHENTICATED"),
    403: StatusNames("permission_error", "PERMISSION_DENIED"),
    404: StatusNames("invalid_request_error", "NOT_FOUND"),
    405: StatusNames("invalid_request_error", "UNIMPLEMENTED"),
    413: StatusNames("invalid_request_error", "RESOURCE_EXHAUSTED"),
    415: StatusNames("invalid_request_error", "INVALID_ARGUMENT"),
    422: StatusNames("invalid_request_error", "INVALID_ARGUMENT"),
    429: StatusNames("rate_limit_error", "RESOURCE_EXHAUSTED"),
    451: StatusNames("permission_error", "PERMISSION_DENIED"),
    500: StatusNames("server_error", "INTERNAL"),
    502: StatusNames("server_error", "UNAVAILABLE"),
    503: StatusNames("server_error", "UNAVAILABLE"),
    504: StatusNames("server_error", "DEADLINE_EXCEEDED"),
}
