"""The stores of a configuration: `ledger`, `identity.store` and `audit.store`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extauth import settings as to
from extauth.compiler.url import check_postgres, check_store
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from extauth.compiler.fields import Fields

_SHORTEST_LEASE = 3.0
"""It is renewed at a third of its length, and a busy event loop must not lose it."""


def read_ledger(fields: Fields) -> to.LedgerSettings:
    """Return the settings of the ledger. Raises ConfigurationError with the line."""
    ledger = fields.at("ledger")
    if ledger is None or ledger["kind"] == "embedded":
        for key in ledger or ():
            if key != "kind":
                raise fields.error(("ledger", key), "only `kind: redis` has it")
        return to.LedgerSettings()
    if "url" not in ledger:
        raise fields.error(
            ("ledger",), "the key url is missing: where Redis is, as in redis://host:6379/0"
        )
    try:
        check_store(ledger["url"])
    except ConfigurationError as error:
        raise fields.error(("ledger", "url"), error.message) from None
    password = fields.secret("ledger", "password_file") if "password_file" in ledger else None
    return to.LedgerSettings(
        kind="redis",
        url=ledger["url"],
        password_file=str(password) if password else None,
        **(
            {"lease": fields.duration("ledger", "lease", least=_SHORTEST_LEASE)}
            if "lease" in ledger
            else {}
        ),
    )


def read_workers(fields: Fields, ledger: to.LedgerSettings) -> int:
    """Return the number of processes. Raises ConfigurationError if they can't share the ledger."""
    workers = int(fields.at("workers") or 1)
    if workers > 1 and ledger.kind == "embedded":
        raise fields.error(
            ("workers",),
            f"{workers} processes can't share the embedded ledger: add "
            "`ledger: {kind: redis, url: redis://host:6379/0}`, or leave workers out",
        )
    return workers


def read_store(fields: Fields, section: Literal["identity", "audit"]) -> to.StoreSettings:
    """Return the store of a section; the embedded one where it names none.

    Raises ConfigurationError with the line, for a password file that others can read too.
    """
    store = (fields.at(section) or {}).get("store")
    if store is None or store["kind"] == "embedded":
        for key in store or ():
            if key != "kind":
                raise fields.error((section, "store", key), "only `kind: postgres` has it")
        return to.StoreSettings()
    if "url" not in store:
        raise fields.error(
            (section, "store"),
            "the key url is missing: where PostgreSQL is, as in postgresql://user@host:5432/sluice",
        )
    try:
        check_postgres(store["url"])
    except ConfigurationError as error:
        raise fields.error((section, "store", "url"), error.message) from None
    password = (
        fields.secret(section, "store", "password_file") if "password_file" in store else None
    )
    return to.StoreSettings("postgres", store["url"], str(password) if password else None)
