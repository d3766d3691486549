"""The versions of the audit schema that can be read, and the facts that older ones lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from extauth.audit.record import VERSION
from extauth.types import BehaviourFacts, GuardFacts

if TYPE_CHECKING:
    from extauth.types import Facts

FIRST = 1
"""The version of a record without one, which was written before there were any."""

READABLE = range(FIRST, VERSION + 1)


def unreadable(version: int) -> str:
    """Return the message about a record whose version is not READABLE."""
    return (
        f"an audit record of schema version {version}; this sluice reads version "
        f"{FIRST} to {VERSION}"
    )


def migrated(facts: Facts, version: int) -> Facts:
    """The facts of a record of a READABLE version, as they would stand in the present one.

    Records of version 1 may be older than the guard, and than memory of how a principal fared:
    then nothing was found, and nothing is remembered. All else that is new may be absent today;
    version 3 only gave `more` to the record, of which older ones have none.
    """
    if version > FIRST or facts.usage is None:
        return facts
    return replace(
        facts,
        guard=facts.guard or GuardFacts(),
        behaviour=facts.behaviour or BehaviourFacts(),
    )
