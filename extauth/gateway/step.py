"""The results of a request's stages: what Envoy is to do next.

They hold bytes and headers that are ready to be sent, so that whoever carries them out knows
nothing of APIs, policies or accounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from extauth.clients import error_body, error_headers

if TYPE_CHECKING:
    from extauth.errors import AnsweredError
    from extauth.types import Api

Header: TypeAlias = tuple[str, str]


class Continue(msgspec.Struct, frozen=True):
    """Let what came go on, with these headers in place of any of their names.

    With `chunked` the body that follows passes chunk by chunk, and no length is told of it.
    """

    headers: tuple[Header, ...] = ()
    chunked: bool = False


class Upstream(msgspec.Struct, frozen=True):
    """Send this body in place of the client's, and choose the route anew.

    The headers of `removed` go first, then `headers` are set: they name path and cluster.
    """

    headers: tuple[Header, ...]
    body: bytes
    removed: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """Answer 200 with this, in the backend's place or in place of what it said.

    The body is whole, an event stream's too.
    """

    headers: tuple[Header, ...]
    body: bytes


class Refuse(msgspec.Struct, frozen=True):
    """Answer with an error in the backend's place. `code` is for Envoy's access log."""

    status: int
    code: str
    headers: tuple[Header, ...]
    body: bytes

    @classmethod
    def of(cls, api: Api, error: AnsweredError) -> Refuse:
        """The error in the shape of the API that was called."""
        return cls(error.status, error.code, error_headers(error), error_body(api, error))


CONTINUE: Final = Continue()
"""Let what came go on as it is."""
