"""Attribution of reasons, obligations and route to the rules that gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.explanation.explained import (
    Condition,
    Fired,
    GrantedObligation,
    Nearly,
    Routed,
    Step,
    Value,
)
from extauth.obligations import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.assurance.explanation.probe import ProbeRow, Probes
    from extauth.rego.clause import Clause, Expression
    from extauth.rego.program import Program
    from extauth.rego.tree import Ref

_DEPTH = 3


class Attribution:
    """Attribution of one decision, from its input's probes. Pure."""

    def __init__(
        self, program: Program, probes: Probes, entrypoint: str, facts: Mapping[str, Any]
    ) -> None:
        self._program = program
        self._probes = probes
        self._facts = facts
        self._entry = ("data", *entrypoint.split("/"))
        self._asked = program.reachable(self._entry)
        self._raw: dict[str, Any] = probes.decision or {}

    @property
    def note(self) -> str | None:
        """The reason why some rules are left out; None where none are."""
        failure = self._probes.failure
        return f"not all rules could be looked at: {failure}" if failure else None

    def fired(self, decision: Decision) -> tuple[Fired, ...]:
        """Return each reason of the decision, with the rule that gave it."""
        return tuple(
            Fired(reason, *self._giver(raw, "reasons"))
            for reason, raw in zip(decision.reasons, self._raw.get("reasons", ()), strict=True)
        )

    def obligations(self) -> tuple[GrantedObligation, ...]:
        """Return each obligation of the decision, with the rule that gave it."""
        return tuple(
            GrantedObligation(raw, *self._giver(raw, "obligations"))
            for raw in self._raw.get("obligations", ())
        )

    def route(self, decision: Decision) -> Routed | None:
        """Return the route, with the rules that its version and cluster came from."""
        if decision.route is None:
            return None
        raw = self._raw["route"]
        given = self._clause(raw, "route")
        if given is None:
            return Routed(decision.route, "", "")
        clause, _ = given
        steps = tuple(
            Step(step.place, step.name, row.value)
            for step, row in self._effective()
            if step.rule in self._program.reachable(clause.rule) and step.rule != clause.rule
            if isinstance(row.value, str) and row.value in raw.values()
        )
        return Routed(decision.route, clause.place, clause.name, steps)

    def nearly(self) -> Iterator[Nearly]:
        """Yield the rules that one condition kept from denying, in the order of the files."""
        said = self._raw.get("reasons", ())
        for clause in self._program.clauses:
            if clause.rule not in self._asked or clause.number in self._probes.held:
                continue
            for place, expression in enumerate(clause.body):
                rows = self._probes.without.get((clause.number, place), ())
                found = next(
                    (
                        (reason, row)
                        for row in rows
                        if row.value not in said and (reason := _reason(row.value))
                    ),
                    None,
                )
                if found is not None:
                    reason, row = found
                    failed = self._condition(expression, clause, row, held=False)
                    yield Nearly(reason, clause.place, clause.name, failed)

    def _giver(self, item: Any, part: str) -> tuple[str, str, tuple[Condition, ...]]:
        given = self._clause(item, part)
        if given is None:
            return "", "", ()
        clause, row = given
        return clause.place, clause.name, tuple(self._held(clause, row))

    def _clause(self, item: Any, part: str) -> tuple[Clause, ProbeRow] | None:
        """Return the clause that gave an item: it holds the item, and asks no other that does."""
        holders = [
            (clause, row)
            for clause, row in self._effective()
            if clause.rule in self._asked and _holds(row.value, item, part)
        ]
        rules = {clause.rule for clause, _ in holders}
        for clause, row in holders:
            others = (self._program.reachable(clause.rule) & rules) - {clause.rule}
            if not others:
                return clause, row
        return holders[0] if holders else None

    def _effective(self) -> Iterator[tuple[Clause, ProbeRow]]:
        """Yield the clauses that have a value on this input, and each way in which they do."""
        held = self._probes.held
        for clause in self._program.clauses:
            rows = held.get(clause.number, ())
            if any(_valued(held.get(number, ())) for number in clause.earlier):
                continue
            if clause.default and any(
                _valued(held.get(other.number, ()))
                for other in self._program.definitions(clause.rule)
                if not other.default
            ):
                continue
            for row in rows:
                if row.value is not None:
                    yield clause, row

    def _held(self, clause: Clause, row: ProbeRow) -> Iterator[Condition]:
        for expression in clause.body:
            others = [item for item in clause.body if item is not expression]
            # A name that only the head needs is not a condition.
            if expression.declares and not any(
                expression.declares & other.mentions for other in others
            ):
                continue
            yield self._condition(expression, clause, row, held=True)

    def _condition(
        self, expression: Expression, clause: Clause, row: ProbeRow, *, held: bool, depth: int = 0
    ) -> Condition:
        values = {
            name: row.operands[name]
            for name in expression.operands
            if name in row.operands
            and not (expression.text.endswith(name) and isinstance(row.operands[name], bool))
        }
        for path in self._program.facts(expression, clause):
            name = ".".join(path)
            found, value = _lookup({"input": self._facts}, path)
            same = any(
                known.endswith(f".{path[-1]}") and told == value for known, told in values.items()
            )
            if found and not isinstance(value, dict) and not same:
                values.setdefault(name, value)
        rule = self._program.rule_of(expression, clause)
        false = held is expression.negated
        because = tuple(self._because(rule, depth + 1)) if rule and false else ()
        return Condition(
            f"{clause.file}:{expression.line}",
            expression.text,
            tuple(Value(name, value) for name, value in values.items()),
            because,
        )

    def _because(self, rule: Ref, depth: int) -> Iterator[Condition]:
        """Yield the condition at which each definition of a rule without a value ended."""
        if depth > _DEPTH:
            return
        for clause in self._program.definitions(rule):
            for place in reversed(range(len(clause.body))):
                rows = self._probes.until.get((clause.number, place), ())
                if rows:
                    expression = clause.body[place]
                    yield self._condition(expression, clause, rows[0], held=False, depth=depth)
                    break


def _valued(rows: tuple[ProbeRow, ...]) -> bool:
    return any(row.value is not None for row in rows)


def _holds(value: Any, item: Any, part: str) -> bool:
    if value == item:
        return True
    if isinstance(value, list):
        return item in value
    inner = value.get(part) if isinstance(value, dict) else None
    return inner == item or (isinstance(inner, list) and item in inner)


def _reason(value: Any) -> Reason | None:
    try:
        return msgspec.convert(value, Reason)
    except msgspec.ValidationError:
        return None


def _lookup(document: Any, path: Ref) -> tuple[bool, Any]:
    for part in path:
        if not isinstance(document, dict) or part not in document:
            return False, None
        document = document[part]
    return True, document
