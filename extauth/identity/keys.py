"""API keys `sk-<id>-<secret>`: made once in the clear, kept as a hash, checked at every request.

The id (16 letters and digits) is public and finds the row; the secret (256 random bits, 43
url-safe characters) proves it. Secrets are hashed with one SHA-256: slow hashes protect what
people choose and attackers can guess, and here there is nothing to guess; slowness would only
be a way to load the gateway with wrong keys.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import string
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import IdentityUnavailable, InvalidRequest, NotFound, Unauthenticated
from extauth.identity.names import NAME_RULE, is_day, is_name, is_text, principal_id
from extauth.storage.sqlite import checkpoint, connect, transaction
from extauth.types import Consent, Principal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PREFIX = "sk-"
REFUSAL = "The API key is not valid. Provide one: Authorization: Bearer sk-…"

_ALPHABET = string.ascii_letters + string.digits
_ID_END = len(PREFIX) + 16
_LENGTH = _ID_END + 1 + 43
_NO_DIGEST = secrets.token_bytes(32)

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
_LOOKUP = "SELECT digest, principal, expires, revoked FROM keys WHERE id = ?"
_COLUMNS = "id, name, principal, created, expires, revoked, successor"
_decode = msgspec.json.Decoder(Principal).decode


class ApiKey(msgspec.Struct, frozen=True):
    """What is known of a key, without its secret. Times are unix seconds.

    `successor` is the id of the key that a rotation put in its place.
    """

    id: str
    name: str
    principal: Principal
    created: float
    expires: float | None = None
    revoked: float | None = None
    successor: str | None = None

    def works(self, now: float) -> bool:
        """Whether a request with this key is let in at `now`."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class KeyStore:
    """All API keys of a state directory, in one SQLite file that several processes may share.

    `authenticate` belongs to one thread, the event loop's; the rest may be called from any. There
    is no cache beside SQLite's own pages, bounded and in memory: a lookup by primary key costs
    what asking "has anything changed?" would, and a revoked key stops working at once.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the store at `path`. Raises StackError when that is not possible."""
        self._reader = connect(path, _SCHEMA, synchronous="FULL")
        self._writer = connect(path, _SCHEMA, synchronous="FULL")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the files. The store can't be used afterwards."""
        self._reader.close()
        self._writer.close()

    def authenticate(self, presented: str, now: float) -> Principal:
        """The principal whose key was `presented`.

        Raises Unauthenticated, always with the same message, when there is no such key, it is
        expired, revoked or wrong in any way; IdentityUnavailable when the store can't be read.
        """
        if (
            len(presented) != _LENGTH
            or not presented.startswith(PREFIX)
            or not presented.isascii()
            or presented[_ID_END] != "-"
        ):
            raise Unauthenticated(REFUSAL)
        try:
            row = self._reader.execute(_LOOKUP, (presented[len(PREFIX) : _ID_END],)).fetchone()
        except sqlite3.Error:
            raise IdentityUnavailable("The key store can't be read.") from None
        # An unknown id takes as long as a wrong secret.
        expected = _NO_DIGEST if row is None else row[0]
        matches = hmac.compare_digest(_digest(presented[_ID_END + 1 :]), expected)
        if not matches or row is None:
            raise Unauthenticated(REFUSAL)
        _, principal, expires, revoked = row
        if revoked is not None or (expires is not None and now >= expires):
            raise Unauthenticated(REFUSAL)
        return _decode(principal)

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
        """Make a key; the text beside its record is the only copy that will ever exist.

        Raises InvalidRequest when a name is malformed, or when a working key of the tenant
        already has this one.
        """
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
        with self._transaction():
            if any(key.works(now) for key in self._of_principal(tenant, name)):
                raise InvalidRequest(
                    f"a working key is already called {principal.id}: rotate or revoke it first",
                    param="name",
                )
            return self._insert(name, principal, now, lifetime)

    def list(self, *, tenant: str | None = None) -> tuple[ApiKey, ...]:
        """Every key, of one tenant or of all, also those that no longer work, oldest first."""
        where, values = ("WHERE tenant = ?", (tenant,)) if tenant else ("", ())
        with self._transaction():
            return self._select(f"{where} ORDER BY created, id", values)

    def rotate(self, reference: str, *, grace: float, now: float) -> tuple[ApiKey, str]:
        """Put a new key in the place of one that works, which goes on working for `grace` seconds.

        `reference` is the key's id or `<tenant>/<name>`. The new key has the same principal, and a
        lifetime as long as the old one's was. Raises NotFound when no such key works, and
        InvalidRequest when it has been rotated already.
        """
        with self._transaction():
            working = [key for key in self._find(reference) if key.works(now)]
            if not working:
                raise NotFound(f"no working key is called {reference}")
            current = [key for key in working if key.successor is None]
            if not current:
                raise InvalidRequest(f"{reference} was rotated already", param="id")
            old = current[0]
            lifetime = None if old.expires is None else old.expires - old.created
            new, plaintext = self._insert(old.name, old.principal, now, lifetime)
            end = now + grace if old.expires is None else min(old.expires, now + grace)
            self._writer.execute(
                "UPDATE keys SET expires = ?, successor = ? WHERE id = ?", (end, new.id, old.id)
            )
            return new, plaintext

    def revoke(self, reference: str, *, now: float) -> tuple[ApiKey, ...]:
        """End a key at once; its record remains. Revoking again changes nothing.

        `reference` is the key's id, or `<tenant>/<name>` for every key of that principal, with
        those in their grace period. Raises NotFound when there is no such key.
        """
        with self._transaction():
            found = self._find(reference)
            if not found:
                raise NotFound(f"no key is called {reference}")
            for key in found:
                self._writer.execute(
                    "UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", (now, key.id)
                )
            return self._find(reference)

    def consent(self, reference: str, consent: Consent | None) -> tuple[ApiKey, ...]:
        """Note what the person behind the working keys of `reference` agrees to from now on.

        None means that nothing is known of a consent; one without purposes was withdrawn. Raises
        NotFound when no such key works, InvalidRequest when the consent is malformed.
        """
        _check_consent(consent)
        with self._transaction():
            found = [key for key in self._find(reference) if key.revoked is None]
            if not found:
                raise NotFound(f"no working key is called {reference}")
            for key in found:
                principal = msgspec.structs.replace(key.principal, consent=consent)
                self._writer.execute(
                    "UPDATE keys SET principal = ? WHERE id = ?",
                    (msgspec.json.encode(principal), key.id),
                )
            return self._find(reference)

    def erase(self, tenant: str, name: str) -> int:
        """Forget every key of a principal, as if there had never been one; how many there were.

        What is deleted is gone from the file too. Keys that worked stop at once. Raises
        IdentityUnavailable; they are deleted then, but may still be read in the file.
        """
        with self._transaction():
            cursor = self._writer.execute(
                "DELETE FROM keys WHERE tenant = ? AND name = ?", (tenant, name)
            )
        with self._lock:
            try:
                done = checkpoint(self._writer)
            except sqlite3.Error as error:
                raise IdentityUnavailable(f"The key store can't be written: {error}") from None
        if not done:
            raise IdentityUnavailable("Somebody reads the key store and does not come to an end.")
        return cursor.rowcount

    def _insert(
        self, name: str, principal: Principal, now: float, lifetime: float | None
    ) -> tuple[ApiKey, str]:
        key_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_END - len(PREFIX)))
        secret = secrets.token_urlsafe(32)
        expires = None if lifetime is None else now + lifetime
        self._writer.execute(
            "INSERT INTO keys (id, digest, tenant, name, principal, created, expires)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                key_id,
                _digest(secret),
                principal.tenant,
                name,
                msgspec.json.encode(principal),
                now,
                expires,
            ),
        )
        record = ApiKey(id=key_id, name=name, principal=principal, created=now, expires=expires)
        return record, f"{PREFIX}{key_id}-{secret}"

    def _find(self, reference: str) -> tuple[ApiKey, ...]:
        tenant, slash, name = reference.partition("/")
        if slash:
            return self._of_principal(tenant, name)
        return self._select("WHERE id = ?", (reference,))

    def _of_principal(self, tenant: str, name: str) -> tuple[ApiKey, ...]:
        return self._select("WHERE tenant = ? AND name = ? ORDER BY created, id", (tenant, name))

    def _select(self, clause: str, values: tuple[str, ...]) -> tuple[ApiKey, ...]:
        # The clause is one of this file's own; values are bound.
        rows = self._writer.execute(f"SELECT {_COLUMNS} FROM keys {clause}", values)  # noqa: S608
        return tuple(ApiKey(key, name, _decode(who), *rest) for key, name, who, *rest in rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            try:
                with transaction(self._writer):
                    yield
            except sqlite3.Error as error:
                raise IdentityUnavailable(f"The key store can't be written: {error}") from None


def _check_consent(consent: Consent | None) -> None:
    if consent is None:
        return
    if not all(map(is_name, consent.purposes)):
        raise InvalidRequest(f"consent: a purpose must be {NAME_RULE}", param="consent")
    if consent.expires is not None and not is_day(consent.expires):
        raise InvalidRequest("consent: its last day must be as in 2027-01-31", param="consent")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
