"""The facts one by one: their path in the input, and what the schema allows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.storage.resources import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from extauth.types import Facts

FactPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A fact: its path, its value, and its part of the schema."""

    path: FactPath
    value: Any
    rules: Mapping[str, Any]

    @property
    def types(self) -> frozenset[str]:
        """The JSON types that it may have."""
        types = self.rules.get("type", ())
        return frozenset([types] if isinstance(types, str) else types)

    @property
    def name(self) -> str:
        """The path as people write it."""
        return ".".join(self.path)


def document_of(facts: Facts) -> dict[str, Any]:
    """Return the policy input as it reads in JSON."""
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(facts))
    return document


class InputSchema:
    """The schema of the policy input."""

    def __init__(self) -> None:
        self._root: dict[str, Any] = json.loads(schema("input").read_text())

    def leaves(self, document: Mapping[str, Any]) -> Iterator[Leaf]:
        """Yield every fact of an input that is not an object; an object that is null has none."""
        yield from self._leaves(document, self._root, ())

    def maps(self, document: Mapping[str, Any]) -> Iterator[Leaf]:
        """Yield every object whose keys are free."""
        for path, rules in self._paths(self._root, ()):
            if isinstance(rules.get("additionalProperties"), dict):
                value: Any = document
                for part in path:
                    value = value.get(part) if isinstance(value, dict) else None
                if isinstance(value, dict):
                    yield Leaf(path, value, rules["additionalProperties"])

    def knows(self, path: Sequence[str]) -> bool:
        """Return whether an input can have a fact at this path."""
        return self._at(path) is not None

    def takes_text(self, path: Sequence[str]) -> bool:
        """Return whether the fact at this path may be text."""
        types = (self._at(path) or {}).get("type", ())
        return "string" in ([types] if isinstance(types, str) else types)

    def names(self) -> tuple[str, ...]:
        """Return every path that has a name in the schema."""
        return tuple(".".join(path) for path, _ in self._paths(self._root, ()))

    def _at(self, path: Sequence[str]) -> Mapping[str, Any] | None:
        rules: Any = self._root
        for part in path:
            rules = self._resolved(rules)
            inner = rules.get("properties", {}).get(part)
            rules = inner if inner is not None else rules.get("additionalProperties")
            if not isinstance(rules, dict):
                return None
        found: Mapping[str, Any] = self._resolved(rules)
        return found

    def _leaves(self, value: Any, rules: Mapping[str, Any], path: FactPath) -> Iterator[Leaf]:
        rules = self._resolved(rules)
        if isinstance(value, dict):
            known = rules.get("properties", {})
            for key, item in value.items():
                yield from self._leaves(
                    item, known.get(key, rules.get("additionalProperties")), (*path, key)
                )
        elif value is not None or "object" not in rules.get("type", ()):
            yield Leaf(path, value, rules)

    def _paths(self, rules: Any, path: FactPath) -> Iterator[tuple[FactPath, Mapping[str, Any]]]:
        rules = self._resolved(rules)
        if path:
            yield path, rules
        for key, inner in rules.get("properties", {}).items():
            yield from self._paths(inner, (*path, key))

    def _resolved(self, rules: Any) -> Any:
        reference = rules.get("$ref") if isinstance(rules, dict) else None
        return self._root["$defs"][reference.rpartition("/")[2]] if reference else rules
