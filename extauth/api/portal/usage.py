"""`GET /v1/usage`: what a principal itself has used, and how its own limits stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse

from extauth.gateway.lookup import Ticket
from extauth.types import key_part
from extauth.types.headers import PRINCIPAL

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from extauth.ledger import Ledger
    from extauth.ledger.ledger import Standing
    from extauth.ledger.reports import UsageRow
    from extauth.types import Clock
    from extauth.usage import UsageBooks


class OwnAccount:
    """Tells a principal about itself, and about nobody else: not even its tenant."""

    def __init__(self, books: UsageBooks, ledger: Ledger, clock: Clock) -> None:
        self._books = books
        self._ledger = ledger
        self._clock = clock

    async def show(self, request: Request) -> Response:
        """The last 30 days by day and model, their sum, and the limits of the principal's key."""
        principal = Ticket.decode(request.headers.get(PRINCIPAL)).principal.id
        usage = await self._books.own(principal)
        key = key_part("principal", principal)
        # A name that ends in `*` would be the beginning of others' keys.
        found = () if key.endswith("*") else await self._ledger.standing(key, self._clock())
        standing = [_limit(each, each.max) for each in found if each.max is not None]
        return JSONResponse(
            {
                "object": "usage",
                "principal": principal,
                "since": usage.since,
                "until": usage.until,
                "data": [_row(row) for row in usage.rows],
                "total": _row(usage.total),
                "limits": standing,
            }
        )


def _row(row: UsageRow) -> dict[str, Any]:
    return {
        **row.group,
        "requests": row.requests,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "total_tokens": row.prompt_tokens + row.completion_tokens,
        "cost": row.cost,
        "compute_seconds": row.compute_seconds,
        "unsettled": row.unsettled,
    }


def _limit(standing: Standing, most: int) -> dict[str, Any]:
    return {
        "name": standing.name,
        "unit": standing.counter.unit,
        "window": msgspec.to_builtins(standing.counter.window),
        "limit": most,
        "used": standing.used,
        "reserved": standing.held,
        "remaining": max(0, most - standing.used - standing.held),
        "resets_at": standing.resets_at,
    }
