"""The operators' side of API keys, in the SQL that every database understands."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import IdentityUnavailable, InvalidRequest, NotFound, StackError
from extauth.identity.changes import Mark
from extauth.identity.names import NAME_RULE, is_day, is_name, is_text, principal_id
from extauth.identity.store import ApiKey, Known, digest, draw, joined
from extauth.types import Consent, Principal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from extauth.storage.database import ColumnValue, Database, Session

_COLUMNS = "id, name, principal, created, expires, revoked, successor"
_INSERT = """
INSERT INTO keys (id, digest, tenant, name, principal, created, expires)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_decode = msgspec.json.Decoder(Principal).decode


class Register:
    """The part of `KeyStore` that does not depend on the database; see there for its promises."""

    def __init__(self, database: Database, mark: Path) -> None:
        """Make or open the tables. `mark` is the node's file for `Mark`. Raises StackError."""
        self._database = database
        database.open()
        self._mark = Mark(mark)

    def close(self) -> None:
        """See KeyStore."""
        self._database.close()
        self._mark.close()

    def stamp(self) -> bytes:
        """See KeyStore."""
        return self._mark.read()

    def create(
        self,
        *,
        name: str,
        tenant: str,
        tier: str,
        now: float,
        roles: Sequence[str] = (),
        region: str | None = None,
        attributes: Mapping[str, str] | None = None,
        consent: Consent | None = None,
        retention: str | None = None,
        lifetime: float | None = None,
    ) -> tuple[ApiKey, str]:
        """See KeyStore."""
        attributes = dict(attributes or {})
        fields = {
            "name": name,
            "tenant": tenant,
            "tier": tier,
            "region": region,
            "retention": retention,
        }
        wrong = [field for field, value in fields.items() if value and not is_name(value)]
        wrong += [field for field in ("name", "tenant", "tier") if not fields[field]]
        wrong += ["roles" for role in roles if not is_name(role)]
        wrong += ["attributes" for key, value in attributes.items() if not is_name(key)]
        if wrong:
            raise InvalidRequest(f"{wrong[0]}: must be {NAME_RULE}", param=wrong[0])
        if not all(map(is_text, attributes.values())):
            raise InvalidRequest("attributes: must be short printable text", param="attributes")
        _check_consent(consent)
        principal = Principal(
            id=principal_id(tenant, name),
            kind="api_key",
            tenant=tenant,
            tier=tier,
            roles=tuple(dict.fromkeys(roles)),
            region=region or None,
            attributes=attributes,
            consent=consent,
            retention=retention or None,
        )
        with self._writing() as session:
            if any(key.works(now) for key in self._of_principal(session, tenant, name)):
                raise InvalidRequest(
                    f"a working key is already called {principal.id}: rotate or revoke it first",
                    param="name",
                )
            return self._insert(session, name, principal, now, lifetime)

    def list(self, *, tenant: str | None = None) -> tuple[ApiKey, ...]:
        """See KeyStore."""
        with self._reading() as session:
            if tenant is None:
                return self._select(session, "ORDER BY created, id")
            return self._select(session, "WHERE tenant = ? ORDER BY created, id", tenant)

    def rotate(self, reference: str, *, grace: float, now: float) -> tuple[ApiKey, str]:
        """See KeyStore."""
        with self._changing() as session:
            working = [key for key in self._find(session, reference) if key.works(now)]
            if not working:
                raise NotFound(f"no working key is called {reference}")
            current = [key for key in working if key.successor is None]
            if not current:
                raise InvalidRequest(f"{reference} was rotated already", param="id")
            old = current[0]
            lifetime = None if old.expires is None else old.expires - old.created
            new, plaintext = self._insert(session, old.name, old.principal, now, lifetime)
            end = now + grace if old.expires is None else min(old.expires, now + grace)
            self._update(session, "expires = ?, successor = ? WHERE id = ?", end, new.id, old.id)
            return new, plaintext

    def revoke(self, reference: str, *, now: float) -> tuple[ApiKey, ...]:
        """See KeyStore."""
        with self._changing() as session:
            found = self._find(session, reference)
            if not found:
                raise NotFound(f"no key is called {reference}")
            for key in found:
                self._update(session, "revoked = ? WHERE id = ? AND revoked IS NULL", now, key.id)
            return self._find(session, reference)

    def consent(self, reference: str, consent: Consent | None) -> tuple[ApiKey, ...]:
        """See KeyStore."""
        _check_consent(consent)
        with self._changing() as session:
            found = [key for key in self._find(session, reference) if key.revoked is None]
            if not found:
                raise NotFound(f"no working key is called {reference}")
            for key in found:
                principal = msgspec.structs.replace(key.principal, consent=consent)
                self._update(
                    session, "principal = ? WHERE id = ?", msgspec.json.encode(principal), key.id
                )
            return self._find(session, reference)

    def erase(self, tenant: str, name: str) -> int:
        """See KeyStore."""
        with self._changing() as session:
            count = session.run("DELETE FROM keys WHERE tenant = ? AND name = ?", tenant, name)
        with told():
            self._database.scrub()
        return count

    def _insert(
        self, session: Session, name: str, principal: Principal, now: float, lifetime: float | None
    ) -> tuple[ApiKey, str]:
        key_id, secret = draw()
        expires = None if lifetime is None else now + lifetime
        session.run(
            _INSERT,
            key_id,
            digest(secret),
            principal.tenant,
            name,
            msgspec.json.encode(principal),
            now,
            expires,
        )
        record = ApiKey(id=key_id, name=name, principal=principal, created=now, expires=expires)
        return record, joined(key_id, secret)

    def _find(self, session: Session, reference: str) -> tuple[ApiKey, ...]:
        tenant, slash, name = reference.partition("/")
        if slash:
            return self._of_principal(session, tenant, name)
        return self._select(session, "WHERE id = ?", reference)

    def _of_principal(self, session: Session, tenant: str, name: str) -> tuple[ApiKey, ...]:
        return self._select(
            session, "WHERE tenant = ? AND name = ? ORDER BY created, id", tenant, name
        )

    def _select(self, session: Session, clause: str, *values: ColumnValue) -> tuple[ApiKey, ...]:
        # The clause is one of this file's own; values are bound.
        rows = session.rows(f"SELECT {_COLUMNS} FROM keys {clause}", *values)  # noqa: S608
        return tuple(ApiKey(key, name, _decode(who), *rest) for key, name, who, *rest in rows)

    def _update(self, session: Session, clause: str, *values: ColumnValue) -> None:
        session.run(f"UPDATE keys SET {clause}", *values)  # noqa: S608 - own words

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with told(), self._database.reading() as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with told(), self._database.writing() as session:
            self.lock(session)
            yield session

    @contextmanager
    def _changing(self) -> Iterator[Session]:
        """Write, and have every process that knows of keys look at them anew."""
        try:
            with self._writing() as session:
                yield session
                self.count(session)
        finally:
            # Also where nobody knows whether the commit came to pass.
            self._mark.change()

    def lock(self, session: Session) -> None:
        """Let nobody else change keys before this transaction ends, where that takes a word."""

    def count(self, session: Session) -> None:
        """Give the store another version, where that takes a word."""


def known(rows: Iterable[tuple[Any, ...]]) -> dict[str, Known]:
    """Return what keys are checked against, of rows of id, digest, principal, expires, revoked."""
    return {
        key: Known(
            made,
            _decode(principal),
            float("-inf") if revoked is not None else float("inf") if expires is None else expires,
        )
        for key, made, principal, expires, revoked in rows
    }


@contextmanager
def told() -> Iterator[None]:
    """Raise IdentityUnavailable for what the database says."""
    try:
        yield
    except StackError as error:
        raise IdentityUnavailable(error.message) from None


def _check_consent(consent: Consent | None) -> None:
    if consent is None:
        return
    if not all(map(is_name, consent.purposes)):
        raise InvalidRequest(f"consent: a purpose must be {NAME_RULE}", param="consent")
    if consent.expires is not None and not is_day(consent.expires):
        raise InvalidRequest("consent: its last day must be as in 2027-01-31", param="consent")
