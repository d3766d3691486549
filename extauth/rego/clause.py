"""Modules as rules with conditions, read from OPA's syntax trees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extauth.rego.tree import ground_prefix, package_of, references, text, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.rego.tree import Node, Ref

_COMPOSITE = frozenset({"array", "set", "object"})
_SCALAR = frozenset({"string", "number", "boolean", "null"})


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition of a body.

    `declares` are the variables that get their values from it, `mentions` all names in it.
    `operands` are the texts whose values tell why it holds or fails.
    """

    text: str
    line: int
    negated: bool
    declares: frozenset[str]
    mentions: frozenset[str]
    operands: tuple[str, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class Clause:
    """A definition of a rule: a head and one body. An `else` is a clause of its own.

    `number` counts through the program. `value` is the text of the set's element or the rule's
    value, `earlier` the numbers of the clauses whose `else` this is.
    """

    number: int
    file: str
    line: int
    rule: Ref
    value: str
    value_node: Node
    partial: bool
    function: bool
    default: bool
    body: tuple[Expression, ...]
    scope: Scope
    earlier: tuple[int, ...]
    declared: frozenset[str]
    head: Node

    @property
    def place(self) -> str:
        """`file:line` of the head."""
        return f"{self.file}:{self.line}"

    @property
    def name(self) -> str:
        """The rule as other packages write it: `tier.deny`."""
        return ".".join(self.rule[-2:])


@dataclass(frozen=True, slots=True)
class Scope:
    """The scope of a module: what its names mean. `imports` are the lines that a probe repeats."""

    package: Ref
    imports: tuple[str, ...]
    aliases: Mapping[str, Ref]
    own: set[str] = field(default_factory=set)

    def resolve(self, parts: Ref, declared: frozenset[str]) -> Ref | None:
        """Return the full path of a reference that begins with a name.

        None for a variable, and for what begins with a value, as in `last(list)[0]`.
        """
        if not parts:
            return None
        first, rest = parts[0], parts[1:]
        if first in declared:
            return None
        if first in {"input", "data"}:
            return parts
        if first in self.aliases:
            return (*self.aliases[first], *rest)
        if first in self.own:
            return (*self.package, *parts)
        return None


def clauses_of(trees: Mapping[str, Node]) -> tuple[Clause, ...]:
    """Return every clause of these modules, by file name."""
    own: dict[Ref, set[str]] = {}
    for tree in trees.values():
        names = own.setdefault(package_of(tree), set())
        names.update(ground_prefix(rule["head"]["ref"])[0] for rule in tree.get("rules", ()))
    clauses: list[Clause] = []
    for file, tree in trees.items():
        package = package_of(tree)
        lines, aliases = [], {}
        for item in tree.get("imports", ()):
            path = ground_prefix(item["path"]["value"])
            alias = item.get("alias", path[-1])
            lines.append(f"import {'.'.join(path)} as {alias}" if path[0] != "rego" else "")
            aliases[alias] = path
        scope = Scope(package, tuple(filter(None, lines)), aliases, own[package])
        for rule in tree.get("rules", ()):
            _clauses(clauses, file, rule, scope)
    return tuple(clauses)


def scalars(tree: object) -> Iterator[str | int | float]:
    """Yield every string and number that stands in a tree as a constant."""
    return (node["value"] for node in walk(tree) if node.get("type") in {"string", "number"})


def _clauses(
    clauses: list[Clause], file: str, rule: Node, scope: Scope, earlier: tuple[int, ...] = ()
) -> None:
    head = rule["head"]
    partial = "key" in head and "value" not in head
    value = head["key"] if partial else head.get("value")
    arguments = frozenset(name for item in head.get("args", ()) for name in _variables(item))
    body = tuple(_expression(item) for item in rule["body"] if not _empty(item))
    declared = arguments.union(*(item.declares for item in body), *map(_inner, rule["body"]))
    clause = Clause(
        number=len(clauses),
        file=file,
        line=rule["location"]["row"],
        rule=(*scope.package, *ground_prefix(head["ref"])),
        value=text(value) or "true",
        value_node=value,
        partial=partial,
        function="args" in head,
        default=bool(rule.get("default")),
        body=body,
        scope=scope,
        earlier=earlier,
        declared=declared,
        head=head,
    )
    clauses.append(clause)
    if "else" in rule:
        _clauses(clauses, file, rule["else"], scope, (*earlier, clause.number))


def _expression(item: Node) -> Expression:
    terms = item["terms"]
    declares: frozenset[str] = frozenset()
    if isinstance(terms, dict) and "symbols" in terms:
        declares = frozenset().union(*map(_declared_by_some, terms["symbols"]))
        looked = [part for symbol in terms["symbols"] for part in _arguments(symbol)[:2]]
    elif isinstance(terms, dict) and "domain" in terms:
        looked = [terms["domain"]]
    elif isinstance(terms, dict):
        looked = [terms]
    else:
        looked = terms[1:]
        if ground_prefix(terms[0].get("value", [])) == ("assign",):
            declares = frozenset(_variables(terms[1]))
            looked = [terms[1]]
    operands = dict.fromkeys(text(part) for part in looked if _telling(part))
    return Expression(
        text=text(item),
        line=item["location"]["row"],
        negated=bool(item.get("negated")),
        declares=declares,
        mentions=frozenset(_variables(item)),
        operands=tuple(filter(None, operands)),
        node=item,
    )


def _empty(item: Node) -> bool:
    """Return whether this is the `true` that OPA puts in place of a missing body."""
    terms = item["terms"]
    return isinstance(terms, dict) and terms.get("type") == "boolean" and terms["value"] is True


def _arguments(symbol: Node) -> list[Node]:
    return symbol["value"][1:] if symbol.get("type") == "call" else [symbol]


def _declared_by_some(symbol: Node) -> frozenset[str]:
    arguments = _arguments(symbol)
    targets = arguments[:-1] if symbol.get("type") == "call" else arguments
    return frozenset(name for target in targets for name in _variables(target))


def _inner(item: Node) -> frozenset[str]:
    """Return the variables that a comprehension or an `every` within the expression declares."""
    found: set[str] = set()
    for node in walk(item):
        terms = node.get("terms")
        if terms is not None:
            found.update(_expression(node).declares)
            if isinstance(terms, dict) and "domain" in terms:
                for key in ("key", "value"):
                    found.update(_variables(terms.get(key)))
    return frozenset(found)


def _telling(node: Node) -> bool:
    """Return whether the value of a term is worth showing: a constant's is in its text."""
    kind = node.get("type")
    if kind in _COMPOSITE:
        return any(True for _ in references(node))
    return kind not in _SCALAR and not str(node.get("value", "")).startswith("$")


def _variables(node: object) -> Iterator[str]:
    """Yield names in a tree: those of variables, and the first ones of references."""
    for path, _ in references(node):
        if path:
            yield path[0]
