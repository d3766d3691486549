"""The admin endpoint as a Starlette application.

Health is open to every process that reaches loopback, and tells names of parts only. All the rest
takes the state directory's token: `Authorization: Bearer <token>`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from extauth.api.admin.endpoint import TokenCheck, obeyed, order
from extauth.errors import SluiceError
from extauth.rollout import Mode, TrialOrder

if TYPE_CHECKING:
    from starlette.requests import Request

    from extauth.api.admin.endpoint import AdminFeature, Endpoint
    from extauth.api.admin.operations import Operations


class SnapshotOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /snapshot`: the digest of a snapshot of the state directory.

    One with a lower sequence number than the active one's is taken as a `rollback` only.
    """

    digest: str
    rollback: bool = False


def create_admin(token: str, operations: Operations, *features: AdminFeature) -> Starlette:
    """Return the application, with the routes of the features behind the token.

    The operations serialise orders that come at the same time.
    """
    protected = TokenCheck(token)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        now = await operations.readiness()
        if now.ok:
            return PlainTextResponse("ok\n")
        return PlainTextResponse("".join(f"{name}\n" for name in now.failing), status_code=503)

    async def expose(_: Request) -> Response:
        return Response(generate_latest(await operations.metrics()), media_type=CONTENT_TYPE_LATEST)

    async def snapshot(request: Request) -> Response:
        wanted = await order(request, SnapshotOrder)
        if isinstance(wanted, Response):
            return wanted
        return await obeyed(
            operations.activate(wanted.digest, wanted.rollback), {"digest": wanted.digest}
        )

    async def show_snapshot(_: Request) -> Response:
        try:
            return JSONResponse(msgspec.to_builtins(await operations.served()))
        except SluiceError as error:
            return JSONResponse({"error": error.message}, status_code=503)

    async def show_bundle(request: Request) -> Response:
        try:
            content = await operations.bundle()
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
            wanted = await order(request, TrialOrder)
            if isinstance(wanted, Response):
                return wanted
            return await obeyed(
                operations.start_trial(mode, wanted), {"candidate": wanted.candidate}
            )

        return start

    def stopping(mode: Mode) -> Endpoint:
        async def stop(_: Request) -> Response:
            return await obeyed(operations.stop_trial(mode), {})

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
            *(protected.route(route) for feature in features for route in feature.routes()),
        ]
    )
