"""The usage that policies read: which counters it is, and how it stands in the input.

Those of the caller and its tenant over the last minute and day are always there; more are declared
in the policy's data, under `usage.counters`. All are counted with every request, and fetched in
one call.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.errors import ConfigurationError
from extauth.ledger import Counter
from extauth.types import Counters, Unit, UsageFacts, Window, Windows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.types import Principal

MINUTE = 60
DAY = 86_400

Fact = Literal["principal", "user", "key", "tenant", "team", "tier", "region", "model"]


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A counter of a policy's data. `of` are the facts that it is kept apart by."""

    of: tuple[Fact, ...]
    unit: Unit
    window: Window


class _Usage(msgspec.Struct, frozen=True):
    counters: dict[str, Declared] = {}


class _Data(msgspec.Struct, frozen=True):
    usage: _Usage = _Usage()


class UsageCounters:
    """Makes a request's counters, and the facts of what they count. Safe for any task."""

    def __init__(self, declared: dict[str, Declared]) -> None:
        self._declared = tuple(declared.items())

    @classmethod
    def of_data(cls, path: Path) -> UsageCounters:
        """The declarations in a snapshot's policy data. Raises ConfigurationError."""
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=_Data).usage.counters)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationError(f"policy data usage.counters: {error}") from None

    def of(self, principal: Principal, model: str) -> tuple[Counter, ...]:
        """The counters of a request, in the order in which `facts` takes what they count.

        A declared one of which the principal lacks a fact is left out.
        """
        standing = _standing(principal.tenant, principal.id)
        if not self._declared:
            return standing
        facts = _facts(principal, model)
        return standing + tuple(
            Counter(key_of(declared.of, facts), declared.unit, declared.window)
            for _, declared in self._declared
            if all(facts[name] for name in declared.of)
        )

    def facts(self, principal: Principal, model: str, counted: Sequence[int]) -> UsageFacts:
        """What the counters of `of` count, as the policy input has it; 0 for one left out."""
        caller, tenant = (
            Windows(Counters(*counted[at : at + 2]), Counters(*counted[at + 2 : at + 4]))
            for at in (0, 4)
        )
        if not self._declared:
            return UsageFacts(caller, tenant)
        rest, facts = iter(counted[8:]), _facts(principal, model)
        return UsageFacts(
            caller,
            tenant,
            {
                name: next(rest) if all(facts[fact] for fact in declared.of) else 0
                for name, declared in self._declared
            },
        )


def key_of(names: Sequence[str], facts: dict[str, str]) -> str:
    """A counter's key, as policies write it too: `tenant:acme|model:chat`."""
    return "|".join([f"{name}:{facts[name]}" for name in names])


@lru_cache(maxsize=4096)
def _standing(tenant: str, principal: str) -> tuple[Counter, ...]:
    return tuple(
        Counter(key, unit, window)
        for key in (f"principal:{principal}", f"tenant:{tenant}")
        for window in (MINUTE, DAY)
        for unit in ("requests", "tokens")
    )


def _facts(principal: Principal, model: str) -> dict[str, str]:
    attributes = principal.attributes
    return {
        "principal": principal.id,
        "user": attributes.get("user", principal.id),
        "key": principal.id,
        "tenant": principal.tenant,
        "team": attributes.get("team", ""),
        "tier": principal.tier,
        "region": principal.region or "",
        "model": model,
    }
