"""`/limits`: the standing of counters, and corrections by hand. Every change is audited.

A key is what the policies name: `tenant:acme`, `tenant:acme|model:chat`. To look, it may end in
`*`; to change, it may not.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec.structs import replace
from starlette.responses import JSONResponse
from starlette.routing import Route

from extauth.api.admin.endpoint import order as ordered
from extauth.api.admin.endpoint import refused
from extauth.audit import Action
from extauth.errors import InvalidRequest, NotFound, SluiceError
from extauth.types import Unit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from extauth.audit import ActionLog
    from extauth.ledger import Ledger
    from extauth.ledger.ledger import Standing
    from extauth.types import Clock

CREDENTIAL = "admin token"

LedgerKey = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
User = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ResetOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /limits/reset`. `user` is the operator's own word."""

    key: LedgerKey
    user: User | None = None


class GrantOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /limits/grant`: `amount` more of `unit` in the current window.

    `name` is that of a limit, where several count the unit under the key.
    """

    key: LedgerKey
    unit: Unit
    amount: Annotated[int, msgspec.Meta(ge=1, le=10**15)]
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    user: User | None = None


class LimitsEndpoint:
    """The counters of the ledger, shown and changed. One change at a time."""

    def __init__(self, ledger: Ledger, actions: ActionLog, clock: Clock) -> None:
        self._ledger = ledger
        self._actions = actions
        self._clock = clock
        self._changing = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, for the admin endpoint."""
        return (
            Route("/limits", self.show, methods=["GET"]),
            Route("/limits/reset", self.reset, methods=["POST"]),
            Route("/limits/grant", self.grant, methods=["POST"]),
        )

    async def show(self, request: Request) -> Response:
        """`GET /limits?key=tenant:acme`; without a key, all of them."""
        key = request.query_params.get("key", "*")
        try:
            found = await self._ledger.standing(key, self._clock())
        except SluiceError as error:
            return refused(error)
        return JSONResponse({"limits": _told(found)})

    async def reset(self, request: Request) -> Response:
        """`POST /limits/reset`: forget what is booked under a key."""
        order = await ordered(request, ResetOrder)
        if not isinstance(order, ResetOrder):
            return order

        async def change(_: tuple[Standing, ...]) -> None:
            await self._ledger.reset(order.key, self._clock())

        return await self._change("limits.reset", order, {}, change)

    async def grant(self, request: Request) -> Response:
        """`POST /limits/grant`: let more be used in the current window of a counter."""
        order = await ordered(request, GrantOrder)
        if not isinstance(order, GrantOrder):
            return order

        async def change(found: tuple[Standing, ...]) -> None:
            counter = _chosen(order, found).counter
            await self._ledger.grant(counter, order.amount, self._clock())

        details = {"unit": order.unit, "amount": order.amount, "name": order.name}
        return await self._change("limits.grant", order, details, change)

    async def _change(
        self,
        kind: Literal["limits.reset", "limits.grant"],
        order: ResetOrder | GrantOrder,
        details: dict[str, Any],
        change: Callable[[tuple[Standing, ...]], Awaitable[None]],
    ) -> Response:
        """Write down the counters before the change, change them, write them down after it."""
        key = order.key
        try:
            async with self._changing:
                before = await self._found(order)
                action = Action(
                    time=self._clock(),
                    credential=CREDENTIAL,
                    user=order.user,
                    kind=kind,
                    subject=key,
                    details=details,
                    before=_told(before),
                )
                number = await asyncio.to_thread(self._actions.begin, action)
                await change(before)
                after = _told(await self._ledger.standing(key, self._clock()))
                done = replace(action, after=after)
                await asyncio.to_thread(self._actions.complete, number, done)
        except SluiceError as error:
            return refused(error)
        return JSONResponse({"before": action.before, "after": after})

    async def _found(self, order: ResetOrder | GrantOrder) -> tuple[Standing, ...]:
        """Return the counters to change. Raises before anything is written down."""
        if order.key.endswith("*"):
            raise InvalidRequest("name one whole key: a * is only for looking", param="key")
        found = await self._ledger.standing(order.key, self._clock())
        if not found:
            raise NotFound(f"nothing is counted under {order.key}", param="key")
        if isinstance(order, GrantOrder):
            _chosen(order, found)
        return found


def _chosen(order: GrantOrder, found: tuple[Standing, ...]) -> Standing:
    """Return the counter that is meant. Raises InvalidRequest for none, or several."""
    of_unit = [
        each
        for each in found
        if each.counter.unit == order.unit and order.name in {None, each.name}
    ]
    if len(of_unit) == 1:
        return of_unit[0]
    if not of_unit:
        named = f" by the limit {order.name}" if order.name else ""
        raise InvalidRequest(f"no {order.unit} are counted under {order.key}{named}", param="unit")
    names = ", ".join(sorted(each.name or "(no limit)" for each in of_unit))
    raise InvalidRequest(
        f"several windows count {order.unit} under {order.key}; name one limit of {names}",
        param="name",
    )


def _told(found: tuple[Standing, ...]) -> list[dict[str, Any]]:
    return [
        {
            "key": each.counter.key,
            "name": each.name,
            "unit": each.counter.unit,
            "window": msgspec.to_builtins(each.counter.window),
            "limit": each.max,
            "used": each.used,
            "reserved": each.held,
            "resets_at": each.resets_at,
        }
        for each in found
    ]
