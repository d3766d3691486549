"""API keys as the rest of the gateway sees them, wherever they are kept.

A key is `sk-<id>-<secret>`: made once in the clear, kept as a hash, checked at every request. The
id (16 letters and digits) is public and finds the row; the secret (256 random bits, 43 url-safe
characters) proves it. Secrets are hashed with one SHA-256: slow hashes protect what people choose
and attackers can guess, and here there is nothing to guess; slowness would only be a way to load
the gateway with wrong keys.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from extauth.errors import Unauthenticated
from extauth.types import Consent, Principal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "sk-"
REFUSAL = "The API key is not valid. Provide one: Authorization: Bearer sk-…"

_ALPHABET = string.ascii_letters + string.digits
_ID_END = len(PREFIX) + 16
_LENGTH = _ID_END + 1 + 43


class ApiKey(msgspec.Struct, frozen=True):
    """An API key without its secret. Times are unix seconds.

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
        """Tell whether a request with this key is let in at `now`."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class Known(NamedTuple):
    """The values that a request's key is checked against. It works until `end`, in unix seconds."""

    digest: bytes
    principal: Principal
    end: float


class KnownKeys(NamedTuple):
    """The keys among those that were asked for, by id, as they were at one version of the store."""

    version: int
    keys: dict[str, Known]


class KeyStore(Protocol):
    """All API keys of a gateway, in a store that other processes may share. For any thread.

    Every method may block, and raises IdentityUnavailable when the store can't be used. A change is
    durable when the method returns, and every process of this node checks keys by it from then on;
    on other nodes that share the store within a second (see `KeyRing`).
    """

    def find(self, ids: Sequence[str]) -> KnownKeys:
        """Return the keys of `ids` that there are, and the version of the store, of one moment.

        A key that was handed out before is never changed without another version.
        """

    def stamp(self) -> bytes:
        """Return what another process of this node changes whenever it changes keys.

        Never blocks, and costs well under a microsecond.
        """

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

    def list(self, *, tenant: str | None = None) -> tuple[ApiKey, ...]:
        """Return all keys, or a tenant's, also those that no longer work, the oldest first."""

    def rotate(self, reference: str, *, grace: float, now: float) -> tuple[ApiKey, str]:
        """Put a new key in the place of one that works, which goes on working for `grace` seconds.

        `reference` is the key's id or `<tenant>/<name>`. The new key has the same principal, and a
        lifetime as long as the old one's was. Raises NotFound when no such key works, and
        InvalidRequest when it has been rotated already.
        """

    def revoke(self, reference: str, *, now: float) -> tuple[ApiKey, ...]:
        """End a key at once; its record remains. Revoking again changes nothing.

        `reference` is the key's id, or `<tenant>/<name>` for every key of that principal, with
        those in their grace period. Raises NotFound when there is no such key.
        """

    def consent(self, reference: str, consent: Consent | None) -> tuple[ApiKey, ...]:
        """Note what the person behind the working keys of `reference` agrees to from now on.

        None means that nothing is known of a consent; one without purposes was withdrawn. Raises
        NotFound when no such key works, InvalidRequest when the consent is malformed.
        """

    def erase(self, tenant: str, name: str) -> int:
        """Forget every key of a principal, as if there had never been one; return how many.

        Keys that worked stop at once, and no query finds what was deleted; in SQLite no file has
        it. When it raises, they are deleted, but may still be read in the store.
        """

    def close(self) -> None:
        """Let go of files and connections. The store can't be used afterwards."""


def split(presented: str) -> tuple[str, str]:
    """Return the id and the secret of a key. Raises Unauthenticated for what can't be one."""
    if (
        len(presented) != _LENGTH
        or not presented.startswith(PREFIX)
        or not presented.isascii()
        or presented[_ID_END] != "-"
        or not (key_id := presented[len(PREFIX) : _ID_END]).isalnum()
    ):
        raise Unauthenticated(REFUSAL)
    return key_id, presented[_ID_END + 1 :]


def draw() -> tuple[str, str]:
    """Return the id and the secret of a new key."""
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID_END - len(PREFIX)))
    return key_id, secrets.token_urlsafe(32)


def joined(key_id: str, secret: str) -> str:
    """Return a key as clients present it."""
    return f"{PREFIX}{key_id}-{secret}"


def digest(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()
