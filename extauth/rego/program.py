"""The rules of all modules: which of them a decision asks, and the facts that they look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extauth.rego.tree import references

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from extauth.rego.clause import Clause, Expression
    from extauth.rego.tree import Node, Ref

    Looks = tuple[set[Ref], set[Ref]]
    """Paths into the input, and the rules that are asked as well."""


class Program:
    """Clauses by rule. Pure, and made once for a set of policies."""

    def __init__(self, clauses: Iterable[Clause]) -> None:
        self.clauses = tuple(clauses)
        self._rules: dict[Ref, list[Clause]] = {}
        for clause in self.clauses:
            self._rules.setdefault(clause.rule, []).append(clause)
        self._asked: dict[Ref, frozenset[Ref]] = {}
        self._looked: dict[Ref, Looks] = {}

    def definitions(self, rule: Ref) -> tuple[Clause, ...]:
        """Return the clauses of a rule, in their order."""
        return tuple(self._rules.get(rule, ()))

    def reachable(self, rule: Ref) -> frozenset[Ref]:
        """Return the rule, and every rule that it asks, directly or not."""
        found: set[Ref] = set()
        open_ = [rule]
        while open_:
            asked = open_.pop()
            if asked not in found:
                found.add(asked)
                open_ += self._asks(asked)
        return frozenset(found)

    def facts(self, expression: Expression, clause: Clause) -> tuple[Ref, ...]:
        """Return the paths into the input that an expression looks at, also through other rules."""
        return tuple(sorted(self._inputs(expression.node, clause)))

    def rule_of(self, expression: Expression, clause: Clause) -> Ref | None:
        """Return the rule that the expression names, where it is a name alone, negated or not."""
        terms = expression.node["terms"]
        if not isinstance(terms, dict) or terms.get("type") not in {"ref", "var"}:
            return None
        for parts, node in references(terms):
            if node is terms:
                path = clause.scope.resolve(parts, clause.declared)
                return path if path in self._rules else None
        return None

    def resolved(self, node: Node, clause: Clause) -> Iterator[Ref]:
        """Yield full paths of the references in a tree that stands in this clause."""
        for parts, _ in references(node):
            path = clause.scope.resolve(parts, clause.declared) if parts else None
            if path is not None:
                yield self._unaliased(path)

    def _asks(self, rule: Ref) -> frozenset[Ref]:
        found = self._asked.get(rule)
        if found is None:
            names: set[Ref] = set()
            for clause in self._rules.get(rule, ()):
                for parts, _ in references([_body(clause), clause.head]):
                    path = clause.scope.resolve(parts, clause.declared) if parts else None
                    names.update(self._under(path))
            found = self._asked[rule] = frozenset(names)
        return found

    def _under(self, path: Ref | None) -> Iterator[Ref]:
        """Yield the rule at a path, or above it; all below it where the path is a package."""
        if path is None or path[0] != "data":
            return
        for length in range(len(path), 1, -1):
            if path[:length] in self._rules:
                yield path[:length]
                return
        yield from (rule for rule in self._rules if rule[: len(path)] == path)

    def _inputs(self, node: Any, clause: Clause) -> frozenset[Ref]:
        """Return the paths into the input that a tree looks at, also through the rules it asks."""
        found, asked = self._looks(node, clause)
        open_ = list(asked)
        seen: set[Ref] = set()
        while open_:
            rule = open_.pop()
            if rule not in seen:
                seen.add(rule)
                inputs, further = self._of_rule(rule)
                found |= inputs
                open_ += further
        return frozenset(found)

    def _of_rule(self, rule: Ref) -> Looks:
        looked = self._looked.get(rule)
        if looked is None:
            looked = self._looked[rule] = set(), set()
            for clause in self._rules[rule]:
                inputs, asked = self._looks([_body(clause), clause.head], clause)
                looked[0].update(inputs)
                looked[1].update(asked)
        return looked

    def _looks(self, node: Any, clause: Clause) -> Looks:
        inputs: set[Ref] = set()
        asked: set[Ref] = set()
        for parts, _ in references(node):
            path = clause.scope.resolve(parts, clause.declared) if parts else None
            if path is None:
                continue
            path = self._unaliased(path)
            if path[0] == "input":
                inputs.add(path)
            else:
                asked.update(self._under(path))
        return inputs, asked

    def _unaliased(self, path: Ref) -> Ref:
        """Return `data.p.asked.n` as `input.parameters.n`, where `asked := input.parameters`."""
        for _ in range(len(self._rules)):
            rule = next(
                (
                    path[:length]
                    for length in range(len(path), 2, -1)
                    if path[:length] in self._rules
                ),
                None,
            )
            if rule is None:
                break
            clauses = self._rules[rule]
            if len(clauses) != 1 or clauses[0].body or clauses[0].partial or clauses[0].function:
                break
            clause = clauses[0]
            node = clause.value_node
            if not isinstance(node, dict) or node.get("type") not in {"ref", "var"}:
                break
            parts, _ = next(references(node))
            whole = node["type"] == "var" or len(parts) == len(node["value"])
            target = clause.scope.resolve(parts, clause.declared)
            if target is None or not whole:
                break
            path = (*target, *path[len(rule) :])
        return path


def _body(clause: Clause) -> list[Node]:
    return [expression.node for expression in clause.body]
