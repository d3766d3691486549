"""API keys in a file of the state directory, for all processes of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.identity.register import Register, known, told
from extauth.identity.store import KnownKeys
from extauth.storage.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SCHEMA = """
CREATE TABLE keys (
  id TEXT PRIMARY KEY,
  digest BLOB NOT NULL,
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  principal BLOB NOT NULL,
  created REAL NOT NULL,
  expires REAL,
  revoked REAL,
  successor TEXT
) WITHOUT ROWID;
CREATE INDEX keys_of_principal ON keys (tenant, name)
"""
_FIND = """
SELECT id, digest, principal, expires, revoked FROM keys
WHERE id IN (SELECT value FROM json_each(?))
"""


class SqliteKeys(Register):
    """`KeyStore` in one SQLite file. See the protocol for its promises."""

    def __init__(self, path: Path) -> None:
        """Open or create the store at `path`. Raises StackError when that is not possible."""
        super().__init__(SqliteDatabase(path, _SCHEMA), path.with_suffix(".changed"))

    def find(self, ids: Sequence[str]) -> KnownKeys:
        """See KeyStore. The version is SQLite's own, which every commit of a process changes."""
        with told(), self._database.snapshot() as session:
            ((version,),) = session.rows("PRAGMA data_version")
            return KnownKeys(version, known(session.rows(_FIND, msgspec.json.encode(ids).decode())))
