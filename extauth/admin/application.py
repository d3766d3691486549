"""The admin endpoint as a Starlette application.

Health is open to whoever reaches loopback, and tells names of parts only. Everything else takes
the state directory's token: `Authorization: Bearer <token>`.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from extauth.errors import SluiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client.registry import Collector
    from starlette.requests import Request

    from extauth.admin.readiness import Readiness

    Endpoint = Callable[[Request], Awaitable[Response]]

LARGEST_BODY = 4096


class SnapshotOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /snapshot`: which of the state directory's snapshots to serve."""

    digest: str


def create_admin(
    token: str,
    readiness: Callable[[], Readiness],
    metrics: Collector,
    activate: Callable[[str], Awaitable[None]],
) -> Starlette:
    """The application. `activate` loads a snapshot by digest, or raises SluiceError and keeps on.

    Two orders at a time are the caller's to serialise.
    """
    expected = token.encode()

    def protected(endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            # Both sides as bytes: compare_digest refuses text that is not ASCII.
            matches = hmac.compare_digest(given.strip().encode("latin-1", "replace"), expected)
            if scheme.lower() != "bearer" or not matches:
                return JSONResponse(
                    {"error": "the admin token is needed"},
                    status_code=401,
                    headers={"www-authenticate": "Bearer"},
                )
            return await endpoint(request)

        return guarded

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        now = readiness()
        if now.ok:
            return PlainTextResponse("ok\n")
        return PlainTextResponse("".join(f"{name}\n" for name in now.failing), status_code=503)

    async def expose(_: Request) -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    async def snapshot(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                return JSONResponse({"error": "too large"}, status_code=413)
        try:
            order = msgspec.json.decode(body, type=SnapshotOrder)
        except msgspec.MsgspecError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        try:
            await activate(order.digest)
        except SluiceError as error:
            return JSONResponse({"error": error.message}, status_code=409)
        return JSONResponse({"digest": order.digest})

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", protected(expose)),
            Route("/snapshot", protected(snapshot), methods=["POST"]),
        ]
    )
