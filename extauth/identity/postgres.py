"""API keys in a PostgreSQL that several gateways share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extauth.identity.register import Register, known, told
from extauth.identity.store import KnownKeys
from extauth.storage.postgres import PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.storage.database import Session

SCHEMA = "sluice_identity"
MIGRATIONS = Path(__file__).with_name("migrations")

# One statement, so that the version and the rows are of one moment.
_FIND = """
SELECT changes.number, keys.id, digest, principal, expires, revoked
FROM changes LEFT JOIN keys ON keys.id = ANY (string_to_array(?, ','))
"""


class PostgresKeys(Register):
    """`KeyStore` on a server. See the protocol for its promises.

    Its version is a row that every change of keys counts up, in the transaction of the change.
    """

    def __init__(self, url: str, *, password_file: str | None, mark: Path) -> None:
        """Connect, and make or bring up the tables. Raises StackError when that is not possible."""
        database = PostgresDatabase(
            url, password_file=password_file, schema=SCHEMA, migrations=MIGRATIONS
        )
        super().__init__(database, mark)

    def find(self, ids: Sequence[str]) -> KnownKeys:
        """See KeyStore."""
        with told(), self._database.reading() as session:
            # No id has a comma: see `split`.
            rows = session.rows(_FIND, ",".join(ids))
        return KnownKeys(rows[0][0], known(row[1:] for row in rows if row[1] is not None))

    def lock(self, session: Session) -> None:
        """Wait for the other one who changes keys, so that a name stays one key's."""
        session.rows("SELECT number FROM changes FOR UPDATE")

    def count(self, session: Session) -> None:
        """Count the change."""
        session.run("UPDATE changes SET number = number + 1")
