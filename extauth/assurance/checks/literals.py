"""The names that rules compare with a principal's tier and roles, and a request's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.assurance.checks.syntax import path, row, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.assurance.checks.syntax import Module, Node

_FACTS: dict[tuple[str, ...], str] = {
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


def literals(module: Module) -> Iterator[tuple[str, str, int | None]]:
    """Kind, name and line of each: `input.principal.tier == "free"`, `data.tiers.free`."""
    for rule in module.rules:
        facts = _variables(rule)
        for node in walk(rule):
            steps = path(node) if node.get("type") == "ref" else ()
            for table, kind in _TABLES.items():
                if steps[: len(table)] == table and len(steps) > len(table):
                    yield kind, steps[len(table)], row(node) or row(rule)
            terms = _comparison(node)
            for kind in {facts[path(term)] for term in terms if path(term) in facts}:
                for term in terms:
                    for text in _texts(term):
                        yield kind, text, row(node) or row(rule)


def _variables(rule: Node) -> Mapping[tuple[str, ...], str]:
    """What stands for a name in this rule: the facts, and the variables bound to them."""
    facts = dict(_FACTS)
    for node in walk(rule):
        terms = _comparison(node)
        if len(terms) != 2:
            continue
        kind = facts.get(path(terms[1]))
        if kind is not None and terms[0].get("type") == "var":
            facts[path(terms[0])] = kind
    return facts


def _comparison(node: Node) -> list[Node]:
    """The two sides, if the node compares, binds or asks for membership."""
    terms = node.get("value") if node.get("type") == "call" else node.get("terms")
    if not isinstance(terms, list) or not terms:
        return []
    return terms[1:] if ".".join(path(terms[0])) in _COMPARISONS else []


def _texts(term: Node) -> Iterator[str]:
    if term.get("type") == "string":
        yield str(term["value"])
    elif term.get("type") in _COLLECTIONS:
        for one in term["value"]:
            yield from _texts(one)
