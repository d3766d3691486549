"""The stores of a configuration: `identity.store` and `audit.store`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from extauth import settings as to
from extauth.compiler.url import check_postgres
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from extauth.compiler.fields import Fields


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
