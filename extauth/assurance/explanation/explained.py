"""The document of an explanation, as `sluice explain --format json` prints it.

Places are `file:line` as in the policy repository. It holds facts, rules and data alone: a
policy knows no prompt, no answer and no key.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from extauth.obligations import Decision, Reason, Route


class Value(msgspec.Struct, frozen=True):
    """An operand or a fact by name, and what it was.

    `value` is JSON; a set is a sorted list. An operand that is undefined has no Value.
    """

    name: str
    value: Any


class Condition(msgspec.Struct, frozen=True):
    """An expression of a rule's body, its place, and the values that it looked at.

    `because` has, for a helper rule without a value, the expression at which each of its
    definitions ended.
    """

    place: str
    text: str
    values: tuple[Value, ...] = ()
    because: tuple[Condition, ...] = ()


class Fired(msgspec.Struct, frozen=True):
    """A reason of the decision, the rule that gave it, and the conditions that held for it.

    `place` is empty where no single rule gave the reason.
    """

    reason: Reason
    place: str
    name: str
    conditions: tuple[Condition, ...] = ()


class Nearly(msgspec.Struct, frozen=True):
    """A rule that would have denied but for one condition, and that condition.

    `reason` is what it would have said.
    """

    reason: Reason
    place: str
    name: str
    failed: Condition


class GrantedObligation(msgspec.Struct, frozen=True):
    """An obligation of the decision, as in schemas/decision.schema.json, and its rule."""

    obligation: dict[str, Any]
    place: str
    name: str
    conditions: tuple[Condition, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """A rule that gave a part of the route."""

    place: str
    name: str
    value: Any


class Routed(msgspec.Struct, frozen=True):
    """The route of the decision, its rule, and the rules that its parts came from."""

    route: Route
    place: str
    name: str
    steps: tuple[Step, ...] = ()


class Flip(msgspec.Struct, frozen=True):
    """A single change of the input after which the decision is the other one.

    `path` is dotted. `before` or `after` is null also where the fact is not there. A number is
    the nearest that was found: one `step` closer to `before` the decision stays as it is. `also`
    are other values that would do. `rules` are those that deny after the change.
    """

    path: str
    before: Any
    after: Any
    step: float | None = None
    also: tuple[Any, ...] = ()
    rules: tuple[str, ...] = ()


class FactChange(msgspec.Struct, frozen=True):
    """A fact that `--what-if` sets."""

    path: str
    before: Any
    after: Any


class Altered(msgspec.Struct, frozen=True):
    """The decision with the changes of `--what-if`, and how it differs from the one without.

    `appeared` and `gone` are the rules that deny with the changes alone and without them alone;
    `obligations_appeared` and `obligations_gone` likewise.
    """

    changes: tuple[FactChange, ...]
    decision: Decision
    appeared: tuple[Fired, ...] = ()
    gone: tuple[Fired, ...] = ()
    obligations_appeared: tuple[dict[str, Any], ...] = ()
    obligations_gone: tuple[dict[str, Any], ...] = ()


class RecordedDecision(msgspec.Struct, frozen=True):
    """The request in the audit log: how it ended, and what was decided then.

    `differs` is true where the policies that explain it decide otherwise than was recorded.
    """

    request_id: str
    time: float
    snapshot: str
    outcome: str
    status: int
    error: str | None
    decision: Decision | None
    differs: bool


class Explanation(msgspec.Struct, frozen=True):
    """The explanation of one decision.

    `stage` is the entry point that was asked. `policies` is the digest of the snapshot, or the
    directory, that the policies are from. `facts` is the input, as in schemas/input.schema.json;
    null where the request ended before any policy was asked, and then only `recorded` is known.
    `searched` is false where single changes could not be searched, or not all of them in time;
    `note` says why. `admission` explains the earlier stage of an inference request where that
    denies as well.
    """

    stage: Literal["admission", "inference"] | None
    policies: str
    facts: dict[str, Any] | None = None
    decision: Decision | None = None
    recorded: RecordedDecision | None = None
    fired: tuple[Fired, ...] = ()
    nearly: tuple[Nearly, ...] = ()
    obligations: tuple[GrantedObligation, ...] = ()
    route: Routed | None = None
    flips: tuple[Flip, ...] = ()
    searched: bool = True
    note: str | None = None
    what_if: Altered | None = None
    admission: Explanation | None = None


def as_json(explanation: Explanation) -> str:
    """Return the explanation as one JSON object over several lines."""
    return msgspec.json.format(msgspec.json.encode(explanation)).decode() + "\n"
