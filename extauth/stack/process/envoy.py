"""The stack's Envoy: its admin endpoint on a unix socket, and its access log."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError, Unreachable
from extauth.network.request import request
from extauth.stack.process.logs import turn

if TYPE_CHECKING:
    from extauth.settings import LogSettings
    from extauth.storage.state import StateDir

POLL_SECONDS = 0.05
_LOOK_SECONDS = 1.0
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


class AccessLog:
    """Envoy's access log, which gives way to a new file where it grows too large.

    Envoy writes on to the old file until it is told, so nothing is lost between. Where it does not
    answer it is told again. Belongs to one event loop.
    """

    def __init__(self, path: Path, admin: Path, settings: LogSettings) -> None:
        self._path = path
        self._admin = admin
        self._settings = settings
        self._told = True

    async def keep(self) -> None:
        """Look at the file each second, until this is cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Turn to a new file if this one is too large."""
        with suppress(OSError):
            if self._path.stat().st_size > self._settings.size:
                turn(self._path, self._settings.files)
                self._told = False
        if not self._told:
            with suppress(Unreachable):
                answer = await asyncio.to_thread(
                    request, self._admin, "/reopen_logs", method="POST"
                )
                self._told = answer.status == 200


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
