"""The stores of a configuration: whoever needs one gets it here, and opens no file itself."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from extauth.audit.sqlite import SqliteLog
from extauth.errors import StackError
from extauth.identity.sqlite import SqliteKeys
from extauth.ledger import EmbeddedLedger
from extauth.settings import LedgerSettings, StoreSettings
from extauth.snapshot import Snapshot
from extauth.storage.state import read_password

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Literal

    from extauth.audit.log import AuditLog
    from extauth.identity import KeyStore
    from extauth.ledger import Ledger
    from extauth.settings import Settings
    from extauth.storage.state import StateDir
    from extauth.types import Clock


class Stores:
    """Opens each store when it is asked for it, and closes what it has opened. For one thread.

    The stores themselves may be used by any; those of shared kinds block on a network.
    """

    def __init__(self, settings: Settings | None, state: StateDir) -> None:
        """Without `settings`, the embedded stores of `state`."""
        self._identity = settings.identity.store if settings else StoreSettings()
        self._audit = settings.audit.store if settings else StoreSettings()
        self._ledger = settings.ledger if settings else LedgerSettings()
        self._state = state
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close everything that was opened here, but ledgers, which close themselves."""
        self._opened.close()

    def keys(self) -> KeyStore:
        """Return the store of API keys. Raises StackError when it can't be used."""
        keys = _keys(self._identity, self._state)
        self._opened.callback(keys.close)
        return keys

    def audit(self, *, synchronous: Literal["NORMAL", "FULL"] = "FULL") -> AuditLog:
        """Return the audit log, to be opened by whoever makes it.

        What is written to a file with `NORMAL` survives the process, with `FULL` a loss of power.
        """
        log = open_audit(self._audit, self._state.audit_db, synchronous=synchronous)
        self._opened.callback(log.close)
        return log

    def ledger(self, clock: Clock) -> Ledger:
        """Return the ledger, to be started; calls pass it times of `clock`.

        Raises StackError when it can't be had.
        """
        ledger = self._ledger
        if ledger.kind == "embedded" or ledger.url is None:
            return EmbeddedLedger(self._state.ledger_db, clock)
        _require("redis", "the ledger in Redis")
        # Only those who have a Redis need its client.
        from extauth.ledger.redis import RedisLedger  # noqa: PLC0415

        return RedisLedger(
            ledger.url, password=read_password(ledger.password_file, "Redis"), lease=ledger.lease
        )


def open_stores(state: StateDir, settings: Settings | None = None) -> Stores:
    """Return the stores of `settings`, or else of the configuration that is active in `state`.

    Where none is active yet, they are embedded. Raises ConfigurationError for a snapshot that can't
    be read.
    """
    if settings is None and state.active.exists():
        settings = Snapshot.load(state.active.resolve()).settings
    return Stores(settings, state)


def audit_store(state: StateDir) -> StoreSettings:
    """Return where the audit log of a state directory is, for processes that open it themselves."""
    if not state.active.exists():
        return StoreSettings()
    return Snapshot.load(state.active.resolve()).settings.audit.store


def require_clients(settings: Settings) -> None:
    """Raise StackError when a store needs a package that is not here."""
    if settings.ledger.kind == "redis":
        _require("redis", "the ledger in Redis")
    if settings.identity.store.kind == "postgres":
        _require("postgres", "identity in PostgreSQL")
    if settings.audit.store.kind == "postgres":
        _require("postgres", "the audit log in PostgreSQL")


def open_audit(
    store: StoreSettings, file: Path, *, synchronous: Literal["NORMAL", "FULL"] = "FULL"
) -> AuditLog:
    """Return the audit log that `store` names; `file` is that of an embedded one.

    Raises StackError where it can't be had.
    """
    if store.kind == "embedded" or store.url is None:
        return SqliteLog(file, synchronous=synchronous)
    _require("postgres", "the audit log in PostgreSQL")
    # Only those who have a PostgreSQL need its client.
    from extauth.audit.postgres import PostgresLog  # noqa: PLC0415

    return PostgresLog(store.url, password_file=store.password_file)


def _keys(store: StoreSettings, state: StateDir) -> KeyStore:
    if store.kind == "embedded" or store.url is None:
        return SqliteKeys(state.identity_db)
    _require("postgres", "identity in PostgreSQL")
    from extauth.identity.postgres import PostgresKeys  # noqa: PLC0415

    return PostgresKeys(
        store.url,
        password_file=store.password_file,
        mark=state.identity_db.with_suffix(".changed"),
    )


def _require(extra: Literal["redis", "postgres"], what: str) -> None:
    package = "psycopg" if extra == "postgres" else extra
    if find_spec(package) is None:
        raise StackError(f"{what} needs the package {package}: pip install 'sluicegate[{extra}]'")
