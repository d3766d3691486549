"""`/limits`: how counters stand, and putting right by hand what they say. Every change is audited.

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

from extauth.api.admin.guard import order as ordered
from extauth.audit import Action
from extauth.errors import AnsweredError, InvalidRequest, NotFound, SluiceError
from extauth.types import Unit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from extauth.api.admin.guard import Guard
    from extauth.audit import ActionLog
    from extauth.ledger import Ledger
    from extauth.ledger.ledger import Standing
    from extauth.types import Clock

CREDENTIAL = "admin token"

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
User = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ResetOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /limits/reset`. `user` is who gives the order, as they say."""

    key: Key
    user: User | None = None


class GrantOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /limits/grant`: `amount` more of `unit` in the current window.

    `name` is that of a limit, where several count the unit under the key.
    """

    key: Key
    unit: Unit
    amount: Annotated[int, msgspec.Meta(ge=1, le=10**15)]
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    user: User | None = None


class Limits:
    """Looks at the ledger's counters and changes them. One change at a time."""

    def __init__(self, ledger: Ledger, actions: ActionLog, clock: Clock) -> None:
        self._ledger = ledger
        self._actions = actions
        self._clock = clock
        self._changing = asyncio.Lock()

    def routes(self, guard: Guard) -> tuple[Route, ...]:
        """For the admin endpoint."""
        return (
            Route("/limits", guard(self.show), methods=["GET"]),
            Route("/limits/reset", guard(self.reset), methods=["POST"]),
            Route("/limits/grant", guard(self.grant), methods=["POST"]),
        )

    async def show(self, request: Request) -> Response:
        """`GET /limits?key=tenant:acme`; without a key, all of them."""
        key = request.query_params.get("key", "*")
        try:
            found = await self._ledger.standing(key, self._clock())
        except SluiceError as error:
            return _refused(error)
        return JSONResponse({"limits": _told(found)})

    async def reset(self, request: Request) -> Response:
        """Forget what is booked under a key."""
        order = await ordered(request, ResetOrder)
        if not isinstance(order, ResetOrder):
            return order

        async def change(_: tuple[Standing, ...]) -> None:
            await self._ledger.reset(order.key, self._clock())

        return await self._change("limits.reset", order, {}, change)

    async def grant(self, request: Request) -> Response:
        """Let more be used in the current window of one counter."""
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
        """Look, write down, change, look again, write that down, too."""
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
            return _refused(error)
        return JSONResponse({"before": action.before, "after": after})

    async def _found(self, order: ResetOrder | GrantOrder) -> tuple[Standing, ...]:
        """What is to be changed. Raises before anything is written down."""
        if order.key.endswith("*"):
            raise InvalidRequest("name one whole key: a * is only for looking", param="key")
        found = await self._ledger.standing(order.key, self._clock())
        if not found:
            raise NotFound(f"nothing is counted under {order.key}", param="key")
        if isinstance(order, GrantOrder):
            _chosen(order, found)
        return found


def _chosen(order: GrantOrder, found: tuple[Standing, ...]) -> Standing:
    """The one counter that is meant. Raises InvalidRequest for none, or several."""
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


def _refused(error: SluiceError) -> Response:
    status = error.status if isinstance(error, AnsweredError) else 503
    return JSONResponse({"error": error.message}, status_code=status)
