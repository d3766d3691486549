"""The admin endpoint as a Starlette application.

Health is open to whoever reaches loopback, and tells names of parts only. Everything else takes
the state directory's token: `Authorization: Bearer <token>`.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from extauth.errors import SluiceError
from extauth.trial import Mode, TrialOrder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from prometheus_client.registry import Collector
    from starlette.requests import Request

    from extauth.admin.readiness import Readiness
    from extauth.admin.served import Served

    Endpoint = Callable[[Request], Awaitable[Response]]

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_BODY = 4096


class SnapshotOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /snapshot`: which of the state directory's snapshots to serve.

    One with a lower sequence number than the active one's is taken as a `rollback` only.
    """

    digest: str
    rollback: bool = False


def create_admin(
    token: str,
    readiness: Callable[[], Readiness],
    metrics: Collector,
    activate: Callable[[str, bool], Awaitable[None]],
    *,
    served: Callable[[], Served],
    bundle: Callable[[], Awaitable[bytes]],
    start_trial: Callable[[Mode, TrialOrder], Awaitable[None]],
    stop_trial: Callable[[Mode], Awaitable[None]],
) -> Starlette:
    """The application. `activate` loads a snapshot by digest, or raises SluiceError and keeps on.

    Its second argument is whether a lower sequence number is wanted. `bundle` reads the policies
    of the snapshot that is `served`, for other gateways to pull.

    `start_trial` and `stop_trial` raise SluiceError for what can't be done. Two orders at a time
    are the caller's to serialise.
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
        order = await _order(request, SnapshotOrder)
        if isinstance(order, Response):
            return order
        return await _obeyed(activate(order.digest, order.rollback), {"digest": order.digest})

    async def show_snapshot(_: Request) -> Response:
        return JSONResponse(msgspec.to_builtins(served()))

    async def show_bundle(request: Request) -> Response:
        try:
            content = await bundle()
        except SluiceError as error:
            return JSONResponse({"error": error.message}, status_code=503)
        headers = {"etag": f'"{sha256(content).hexdigest()[:32]}"'}
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(
            content, media_type="application/vnd.openpolicyagent.bundles", headers=headers
        )

    def starting(mode: Mode) -> Endpoint:
        async def start(request: Request) -> Response:
            order = await _order(request, TrialOrder)
            if isinstance(order, Response):
                return order
            return await _obeyed(start_trial(mode, order), {"candidate": order.candidate})

        return start

    def stopping(mode: Mode) -> Endpoint:
        async def stop(_: Request) -> Response:
            return await _obeyed(stop_trial(mode), {})

        return stop

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", protected(expose)),
            Route("/snapshot", protected(snapshot), methods=["POST"]),
            Route("/snapshot", protected(show_snapshot), methods=["GET"]),
            Route("/bundle", protected(show_bundle), methods=["GET"]),
            *(
                Route(f"/trial/{mode}", protected(endpoint(mode)), methods=[method])
                for mode in Mode
                for method, endpoint in (("POST", starting), ("DELETE", stopping))
            ),
        ]
    )


async def _order(request: Request, kind: type[T]) -> T | Response:
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


async def _obeyed(doing: Awaitable[None], done: dict[str, str]) -> Response:
    """`done`, once it is; or why it can't be."""
    try:
        await doing
    except SluiceError as error:
        return JSONResponse({"error": error.message}, status_code=409)
    return JSONResponse(done)
