"""Recorded requests: the part of an audit record that a replay reads."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from extauth.audit import Outcome
from extauth.audit.record import VERSION
from extauth.audit.versions import FIRST, READABLE, migrated, unreadable
from extauth.errors import ConfigurationError
from extauth.obligations import Decision, Route
from extauth.policy import Entrypoint
from extauth.types import Facts, Usage

_REFUSED = frozenset({"policy_error", "policy_unavailable"})


class Recorded(msgspec.Struct, frozen=True):
    """The part of `AuditRecord` that matters here; everything else is skipped, undecoded."""

    request_id: str
    time: float
    outcome: Outcome
    facts: Facts | None
    decision: Decision | None
    error: str | None = None
    route: Route | None = None
    usage: Usage | None = None
    timings: dict[str, int] = {}
    version: int = FIRST

    @property
    def entrypoint(self) -> Entrypoint:
        """The last comparison that was asked of the policy. Only with facts."""
        admission = self.facts is None or self.facts.usage is None
        return Entrypoint.ADMISSION if admission else Entrypoint.INFERENCE

    @property
    def older(self) -> bool:
        """True if it was written before the present version of the schema."""
        return self.version < VERSION

    @property
    def undecided(self) -> str | None:
        """The rule of a deny that came from a failure of the policy; None for any other."""
        return self.error if self.error in _REFUSED else None


class _Versioned(msgspec.Struct):
    version: int = FIRST


_decode = msgspec.json.Decoder(Recorded).decode
_version = msgspec.json.Decoder(_Versioned).decode


def read(record: bytes) -> Recorded:
    """Read a record of the audit log; the facts of an older version are migrated.

    Raises ConfigurationError for anything else, and for a schema that is not READABLE.
    """
    try:
        recorded = _decode(record)
    except msgspec.MsgspecError as error:
        _refuse_version(record)
        raise ConfigurationError(f"not an audit record: {error}") from None
    except UnicodeDecodeError:
        raise ConfigurationError("not an audit record: not UTF-8") from None
    if recorded.version not in READABLE:
        raise ConfigurationError(unreadable(recorded.version))
    if recorded.facts is None or not recorded.older:
        return recorded
    return replace(recorded, facts=migrated(recorded.facts, recorded.version))


def _refuse_version(record: bytes) -> None:
    try:
        version = _version(record).version
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    if version not in READABLE:
        raise ConfigurationError(unreadable(version))
