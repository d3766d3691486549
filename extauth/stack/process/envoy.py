"""The admin endpoint of the stack's Envoy, on a unix socket of the state directory."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError, Unreachable
from extauth.network.request import request

if TYPE_CHECKING:
    from extauth.storage.state import StateDir

POLL_SECONDS = 0.05
ACTIVE = "^http\\..*\\.downstream_rq_active$&usedonly"


def envoy_admin(state: StateDir) -> Path:
    """Return the path of the socket."""
    return state.run / "envoy-admin.sock"


def stats(admin: Path, names: str) -> dict[str, int]:
    """Return the statistics whose names match a regular expression.

    Raises StackError when Envoy does not answer.
    """
    try:
        text = request(admin, f"/stats?filter={names}").body.decode()
    except Unreachable as error:
        raise StackError(f"Envoy does not answer: {error.message}") from None
    lines = (line.rsplit(": ", 1) for line in text.splitlines() if ": " in line)
    return {name: int(value) for name, value in lines}


async def drain(admin: Path, within: float) -> None:
    """Close the listeners and wait, at most `within` seconds, until no request is active."""
    deadline = time.monotonic() + within
    try:
        await asyncio.to_thread(request, admin, "/drain_listeners", method="POST")
        while time.monotonic() < deadline:
            if active_requests(await asyncio.to_thread(stats, admin, ACTIVE)) == 0:
                return
            await asyncio.sleep(POLL_SECONDS)
    except (StackError, Unreachable):
        return


def active_requests(found: dict[str, int]) -> int:
    """Sum up `http.<prefix>.downstream_rq_active`, without the admin endpoint's own."""
    return sum(value for name, value in found.items() if not name.startswith("http.admin."))
