"""Resources that requests pin until they end, and that are freed after the last of them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator


class Pinned:
    """A resource that counts the requests that use it. Belongs to one event loop."""

    def __init__(self) -> None:
        self._pins = 0
        self._unpinned = asyncio.Event()

    def pin(self) -> None:
        """Count a request that begins."""
        self._pins += 1

    def unpin(self) -> None:
        """Count a request that ends."""
        self._pins -= 1
        if not self._pins:
            self._unpinned.set()

    @contextmanager
    def pinned(self) -> Iterator[Self]:
        """Keep the resource for as long as the block lasts."""
        self.pin()
        try:
            yield self
        finally:
            self.unpin()

    async def unused(self) -> None:
        """Wait until no request uses it."""
        while self._pins:
            self._unpinned.clear()
            await self._unpinned.wait()
