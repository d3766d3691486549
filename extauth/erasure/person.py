"""The person to erase: the principals that are one person, and the names that replace theirs.

A person is named by a principal's id, `TENANT/NAME`, or by what its attribute `user` says. Every
principal of the tenant with the same `user` is the same person, as it is to limits by user.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from extauth.audit.rewriting import contents
from extauth.errors import InvalidRequest, StackError
from extauth.identity.names import is_name, is_text, principal_id
from extauth.types.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.audit.log import AuditLog
    from extauth.identity import KeyStore

USER = "user"
ERASED = "erased-"
_DIGITS = 20


class _Principal(msgspec.Struct):
    id: str
    tenant: str
    attributes: dict[str, str] = {}


class _Record(msgspec.Struct):
    principal: _Principal | None = None


class Person(NamedTuple):
    """`principals` are names in the tenant, `users` values of the attribute `user`."""

    tenant: str
    name: str
    principals: tuple[str, ...]
    users: tuple[str, ...]

    def pseudonym(self, name: str, key: bytes) -> str:
        """Return the pseudonym of a name: always the same, not to be guessed without the key."""
        made = hmac.digest(key, f"erased\0{self.tenant}\0{name}".encode(), "sha256").hex()
        return f"{ERASED}{made[:_DIGITS]}"

    def pseudonyms(self, key: bytes) -> Pseudonyms:
        """For texts: ids of principals, and keys of limits by user."""
        ids = {
            principal_id(self.tenant, name): principal_id(self.tenant, self.pseudonym(name, key))
            for name in self.principals
        }
        users = {f"{USER}:{user}": f"{USER}:{self.pseudonym(user, key)}" for user in self.users}
        return Pseudonyms(ids | users)


def parse(subject: str) -> tuple[str, str]:
    """Tenant and name of a subject. Raises InvalidRequest for what is none."""
    tenant, _, name = subject.partition("/")
    if not is_name(tenant) or not is_text(name):
        raise InvalidRequest(
            f"{subject}: expected TENANT/NAME, such as acme/ada: the name of a key, the subject of "
            "a token, or a value of the attribute `user`",
            param="subject",
        )
    if name.startswith(ERASED):
        raise InvalidRequest(f"{subject} is the pseudonym of somebody erased", param="subject")
    return tenant, name


def find(subject: str, keys: KeyStore, audit: AuditLog) -> Person:
    """Return the person that a subject names, as keys and the audit log know it.

    Raises InvalidRequest for what is not a subject, StackError when the stores can't be read.
    """
    tenant, name = parse(subject)
    known = {(key.name, key.principal.attributes.get(USER)) for key in keys.list(tenant=tenant)}
    known |= set(_recorded(tenant, audit))
    principals, users = {name}, {name}
    while True:
        same = {pair for pair in known if pair[0] in principals or pair[1] in users}
        grown = principals | {each for each, _ in same}, users | {user for _, user in same if user}
        if grown == (principals, users):
            return Person(tenant, name, tuple(sorted(principals)), tuple(sorted(users)))
        principals, users = grown


def _recorded(tenant: str, audit: AuditLog) -> Iterable[tuple[str, str | None]]:
    if not audit.exists():
        return
    for content in contents(audit, "record"):
        try:
            principal = msgspec.json.decode(content, type=_Record).principal
        except msgspec.MsgspecError as error:
            raise StackError(f"{audit.name}: a record can't be read: {error}") from None
        if principal is not None and principal.tenant == tenant:
            yield principal.id.partition("/")[2], principal.attributes.get(USER)
