"""Letting Envoy finish what it has in hand before it stops."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from extauth.stack.request import UnreachableError, request

if TYPE_CHECKING:
    from pathlib import Path

POLL_SECONDS = 0.05
ACTIVE = "/stats?filter=^http\\..*\\.downstream_rq_active$&usedonly"


async def drain_envoy(admin: Path, within: float) -> None:
    """Close the listeners and wait, at most `within` seconds, until no request is active."""
    deadline = time.monotonic() + within
    try:
        await asyncio.to_thread(request, admin, "/drain_listeners", method="POST")
        while time.monotonic() < deadline:
            answer = await asyncio.to_thread(request, admin, ACTIVE)
            if active_requests(answer.body.decode()) == 0:
                return
            await asyncio.sleep(POLL_SECONDS)
    except UnreachableError:
        return


def active_requests(stats: str) -> int:
    """The sum of `http.<prefix>.downstream_rq_active`, the admin endpoint's own left out."""
    lines = (line.rsplit(": ", 1) for line in stats.splitlines() if ": " in line)
    return sum(int(value) for name, value in lines if not name.startswith("http.admin."))
