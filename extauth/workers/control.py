"""A worker's own endpoint, on a unix socket of the state directory that only its owner can open.

Its readiness is open; everything else takes the state directory's token, as at the admin endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from extauth.api.admin.endpoint import TokenCheck, obeyed, order
from extauth.rollout import Mode, TrialOrder
from extauth.workers.merging import families
from extauth.workers.state import Commitment, Ending, Forgetting, Preparation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    from extauth.api.admin.endpoint import Endpoint
    from extauth.observability.metrics import Metrics
    from extauth.workers.state import WorkerState
    from extauth.workers.worker import Worker

_encode = msgspec.json.Encoder().encode


def create_control(
    token: str,
    worker: Worker,
    state: Callable[[], WorkerState],
    metrics: Metrics,
    forget: Callable[[Mapping[str, str]], Awaitable[None]],
) -> Starlette:
    """Return the application. `state` reads the state of the process of `worker`.

    `forget` has the process forget old names, and write down what it was told until now.
    """
    protected = TokenCheck(token)

    async def readyz(_: Request) -> Response:
        failing = state().failing
        return PlainTextResponse(
            "".join(f"{name}\n" for name in failing) or "ok\n", status_code=503 if failing else 200
        )

    async def show(_: Request) -> Response:
        return _json(_encode(state()))

    async def count(_: Request) -> Response:
        return _json(_encode(families(metrics)))

    async def prepare(request: Request) -> Response:
        wanted = await order(request, Preparation)
        if isinstance(wanted, Response):
            return wanted
        return await obeyed(worker.prepare(wanted.digest, rollback=wanted.rollback), {})

    async def commit(request: Request) -> Response:
        wanted = await order(request, Commitment)
        if isinstance(wanted, Response):
            return wanted
        return await obeyed(worker.commit(wanted.digest), {})

    async def abandon(_: Request) -> Response:
        return await obeyed(worker.abandon(), {})

    async def forget_names(request: Request) -> Response:
        wanted = await order(request, Forgetting)
        if isinstance(wanted, Response):
            return wanted
        return await obeyed(forget(wanted.names), {})

    def starting(mode: Mode) -> Endpoint:
        async def start(request: Request) -> Response:
            wanted = await order(request, TrialOrder)
            if isinstance(wanted, Response):
                return wanted
            return await obeyed(worker.start_trial(mode, wanted), {})

        return start

    def stopping(mode: Mode) -> Endpoint:
        async def stop(request: Request) -> Response:
            wanted = await order(request, Ending)
            if isinstance(wanted, Response):
                return wanted
            return await obeyed(worker.stop_trial(mode, wanted.why, failed=wanted.failed), {})

        return stop

    return Starlette(
        routes=[
            Route("/readyz", readyz),
            Route("/state", protected(show)),
            Route("/metrics", protected(count)),
            Route("/prepared", protected(prepare), methods=["POST"]),
            Route("/prepared", protected(abandon), methods=["DELETE"]),
            Route("/forgotten", protected(forget_names), methods=["POST"]),
            Route("/committed", protected(commit), methods=["POST"]),
            *(
                Route(f"/trial/{mode}", protected(endpoint(mode)), methods=[method])
                for mode in Mode
                for method, endpoint in (("POST", starting), ("DELETE", stopping))
            ),
        ]
    )


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
