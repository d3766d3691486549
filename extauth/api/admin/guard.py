"""What every endpoint for operators has in common: the token, and orders in JSON."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, TypeVar

import msgspec
from starlette.responses import JSONResponse, Response

from extauth.errors import SluiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    Endpoint = Callable[[Request], Awaitable[Response]]

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_BODY = 4096


class Guard:
    """Lets in who has the state directory's token: `Authorization: Bearer <token>`."""

    def __init__(self, token: str) -> None:
        self._expected = token.encode()

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, for those who are let in."""

        async def guarded(request: Request) -> Response:
            if not self._admits(request):
                return JSONResponse(
                    {"error": "the admin token is needed"},
                    status_code=401,
                    headers={"www-authenticate": "Bearer"},
                )
            return await endpoint(request)

        return guarded

    def _admits(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Both sides as bytes: compare_digest refuses text that is not ASCII.
        matches = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self._expected)
        return scheme.lower() == "bearer" and matches


async def order(request: Request, kind: type[T]) -> T | Response:
    """What the body orders, or the answer to a body that orders nothing."""
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
    """`done`, once it is; or why it can't be."""
    try:
        await doing
    except SluiceError as error:
        return JSONResponse({"error": error.message}, status_code=409)
    return JSONResponse(done)
