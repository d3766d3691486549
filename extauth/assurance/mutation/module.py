"""A file of Rego: its text, the syntax tree that OPA makes of it, and where things stand."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Node = dict[str, Any]
Package = tuple[str, ...]

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ELSE = "else"
# As long as `else`, so that nothing moves, and a name that nobody uses.
_STAND_IN = "els_"


@dataclass(frozen=True, slots=True)
class Reference:
    """`data.a.b` in a module. `at` is the offset behind the word `data`.

    `path` ends where it is no longer known before evaluation.
    """

    path: Package
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A parsed file. `file` is relative to the root of the policies; `package` without `data`.

    `at` is the offset at which the package's path begins.
    """

    file: str
    text: str
    package: Package
    at: int
    rules: tuple[Node, ...]
    references: tuple[Reference, ...]

    @property
    def is_test(self) -> bool:
        """Whether it holds tests, and so is never changed."""
        return self.file.endswith("_test.rego")

    def span(self, node: Mapping[str, Any]) -> tuple[int, int] | None:
        """Where a node of the tree stands, or None for one that the text does not spell out."""
        if "location" not in node:
            return None
        start, text = _start(self.text, node), _spelt(node)
        if node.get("type") == "number":
            found = _NUMBER.match(self.text, start)
            return found.span() if found else None
        return (start, start + len(text)) if self.text.startswith(text, start) else None

    def spelt(self, node: Mapping[str, Any]) -> str:
        """The node's text; empty for one that the text does not spell out."""
        found = self.span(node)
        return self.text[slice(*found)] if found else ""


def parse(file: str, text: str, tree: Callable[[str], Node]) -> Module:
    """Make a module of `text`; `tree` asks OPA for the tree of a text.

    OPA gives no places inside the body of an `else`. With another word in its stead the branch
    is a rule of its own at the same place, so the text is parsed once more like that.
    """
    root = tree(text)
    branches = [branch for rule in root.get("rules", ()) for branch in _branches(rule)]
    if branches:
        spelt = text
        for branch in branches:
            at = _start(text, branch)
            spelt = spelt[:at] + _STAND_IN + spelt[at + len(_ELSE) :]
        root = tree(spelt)
    path = root["package"]["path"]
    return Module(
        file,
        text,
        tuple(part["value"] for part in path[1:]),
        _start(text, path[1]),
        tuple(root.get("rules", ())),
        tuple(_references(text, [root.get("imports", []), root.get("rules", [])])),
    )


def _branches(rule: Node) -> Iterator[Node]:
    while "else" in rule:
        rule = rule["else"]
        yield rule


def _references(text: str, node: object) -> Iterator[Reference]:
    if isinstance(node, list):
        for item in node:
            yield from _references(text, item)
    elif isinstance(node, dict):
        words = node.get("value")
        if node.get("type") == "ref" and isinstance(words, list):
            if words[0].get("value") == "data":
                known = takewhile(lambda word: word["type"] == "string", words[1:])
                path = tuple(word["value"] for word in known)
                yield Reference(path, _start(text, words[0]) + len("data"))
                words = words[1:]
            yield from _references(text, words)
        else:
            for key, item in node.items():
                if key != "location":
                    yield from _references(text, item)


def _spelt(node: Mapping[str, Any]) -> str:
    return base64.b64decode(node["location"].get("text", "")).decode()


def _start(text: str, node: Mapping[str, Any]) -> int:
    """Rows and columns count from 1; columns count characters."""
    at = 0
    for _ in range(node["location"]["row"] - 1):
        at = text.index("\n", at) + 1
    return at + int(node["location"]["col"]) - 1
