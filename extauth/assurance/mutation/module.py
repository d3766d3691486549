"""A file of Rego: its text, the syntax tree that OPA makes of it, and where things stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extauth.rego.tree import package_of, references, row
from extauth.rego.tree import text as written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extauth.rego.tree import Node, Ref

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_ELSE = "else"
# As long as `else`, so that nothing moves, and a name that nobody uses.
_STAND_IN = "els_"


@dataclass(frozen=True, slots=True)
class DataReference:
    """`data.a.b` in a module. `at` is the offset behind the word `data`.

    `path` ends where it is no longer known before evaluation.
    """

    path: Ref
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A parsed file. `file` is relative to the root of the policies; `package` without `data`.

    `at` is the offset at which the package's path begins.
    """

    file: str
    text: str
    package: Ref
    at: int
    rules: tuple[Node, ...]
    references: tuple[DataReference, ...]

    @property
    def is_test(self) -> bool:
        """True if the file holds tests, and so is never changed."""
        return self.file.endswith("_test.rego")

    def span(self, node: Node) -> tuple[int, int] | None:
        """Return the offsets of a node, or None for a node that the text does not spell out."""
        if "location" not in node:
            return None
        start, text = _start(self.text, node), written(node)
        if node.get("type") == "number":
            found = _NUMBER.match(self.text, start)
            return found.span() if found else None
        return (start, start + len(text)) if self.text.startswith(text, start) else None

    def spelt(self, node: Node) -> str:
        """Return the node's text; empty for one that the text does not spell out."""
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
    return Module(
        file,
        text,
        package_of(root)[1:],
        _start(text, root["package"]["path"][1]),
        tuple(root.get("rules", ())),
        tuple(_references(text, [root.get("imports", []), root.get("rules", [])])),
    )


def _branches(rule: Node) -> Iterator[Node]:
    while "else" in rule:
        rule = rule["else"]
        yield rule


def _references(text: str, tree: object) -> Iterator[DataReference]:
    for path, node in references(tree):
        if node["type"] == "ref" and path[:1] == ("data",):
            yield DataReference(path[1:], _start(text, node["value"][0]) + len("data"))


def _start(text: str, node: Node) -> int:
    """Return the offset of a node. Rows and columns count from 1, columns in characters."""
    at = 0
    for _ in range((row(node) or 1) - 1):
        at = text.index("\n", at) + 1
    return at + int(node["location"]["col"]) - 1
