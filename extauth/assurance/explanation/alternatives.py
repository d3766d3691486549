"""Alternative values of facts: those at which a policy could decide otherwise."""

from __future__ import annotations

import math
from datetime import date, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from extauth.rego.clause import scalars
from extauth.rego.tree import call_terms, references, walk
from extauth.types import INFERENCE, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from extauth.assurance.explanation.leaves import Leaf
    from extauth.rego.clause import Clause
    from extauth.rego.program import Program
    from extauth.rego.tree import Node

_FEW = 100
_DECIMALS = 2


class Alternatives:
    """Alternative values of each fact, from the constants of policies and data. Pure."""

    def __init__(self, program: Program, data: Mapping[str, Any]) -> None:
        self._data = data
        self._literals: dict[tuple[str, ...], list[str]] = {}
        constants: list[str | int | float] = list(_constants(data))
        for clause in program.clauses:
            nodes = [clause.value_node, *(expression.node for expression in clause.body)]
            for node in nodes:
                constants += scalars(node)
            bound: dict[str, list[str]] = {}
            for node in nodes:
                self._bind(node, program, clause, bound)
            for node in nodes:
                self._relate(node, program, clause, bound)
        self._numbers = sorted(
            {item for item in constants if not isinstance(item, str) and math.isfinite(item)}
        )
        self._strings = tuple(dict.fromkeys(item for item in constants if isinstance(item, str)))

    def numbers(self, leaf: Leaf) -> tuple[float, ...]:
        """Return every constant and its neighbours that the schema allows, ascending."""
        least = leaf.rules.get("minimum", min(0, leaf.value or 0))
        most = leaf.rules.get("maximum", math.inf)
        whole = "integer" in leaf.types
        if most - least <= _FEW:
            found: Iterable[float] = range(least, most + 1)
        else:
            step = step_of(leaf)
            near = {round(item + way, 10) for item in self._numbers for way in (-step, 0, step)}
            found = {item for item in near if not whole or item == int(item)} | {0, 1}
        return tuple(
            sorted(int(item) if whole else item for item in found if least <= item <= most)
        )

    def others(self, leaf: Leaf) -> Iterator[Any]:
        """Yield the alternatives of a fact that is not a number."""
        kinds = leaf.types
        if isinstance(leaf.value, bool):
            yield not leaf.value
        elif isinstance(leaf.value, list):
            yield from self._lists(leaf)
        elif "string" in kinds:
            yield from (item for item in self.texts(leaf) if item != leaf.value)
        if "null" in kinds and leaf.value is not None:
            yield None

    def texts(self, leaf: Leaf) -> tuple[str, ...]:
        """Return the alternatives of a fact that is text."""
        allowed = leaf.rules.get("enum")
        if leaf.path == ("request", "operation"):
            # A body stays one, and an API's shapes stay its own.
            now = Operation(leaf.value) in INFERENCE
            return tuple(item for item in Operation if (item in INFERENCE) is now)
        if allowed:
            return tuple(allowed)
        for special in (_addresses, _dates):
            found = special(leaf.value, self._strings)
            if found:
                return found
        return self._named(leaf.path)

    def added(self, leaf: Leaf) -> Iterator[tuple[str, Any]]:
        """Yield keys that an object with free keys might have as well, each with a value."""
        if "integer" in leaf.types:
            yield from ((name, 1) for name in self._strings if name not in leaf.value)
            return
        depth = len(leaf.path)
        for path, found in self._literals.items():
            if path[:depth] == leaf.path and len(path) == depth + 1 and path[-1] not in leaf.value:
                yield from ((path[-1], text) for text in found)

    def _lists(self, leaf: Leaf) -> Iterator[list[str]]:
        for text in self._named(leaf.path):
            if text not in leaf.value:
                yield [*leaf.value, text]
        for place in range(len(leaf.value)):
            yield [*leaf.value[:place], *leaf.value[place + 1 :]]

    def _named(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Return the strings that data holds under the fact's name, or that it is compared with."""
        name = path[-2] if path[-1] == "name" and len(path) > 1 else path[-1]
        names = {name, f"{name}s", f"{name}es"}
        found = [*_under(self._data, names.__contains__), *self._literals.get(path, ())]
        return tuple(dict.fromkeys(item for item in found if "*" not in item))

    def _bind(
        self, node: Any, program: Program, clause: Clause, bound: dict[str, list[str]]
    ) -> None:
        """Add the strings that the variables of iterations over data stand for."""
        for targets, domain in iterations(node):
            path = next(program.resolved(domain, clause), None)
            if path is not None and path[0] == "data":
                value = _value_at(self._data, path[1:])
                inner = value.values() if isinstance(value, dict) else value
                below = [text for item in inner for text in _items(item)] if inner else []
                if len(targets) > 1:
                    bound.setdefault(targets[0], []).extend(_items(value))
                bound.setdefault(targets[-1], []).extend(below)
            else:
                found = bound.get(str(domain.get("value")), ())
                bound.setdefault(targets[-1], []).extend(found)

    def _relate(
        self, node: Any, program: Program, clause: Clause, bound: dict[str, list[str]]
    ) -> None:
        """Add as alternatives what a fact is compared with, looked up in, or passed on with."""
        for terms in calls(node):
            inputs, texts = [], []
            for term in terms:
                if term.get("type") == "var" and term["value"] in bound:
                    texts += bound[term["value"]]
                elif term.get("type") in {"ref", "var"}:
                    path = next(program.resolved(term, clause), ())
                    if path[:1] == ("input",):
                        inputs.append(path[1:])
                    elif path[:1] == ("data",):
                        texts += _strings_at(self._data, path[1:])
                elif term.get("type") != "call":
                    texts += [item for item in scalars(term) if isinstance(item, str)]
            for path in inputs:
                self._literals.setdefault(path, []).extend(texts)
        for paths in lookups(node, program, clause):
            self._literals.setdefault(paths[1][1:], []).extend(
                _strings_at(self._data, paths[0][1:])
            )


def calls(tree: object) -> Iterator[list[Node]]:
    """Yield the arguments of every call and comparison in a tree."""
    return (terms[1:] for node in walk(tree) if (terms := call_terms(node)))


def iterations(tree: object) -> Iterator[tuple[list[str], Node]]:
    """Yield the variables and the domain of each `some k, v in domain` and `every v in domain`."""
    for node in walk(tree):
        if "domain" in node:
            names = [node[key] for key in ("key", "value") if node.get(key)]
            yield [item["value"] for item in names], node["domain"]
        for symbol in node.get("symbols", ()):
            if symbol.get("type") == "call":
                *names, domain = symbol["value"][1:]
                if all(item["type"] == "var" for item in names):
                    yield [item["value"] for item in names], domain


def lookups(
    node: Any, program: Program, clause: Clause
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield both paths of data that is looked up by a fact, `data.tiers[input.principal.tier]`."""
    for parts, reference in references(node):
        if reference["type"] != "ref" or len(parts) == len(reference["value"]):
            continue
        data = clause.scope.resolve(parts, clause.declared)
        key = next(program.resolved(reference["value"][len(parts)], clause), None)
        if data and key and data[0] == "data" and key[0] == "input":
            yield data, key


def step_of(leaf: Leaf) -> float:
    """Return the resolution of a number: 1, or 0.01 where it may have decimals."""
    return 1 if "integer" in leaf.types else 10**-_DECIMALS


def _constants(value: Any) -> Iterator[str | int | float]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _constants(item)
    elif isinstance(value, list):
        for item in value:
            yield from _constants(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value


def _strings_at(data: Any, path: tuple[str, ...]) -> list[str]:
    return _items(_value_at(data, path))


def _value_at(data: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return None
        data = data[part]
    return data


def _items(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict | list):
        return [item for item in value if isinstance(item, str)]
    return []


def _under(value: Any, wanted: Callable[[str], bool]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if wanted(key):
                yield from _items(item)
            yield from _under(item, wanted)
    elif isinstance(value, list):
        for item in value:
            yield from _under(item, wanted)


def _addresses(value: Any, strings: Iterable[str]) -> tuple[str, ...]:
    """Return addresses inside and outside of every network that policies name, nearest first."""
    try:
        own = ip_address(value)
    except ValueError:
        return ()
    found = {}
    for text in strings:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            continue
        if network.version == own.version:
            first, last = int(network.network_address), int(network.broadcast_address)
            for number in (first - 1, first + 1, last, last + 1):
                if 0 < number < 2**own.max_prefixlen - 1:
                    found[type(own)(number)] = abs(number - int(own))
    return tuple(str(address) for address in sorted(found, key=found.__getitem__))


def _dates(value: Any, strings: Iterable[str]) -> tuple[str, ...]:
    """Return every date that policies name, the day before and the day after, nearest first."""
    try:
        own = date.fromisoformat(value)
    except (TypeError, ValueError):
        return ()
    found = set()
    for text in strings:
        try:
            named = date.fromisoformat(text)
        except ValueError:
            continue
        found |= {named + timedelta(days=days) for days in (-1, 0, 1)}
    return tuple(str(day) for day in sorted(found, key=lambda day: abs(day - own)))
