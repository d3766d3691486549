"""OPA's syntax tree, as `opa parse --format json` writes it: terms, references and their places.

A term is an object with `type` and `value`. The terms of a reference, `data.tiers[name]`, are its
head and its steps; its ground prefix are the terms before the first that only an evaluation knows.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Node = dict[str, Any]

Ref = tuple[str, ...]
"""The ground prefix of a reference: `("data", "gateway", "tier", "profile")`."""

_NO_TERMS = frozenset({"location", "annotations", "comments"})


def walk(tree: object) -> Iterator[Node]:
    """Yield every object of a tree, or of a list of trees, each before those that it holds.

    The names in a reference are part of it and are not visited; what stands in its brackets is.
    """
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(reversed(node))
        elif isinstance(node, dict):
            yield node
            if node.get("type") == "ref":
                pending.extend(reversed(_looked_up(node["value"])))
            else:
                pending.extend(node[key] for key in reversed(node) if key not in _NO_TERMS)


def references(tree: object) -> Iterator[tuple[Ref, Node]]:
    """Yield the ground prefix and the node of every reference and variable of a tree.

    The prefix is empty for a reference whose head is a value, as in `split(x, "/")[0]`.
    """
    for node in walk(tree):
        if node.get("type") in {"ref", "var"}:
            yield ref_of(node), node


def call_terms(node: Node) -> list[Node]:
    """Return the operator and operands of a call, a comparison or an assignment; else nothing."""
    terms = node.get("value") if node.get("type") == "call" else node.get("terms")
    return terms if isinstance(terms, list) else []


def ref_of(node: object) -> Ref:
    """Return the ground prefix of a reference or a variable, empty for anything else."""
    if not isinstance(node, dict):
        return ()
    if node.get("type") == "var":
        return (str(node["value"]),)
    return ground_prefix(node["value"]) if node.get("type") == "ref" else ()


def ground_prefix(terms: Sequence[Node]) -> Ref:
    """Return the names with which the terms of a reference begin."""
    names: list[str] = []
    for term in terms:
        if term["type"] != "string" and not (term["type"] == "var" and not names):
            break
        names.append(str(term["value"]))
    return tuple(names)


def package_of(tree: Node) -> Ref:
    """Return the package of a module, `("data", "gateway", "tier")`."""
    return ground_prefix(tree["package"]["path"])


def row(node: Node) -> int | None:
    """Return the line of a node, from 1; None for a node that has no place."""
    place = node.get("location") or {}
    found = place.get("row")
    return found if isinstance(found, int) else None


def text(node: object) -> str:
    """Return the text that an author wrote for a node; empty for a node that OPA added."""
    location = node.get("location") if isinstance(node, dict) else None
    return b64decode(location["text"]).decode() if location and "text" in location else ""


def _looked_up(terms: Sequence[Node]) -> list[Node]:
    head, *steps = terms
    found = [step for step in steps if step["type"] != "string"]
    return found if head["type"] == "var" else [head, *found]
