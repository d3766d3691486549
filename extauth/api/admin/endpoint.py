"""The parts that endpoints for operators share: the token, orders in JSON, refusals."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extauth.errors import AnsweredError, SluiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request

    Endpoint = Callable[[Request], Awaitable[Response]]

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_BODY = 4096


class AdminFeature(Protocol):
    """A feature with routes for operators."""

    def routes(self) -> Sequence[Route]:
        """Return the routes, which the admin endpoint puts behind its token."""


class TokenCheck:
    """The check for the state directory's token: `Authorization: Bearer <token>`."""

    def __init__(self, token: str) -> None:
        self._expected = token.encode()

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint behind the check."""

        async def checked(request: Request) -> Response:
            if not self._admits(request):
                return JSONResponse(
                    {"error": "the admin token is needed"},
                    status_code=401,
                    headers={"www-authenticate": "Bearer"},
                )
            return await endpoint(request)

        return checked

    def route(self, route: Route) -> Route:
        """Return the route behind the check."""
        return Route(route.path, self(route.endpoint), methods=list(route.methods or ()))

    def _admits(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Both sides as bytes: compare_digest refuses text that is not ASCII.
        matches = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._expected)
        return scheme.lower() == "bearer" and matches


async def order(request: Request, kind: type[T]) -> T | Response:
    """Read the order in the body, or return the answer to a body without one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return JSONResponse({"error": "too large"}, status_code=413)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        return JSONResponse({"error": str(error)}, status_code=400)


async def obeyed(doing: Awaitable[None], done: dict[str, str]) -> Response:
    """Wait for `doing` and answer with `done`, or with 409 and the reason of a failure."""
    try:
        await doing
    except SluiceError as error:
        return JSONResponse({"error": error.message}, status_code=409)
    return JSONResponse(done)


def refused(error: SluiceError) -> Response:
    """Answer with the status and the message of an error, 503 for one without a status."""
    status = error.status if isinstance(error, AnsweredError) else 503
    return JSONResponse({"error": error.message}, status_code=status)
