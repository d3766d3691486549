"""Verdicts: decisions as far as two policies are compared, and their differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from extauth.obligations import Obligation, Route

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extauth.obligations import Decision

DifferenceKind = Literal[
    "new_denies", "new_allows", "changed_rules", "changed_obligations", "changed_routes"
]
DIFFERENCE_KINDS: tuple[DifferenceKind, ...] = (
    "new_denies",
    "new_allows",
    "changed_rules",
    "changed_obligations",
    "changed_routes",
)


class PolicyFailure(msgspec.Struct, frozen=True, array_like=True):
    """Failure of a policy to decide: the package that was asked, and what went wrong.

    `late` is true when its time was up.
    """

    package: str
    message: str
    late: bool = False


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """A decision without the wording of its reasons. A failure is a deny by `policy_error`."""

    allow: bool
    rules: tuple[str, ...] = ()
    route: Route | None = None
    obligations: tuple[Obligation, ...] = ()
    failure: PolicyFailure | None = None

    @classmethod
    def of(cls, decision: Decision) -> Verdict:
        """Return a decision as a verdict."""
        rules = tuple([reason.rule for reason in decision.reasons])
        return cls(decision.allow, rules, decision.route, decision.obligations)

    def __str__(self) -> str:
        if not self.allow:
            return f"deny ({', '.join(self.rules) or 'no rule'})"
        return f"allow, to {named(self.route)}" if self.route else "allow"

    def under(self, names: Iterable[str]) -> str:
        """Return its obligations that have these names, in short."""
        found = _by_name(self.obligations)
        told = [f"{name} {each}" for name in names for each in found.get(name, ())]
        return ", ".join(told) or "none"


class Difference(msgspec.Struct, frozen=True):
    """A way in which two verdicts differ.

    `by` are the names to count it under: the rules that deny now or denied before, the obligations
    that came, went or changed, the two routes.
    """

    kind: DifferenceKind
    by: tuple[str, ...]


def differences(before: Verdict, after: Verdict) -> tuple[Difference, ...]:
    """Return how two verdicts on one request differ; empty when they do not.

    Obligations and routes are compared where both allow. The order of rules counts: the first is
    the one that a client is told.
    """
    if before == after:
        return ()
    if before.allow and not after.allow:
        return (Difference("new_denies", after.rules),)
    if after.allow and not before.allow:
        return (Difference("new_allows", before.rules),)
    if not before.allow:
        if before.rules == after.rules:
            return ()
        changed = set(before.rules) ^ set(after.rules)
        return (Difference("changed_rules", tuple(sorted(changed)) or after.rules),)
    found = []
    if obligations := tuple(_changed(before.obligations, after.obligations)):
        found.append(Difference("changed_obligations", obligations))
    if before.route != after.route:
        found.append(
            Difference("changed_routes", (f"{named(before.route)} to {named(after.route)}",))
        )
    return tuple(found)


def named(route: Route | None) -> str:
    """Return a route as people write it."""
    return f"{route.model}@{route.version}" if route else "nowhere"


def _changed(before: Iterable[Obligation], after: Iterable[Obligation]) -> Iterator[str]:
    """Yield the label of each obligation that is not in both alike."""
    old, new = _by_name(before), _by_name(after)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield name


def _by_name(obligations: Iterable[Obligation]) -> dict[str, list[Obligation]]:
    found: dict[str, list[Obligation]] = {}
    for obligation in obligations:
        found.setdefault(obligation.label, []).append(obligation)
    return found
