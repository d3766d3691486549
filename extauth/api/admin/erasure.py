"""`POST /erasure`: the part of a person's erasure that only the processes that serve can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from starlette.responses import JSONResponse
from starlette.routing import Route

from extauth.api.admin.endpoint import order as ordered
from extauth.api.admin.endpoint import refused
from extauth.errors import SluiceError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from extauth.ledger import Ledger
    from extauth.types import Clock

OldName = Annotated[str, msgspec.Meta(min_length=3, max_length=400)]


class ErasureOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body: the old names, each with its new one."""

    names: Annotated[dict[OldName, OldName], msgspec.Meta(min_length=1)]


class ErasureEndpoint:
    """The change to other names, in the ledger and in the memory of every process."""

    def __init__(
        self, ledger: Ledger, forget: Callable[[Mapping[str, str]], Awaitable[None]], clock: Clock
    ) -> None:
        """`forget` is told what is renamed, for all processes."""
        self._ledger = ledger
        self._forget = forget
        self._clock = clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, for the admin endpoint."""
        return (Route("/erasure", self.erase, methods=["POST"]),)

    async def erase(self, request: Request) -> Response:
        """Rename, and write down what the audit log was told until now."""
        order = await ordered(request, ErasureOrder)
        if not isinstance(order, ErasureOrder):
            return order
        try:
            moved = await self._ledger.rename(order.names, self._clock())
            await self._forget(order.names)
        except SluiceError as error:
            return refused(error)
        return JSONResponse(moved._asdict())
