"""What a snapshot becomes in memory: opened once, shared by every request that pins it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from extauth.facts import Calendar
from extauth.identity import Identifier, JwtIdentity
from extauth.policy import open_engine
from extauth.tokens import LanguageModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.identity import KeyStore
    from extauth.policy import PolicyEngine
    from extauth.snapshot import Snapshot


class Runtime:
    """A snapshot ready to serve. Belongs to one event loop.

    Each request pins the runtime it began with; a replaced one retires when its last request ends.
    """

    def __init__(
        self,
        *,
        snapshot: Snapshot,
        engine: PolicyEngine,
        models: Mapping[str, LanguageModel],
        calendar: Calendar,
        identifier: Identifier,
    ) -> None:
        self.snapshot = snapshot
        self.engine = engine
        self.models = models
        self.calendar = calendar
        self.identifier = identifier
        self._pins = 0
        self._unpinned = asyncio.Event()

    @classmethod
    async def open(cls, snapshot: Snapshot, keys: KeyStore, *, opa_url: str | None) -> Runtime:
        """Load the policy engine, the tokenizers and the chat templates of `snapshot`.

        Raises ConfigurationError for what can't be loaded.
        """
        settings = snapshot.settings
        return cls(
            snapshot=snapshot,
            models={
                name: await asyncio.to_thread(LanguageModel.load, snapshot, name)
                for name in settings.models
            },
            calendar=Calendar(ZoneInfo(settings.time_zone)),
            identifier=Identifier(keys, JwtIdentity(settings.identity.jwt)),
            # The last: nothing can fail any more that would leave it open.
            engine=await asyncio.to_thread(open_engine, snapshot, opa_url),
        )

    def pin(self) -> None:
        """A request begins."""
        self._pins += 1

    def unpin(self) -> None:
        """A request ends."""
        self._pins -= 1
        if not self._pins:
            self._unpinned.set()

    @contextmanager
    def pinned(self) -> Iterator[Runtime]:
        """Keep it open for as long as the block lasts."""
        self.pin()
        try:
            yield self
        finally:
            self.unpin()

    async def retire(self) -> None:
        """Wait for the last request, then let go of the engine."""
        while self._pins:
            self._unpinned.clear()
            await self._unpinned.wait()
        await self.engine.close()
