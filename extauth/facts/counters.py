"""The usage counters that policies read.

The counters of the principal and of its tenant over the last minute and day are always there. A
policy's data may declare more, under `usage.counters`. Every request is counted in all of them, and
their values are read from the ledger in one call.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.errors import ConfigurationError
from extauth.ledger import Counter
from extauth.types import Counters, Unit, UsageFacts, Window, Windows, key_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.types import Principal

MINUTE = 60
DAY = 86_400

Fact = Literal["principal", "user", "key", "tenant", "team", "tier", "region", "model"]


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A counter that a policy's data declares, kept apart for each combination of `of`."""

    of: tuple[Fact, ...]
    unit: Unit
    window: Window


class _Usage(msgspec.Struct, frozen=True):
    counters: dict[str, Declared] = {}


class _UsageData(msgspec.Struct, frozen=True):
    usage: _Usage = _Usage()


class UsageCounters:
    """Builds a request's counters, and facts from their values. Safe to share between tasks."""

    def __init__(self, declared: dict[str, Declared]) -> None:
        self._declared = tuple(declared.items())

    @classmethod
    def of_data(cls, path: Path) -> UsageCounters:
        """Read the declarations in a snapshot's policy data. Raises ConfigurationError."""
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=_UsageData).usage.counters)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigurationError(f"policy data usage.counters: {error}") from None

    def of(self, principal: Principal, model: str) -> tuple[Counter, ...]:
        """Return the counters of a request, in the order that `facts` expects their values in.

        Leaves out a declared counter if the principal lacks one of its facts.
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
        """Return the policy input's usage from the values of the counters that `of` returned.

        A declared counter that `of` left out is 0.
        """
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
    """Return a counter's key, as policies write it too: `tenant:acme|model:chat`."""
    return "|".join([key_part(name, facts[name]) for name in names])


@lru_cache(maxsize=4096)
def _standing(tenant: str, principal: str) -> tuple[Counter, ...]:
    return tuple(
        Counter(key, unit, window)
        for key in (key_part("principal", principal), key_part("tenant", tenant))
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
