"""Mutation operators: the kinds of change, and where each can be made."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from extauth.assurance.mutation.mutant import Mutant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from extauth.assurance.mutation.module import Module
    from extauth.rego.tree import Node

_COMPARISONS = {
    "==": ("!=",),
    "=": ("!=",),
    "!=": ("==",),
    "<": ("<=", ">="),
    "<=": ("<", ">"),
    ">": (">=", "<="),
    ">=": (">", "<"),
}
_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&": "|", "|": "&"}
_FLIPPED = {"true": "false", "false": "true"}
_ASSIGNED = {":=", "="}
_IN = "in"
_TEXT, _OTHER_TEXT = '"mutated"', '""'
_NOT = re.compile(r"not\s+")

Edit = tuple[str, int, int, str]


def mutants(module: Module) -> tuple[Mutant, ...]:
    """Return every mutant of the module, in the order of the text; equal texts only once.

    comparison  another operator, its limit moved or turned round
    arithmetic  + to -, * to /, | to &
    number      one more, one less
    text        another text
    boolean     true to false
    default     the same, of a default
    negation    a `not` dropped or added
    membership  the same, of `in`
    condition   an expression of a body removed
    element     an element of a list or a set removed
    """
    made: dict[str, Mutant] = {}
    for edit in sorted(_Walk(module).rules(), key=lambda edit: edit[1:3]):
        mutant = Mutant(module, *edit)
        made.setdefault(mutant.text, mutant)
    made.pop(module.text, None)
    return tuple(made.values())


class _Walk:
    """The edits of a module, found in its syntax tree."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def rules(self) -> Iterator[Edit]:
        for rule in self._module.rules:
            head = rule["head"]
            for term in (*head.get("args", ()), *head["ref"][1:], *self._keys(head)):
                yield from self._term(term)
            value = head.get("value", {})
            if rule.get("default") and value["type"] == "boolean":
                yield from self._flip(value, "default")
            elif "location" in value:
                yield from self._term(value)
            if not self._implied(rule["body"]):
                yield from self._body(rule["body"])

    def _keys(self, head: Node) -> tuple[Node, ...]:
        return (head["key"],) if "key" in head else ()

    def _implied(self, body: Sequence[Node]) -> bool:
        """Return whether the body is the `true` of a rule that is written without one."""
        terms = body[0]["terms"]
        plain = isinstance(terms, dict) and terms.get("type") == "boolean"
        return len(body) == 1 and plain and self._module.spelt(body[0]) != "true"

    def _body(self, body: Sequence[Node]) -> Iterator[Edit]:
        for expression in body:
            yield from self._removal(expression, alone=len(body) == 1)
            yield from self._expression(expression)

    def _removal(self, expression: Node, *, alone: bool) -> Iterator[Edit]:
        span = self._module.span(expression)
        if span is None:
            return
        start, end = span
        text = self._module.text
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        if not alone and last >= 0 and not (text[first:start] + text[end:last]).strip():
            yield "condition", first, last + 1, ""
        else:
            yield "condition", start, end, "true"

    def _expression(self, expression: Node) -> Iterator[Edit]:
        terms = expression["terms"]
        if isinstance(terms, list):
            yield from self._call(terms)
            yield from self._negation(expression, self._module.spelt(terms[0]))
        elif "symbols" in terms:
            for symbol in terms["symbols"]:
                if symbol["type"] == "call":
                    for term in symbol["value"][1:]:
                        yield from self._term(term)
        elif "domain" in terms:
            yield from self._term(terms["domain"])
            yield from self._body(terms["body"])
        else:
            yield from self._term(terms)
            if terms["type"] != "boolean":
                yield from self._negation(expression, "")
        for replaced in expression.get("with", ()):
            yield from self._term(replaced["value"])

    def _negation(self, expression: Node, operator: str) -> Iterator[Edit]:
        span = self._module.span(expression)
        if span is None:
            return
        start, _ = span
        name = "membership" if operator == _IN else "negation"
        if expression.get("negated"):
            found = _NOT.match(self._module.text, start)
            if found is not None:
                yield name, *found.span(), ""
        # A comparison has an opposite of its own, and an assignment has none.
        elif operator not in _COMPARISONS and operator not in _ASSIGNED:
            yield name, start, start, "not "

    def _call(self, terms: Sequence[Node]) -> Iterator[Edit]:
        operator = self._module.spelt(terms[0])
        span = self._module.span(terms[0])
        if span is not None:
            for other in _COMPARISONS.get(operator, ()):
                yield "comparison", *span, other
            if operator in _ARITHMETIC:
                yield "arithmetic", *span, _ARITHMETIC[operator]
        for term in terms[1:]:
            yield from self._term(term)

    def _term(self, term: Node) -> Iterator[Edit]:
        value = term["value"]
        match term["type"]:
            case "number":
                yield from self._number(term)
            case "string":
                yield from self._text(term)
            case "boolean":
                yield from self._flip(term, "boolean")
            case "call":
                yield from self._call(value)
            case "templatestring":
                for part in value["parts"]:
                    if "terms" in part:
                        yield from self._expression(part)
            case _:
                yield from self._composite(term)

    def _composite(self, term: Node) -> Iterator[Edit]:
        value = term["value"]
        parts: Iterable[Node] = ()
        match term["type"]:
            case "array" | "set":
                yield from self._elements(term)
                parts = value
            case "object":
                parts = chain.from_iterable(value)
            case "ref":
                # The names in a reference are not constants.
                parts = [part for part in value if part["type"] not in {"var", "string"}]
            case "arraycomprehension" | "setcomprehension" | "objectcomprehension":
                parts = [value[name] for name in ("key", "value", "term") if name in value]
                yield from self._body(value["body"])
        for part in parts:
            yield from self._term(part)

    def _number(self, term: Node) -> Iterator[Edit]:
        span = self._module.span(term)
        if span is not None:
            number = Decimal(self._module.text[slice(*span)])
            for other in (number + 1, number - 1):
                yield "number", *span, f"{other:f}"

    def _text(self, term: Node) -> Iterator[Edit]:
        span = self._module.span(term)
        if span is not None:
            spelt = self._module.text[slice(*span)]
            yield "text", *span, _OTHER_TEXT if spelt == _TEXT else _TEXT

    def _flip(self, term: Node, name: str) -> Iterator[Edit]:
        span = self._module.span(term)
        # The value of a rule that is only a head, `f("x")`, is true and not written.
        written = self._module.text[slice(*span)] if span is not None else ""
        if span is not None and written in _FLIPPED:
            yield name, *span, _FLIPPED[written]

    def _elements(self, term: Node) -> Iterator[Edit]:
        elements = term["value"]
        # OPA sorts the elements of a set.
        spans = sorted(span for element in elements if (span := self._module.span(element)))
        whole = self._module.span(term)
        if whole is None or len(spans) != len(elements) or not elements:
            return
        if len(elements) == 1:
            yield "element", *whole, "[]" if term["type"] == "array" else "set()"
            return
        for one, following in pairwise(spans):
            yield "element", one[0], following[0], ""
        comma = self._module.text.rfind(",", spans[-2][1], spans[-1][0])
        if comma >= 0:
            yield "element", comma, spans[-1][1], ""
