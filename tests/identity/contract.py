"""Both kinds of key stores behind one face, so that every promise is tried on both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.identity import KeyRing, SqliteKeys
from extauth.identity.postgres import PostgresKeys

if TYPE_CHECKING:
    from extauth.identity import KeyStore
    from extauth.types import Principal
    from tests.postgres_server import PostgresServer

NOW = 1_790_000_000.0
HOUR = 3600.0


class Kept:
    """Where keys are kept: a file, or a database of their own that other nodes use too."""

    def __init__(self, directory: Path, server: PostgresServer | None = None) -> None:
        self.directory = directory
        self.path = directory / "identity.db"
        self.server = server
        self.url = server.database() if server else ""
        self._opened: list[KeyStore] = []

    def store(self, node: str = "") -> KeyStore:
        """The store as another process opens it, of this node or of one of another name."""
        made: KeyStore
        if self.server is None:
            made = SqliteKeys(self.path)
        else:
            made = PostgresKeys(
                self.url,
                password_file=str(self.server.password_file),
                mark=self.directory / f"identity.changed{node}",
            )
        self._opened.append(made)
        return made

    def contents(self) -> bytes:
        """Everything that is kept, byte by byte; of a server what a query finds."""
        if self.server is None:
            return b"".join(file.read_bytes() for file in self.directory.iterdir())
        with self.server.connect(self.url) as connection:
            rows = connection.execute("SELECT * FROM sluice_identity.keys").fetchall()
        return repr(rows).encode()

    def close(self) -> None:
        for store in self._opened:
            store.close()


def recognised(store: KeyStore, presented: str, now: float) -> Principal:
    """Whom a process that has just started takes a key for. Raises as it does."""

    async def ask() -> Principal:
        ring = KeyRing(store)
        await ring.start()
        try:
            return await ring.authenticate(presented, now)
        finally:
            await ring.close()

    return asyncio.run(ask())
