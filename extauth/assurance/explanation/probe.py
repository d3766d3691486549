"""Probes: rules evaluated with conditions left out, to find out which of them hold.

A rule nearly fired when its body holds without one of its conditions. A probe is such a body, in
the rule's own package; it yields the operands of the conditions of interest. OPA's trace tells
less: it ends at the first condition that fails, and leaves out the rules that its index skips.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from extauth.errors import PolicyError
from extauth.rego.fault import OpaRefused
from extauth.rego.tree import references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from extauth.rego.clause import Clause, Expression
    from extauth.rego.fault import OpaFault
    from extauth.rego.opa import Opa
    from extauth.rego.program import Program

_PREFIX = "sluice_probe"
_ROUNDS = 20
_KINDS = ("held", "without", "until")


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A solution of a probe's body.

    `value` is the rule's value then, None where it is undefined. `operands` are the values
    of the operands that were asked for, by their texts.
    """

    value: Any
    operands: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Probes:
    """The answers of all probes on one input.

    `decision` is the entry point's value, None when undefined. `held` has the clauses whose whole
    body holds; `without` the rows of a clause with one condition left out, by its place in the
    body; `until` those of its first conditions alone, with the next one's operands. `failure` says
    what failed where some of it had to be left out.
    """

    decision: Any
    held: Mapping[int, tuple[ProbeRow, ...]]
    without: Mapping[tuple[int, int], tuple[ProbeRow, ...]]
    until: Mapping[tuple[int, int], tuple[ProbeRow, ...]]
    failure: str | None = None


def write(program: Program, sources: Path, directory: Path) -> _Written:
    """Write the probes of the modules in `sources` into a directory of their own."""
    written = _Written(sources, directory, tuple(_probes(program)))
    written.save()
    return written


def ask(written: _Written, opa: Opa, entrypoint: str, document: bytes, seconds: float) -> Probes:
    """Evaluate all probes on one input, for at most `seconds`.

    Raises OpaTimeout, and PolicyError for what OPA can't evaluate.
    """
    failure: PolicyError | None = None
    for kinds in (_KINDS, _KINDS[:1], ()):
        try:
            found = _ask(written, opa, entrypoint, document, seconds=seconds, kinds=kinds)
        except PolicyError as error:
            # Without a condition that guards them, rules may conflict that never do otherwise.
            failure = failure or error
        else:
            return replace(found, failure=failure.message if failure else None)
    raise failure or PolicyError("the policies can't be explained")


def _ask(
    written: _Written,
    opa: Opa,
    entrypoint: str,
    document: bytes,
    *,
    seconds: float,
    kinds: tuple[str, ...],
) -> Probes:
    decision = "data." + entrypoint.replace("/", ".")
    parts = [f'"{kind}": data.{_PREFIX}.{kind}' for kind in kinds]
    query = ", ".join([f'"decision": [value | value := {decision}]', *parts])
    for _ in range(_ROUNDS):
        try:
            answer = opa.evaluate(
                f"{{{query}}}", written.modules, document=document, seconds=seconds
            )
        except OpaRefused as refused:
            if not written.drop(refused.faults):
                first = refused.faults[0].message
                raise PolicyError(f"the policies can't be explained: {first}") from None
        else:
            return written.sorted(answer)
    raise PolicyError("the policies can't be explained: too many rules that OPA refuses to probe")


@dataclass(frozen=True, slots=True)
class _Probe:
    kind: str
    clause: Clause
    place: int
    conditions: tuple[Expression, ...]
    operands: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{_PREFIX}_{self.kind}_{self.clause.number}_{self.place}"

    def lines(self) -> str:
        operands = ", ".join(f"[{_PREFIX} | {_PREFIX} := {operand}]" for operand in self.operands)
        value = f"[{_PREFIX} | {_PREFIX} := {self.clause.value}]" if self.kind != "until" else "[]"
        body = "\n".join(condition.text for condition in self.conditions) or "true"
        return f"{self.name} contains [{value}, [{operands}]] if {{\n{body}\n}}\n"


def _probes(program: Program) -> Iterable[_Probe]:
    for clause in program.clauses:
        if clause.function:
            continue
        body = clause.body
        operands = dict.fromkeys(operand for item in body for operand in item.operands)
        yield _Probe("held", clause, 0, body, tuple(operands))
        for place, left_out in enumerate(body):
            rest = (*body[:place], *body[place + 1 :])
            if clause.partial and not _needed(left_out, rest, clause):
                yield _Probe("without", clause, place, rest, _free(left_out))
            if not clause.partial:
                yield _Probe("until", clause, place, body[:place], _free(left_out))


def _needed(left_out: Expression, rest: tuple[Expression, ...], clause: Clause) -> bool:
    """Return whether the other conditions or the head need a variable that this one declares."""
    names = {parts[0] for parts, _ in references(clause.value_node) if parts}
    names.update(*(item.mentions for item in rest))
    return bool(left_out.declares & names)


def _free(expression: Expression) -> tuple[str, ...]:
    """Return the operands that need no variable that the expression itself declares."""
    return tuple(item for item in expression.operands if item not in expression.declares)


class _Written:
    """The probes as files, one a module, and which lines belong to which probe."""

    def __init__(self, sources: Path, directory: Path, probes: tuple[_Probe, ...]) -> None:
        self.modules = (sources, directory)
        self._directory = directory
        self._probes = {probe.name: probe for probe in probes}
        self._lines: dict[str, list[tuple[int, str]]] = {}

    def save(self) -> None:
        """Write all files anew."""
        self._lines.clear()
        by_file: dict[str, list[_Probe]] = {}
        for probe in self._probes.values():
            by_file.setdefault(probe.clause.file, []).append(probe)
        for number, probes in enumerate(by_file.values()):
            scope = probes[0].clause.scope
            text = f"package {'.'.join(scope.package[1:])}\n" + "\n".join(scope.imports) + "\n"
            file = f"{_PREFIX}_{number}.rego"
            starts = self._lines.setdefault(file, [])
            for probe in probes:
                starts.append((text.count("\n") + 1, probe.name))
                text += probe.lines()
            (self._directory / file).write_text(text)
        everything = f"package {_PREFIX}\n"
        for kind in _KINDS:
            entries = ",\n".join(
                f"{json.dumps(name)}: data.{'.'.join(probe.clause.scope.package[1:])}.{name}"
                for name, probe in self._probes.items()
                if probe.kind == kind
            )
            everything += f"\n{kind} := {{\n{entries}\n}}\n"
        (self._directory / f"{_PREFIX}.rego").write_text(everything)

    def drop(self, faults: Iterable[OpaFault]) -> bool:
        """Leave out the probes that these faults are about; return whether there were any."""
        dropped = False
        for fault in faults:
            starts = self._lines.get(fault.file.name, ()) if fault.file else ()
            names = [name for start, name in starts if start <= (fault.line or 0)]
            if names and names[-1] in self._probes:
                del self._probes[names[-1]]
                dropped = True
        if dropped:
            self.save()
        return dropped

    def sorted(self, answer: Mapping[str, Any]) -> Probes:
        """Return the answer to the probes, by what each was for."""
        found: dict[str, dict[tuple[int, int], tuple[ProbeRow, ...]]] = {
            kind: {} for kind in _KINDS
        }
        answers = [item for kind in _KINDS for item in answer.get(kind, {}).items()]
        for name, rows in answers:
            probe = self._probes[name]
            found[probe.kind][probe.clause.number, probe.place] = tuple(
                ProbeRow(
                    value[0] if value else None,
                    {
                        operand: item[0]
                        for operand, item in zip(probe.operands, operands, strict=True)
                        if item
                    },
                )
                for value, operands in rows
            )
        return Probes(
            decision=answer["decision"][0] if answer["decision"] else None,
            held={number: rows for (number, _), rows in found["held"].items() if rows},
            without=found["without"],
            until=found["until"],
        )
