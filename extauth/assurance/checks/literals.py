"""The names that rules compare with a principal's tier and roles, and a request's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.rego.tree import call_terms, ref_of, row, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.assurance.checks.syntax import RuleModule
    from extauth.rego.tree import Node, Ref

_FACTS: dict[Ref, str] = {
    ("input", "principal", "tier"): "tiers",
    ("input", "principal", "roles"): "roles",
    ("input", "model", "name"): "models",
}
_TABLES = {
    ("data", "tiers"): "tiers",
    ("data", "roles"): "roles",
    ("data", "catalog", "models"): "models",
}
_COMPARISONS = {"equal", "neq", "eq", "assign", "internal.member_2"}
_COLLECTIONS = {"set", "array"}


def literals(module: RuleModule) -> Iterator[tuple[str, str, int | None]]:
    """Yield kind, name and line of each: `input.principal.tier == "free"`, `data.tiers.free`."""
    for rule in module.rules:
        facts = _variables(rule)
        for node in walk(rule):
            steps = ref_of(node) if node.get("type") == "ref" else ()
            for table, kind in _TABLES.items():
                if steps[: len(table)] == table and len(steps) > len(table):
                    yield kind, steps[len(table)], row(node) or row(rule)
            terms = _comparison(node)
            for kind in {facts[ref_of(term)] for term in terms if ref_of(term) in facts}:
                for term in terms:
                    for text in _texts(term):
                        yield kind, text, row(node) or row(rule)


def _variables(rule: Node) -> Mapping[Ref, str]:
    """Return the kind of name of each fact, and of the variables that the rule binds to facts."""
    facts = dict(_FACTS)
    for node in walk(rule):
        terms = _comparison(node)
        if len(terms) != 2:
            continue
        kind = facts.get(ref_of(terms[1]))
        if kind is not None and terms[0].get("type") == "var":
            facts[ref_of(terms[0])] = kind
    return facts


def _comparison(node: Node) -> list[Node]:
    """Return the two sides, if the node compares, binds or asks for membership."""
    operator, *sides = call_terms(node) or [{}]
    return sides if ".".join(ref_of(operator)) in _COMPARISONS else []


def _texts(term: Node) -> Iterator[str]:
    if term.get("type") == "string":
        yield str(term["value"])
    elif term.get("type") in _COLLECTIONS:
        for one in term["value"]:
            yield from _texts(one)
