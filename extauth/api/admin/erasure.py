"""`POST /erasure`: the part of a person's erasure that only the processes that serve can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from starlette.responses import JSONResponse
from starlette.routing import Route

from extauth.api.admin.guard import order as ordered
from extauth.errors import AnsweredError, SluiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from extauth.api.admin.guard import Guard
    from extauth.ledger import Ledger
    from extauth.types import Clock

Name = Annotated[str, msgspec.Meta(min_length=3, max_length=400)]


class ErasureOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body: the old names, each with what takes its place."""

    names: Annotated[dict[Name, Name], msgspec.Meta(min_length=1)]


class Erasure:
    """Has the ledger go on under other names, and every process forget the old ones."""

    def __init__(
        self, ledger: Ledger, forget: Callable[[Mapping[str, str]], Awaitable[None]], clock: Clock
    ) -> None:
        """`forget` is told what is renamed, for all processes."""
        self._ledger = ledger
        self._forget = forget
        self._clock = clock

    def routes(self, guard: Guard) -> tuple[Route, ...]:
        """For the admin endpoint."""
        return (Route("/erasure", guard(self.erase), methods=["POST"]),)

    async def erase(self, request: Request) -> Response:
        """Rename, and write down what the audit log was told until now."""
        order = await ordered(request, ErasureOrder)
        if not isinstance(order, ErasureOrder):
            return order
        try:
            moved = await self._ledger.rename(order.names, self._clock())
            await self._forget(order.names)
        except SluiceError as error:
            status = error.status if isinstance(error, AnsweredError) else 503
            return JSONResponse({"error": error.message}, status_code=status)
        return JSONResponse(moved._asdict())
