"""The syntax trees of the rules, with the place of every node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.place import findings, told
from extauth.rego.fault import OpaError
from extauth.rego.opa import Opa
from extauth.rego.tree import package_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.assurance.findings import Diagnostic
    from extauth.rego.tree import Node

_SECONDS = 20.0
_PARALLEL = 4


class RuleModule(msgspec.Struct, frozen=True):
    """A file of rules, not of tests. `file` is as people read it."""

    file: str
    tree: Node

    @property
    def package(self) -> str:
        """The package's name, without `data`."""
        return ".".join(package_of(self.tree)[1:])

    @property
    def rules(self) -> Sequence[Node]:
        """The rules, each definition by itself."""
        rules: Sequence[Node] = self.tree.get("rules", ())
        return rules


class Syntax(msgspec.Struct, frozen=True):
    """Every module that parses, and why others do not."""

    modules: tuple[RuleModule, ...]
    faults: tuple[Diagnostic, ...] = ()


def read_syntax(opa: Path, root: Path) -> Syntax:
    """Parse every file of `gateway/` that holds no tests."""
    files = sorted(
        file for file in (root / "gateway").rglob("*.rego") if not file.name.endswith("_test.rego")
    )
    with ThreadPoolExecutor(_PARALLEL) as pool:
        read = list(pool.map(lambda file: _module(opa, root, file), files))
    return Syntax(
        tuple(one for one in read if isinstance(one, RuleModule)),
        tuple(found for one in read if not isinstance(one, RuleModule) for found in one),
    )


def _module(opa: Path, root: Path, file: Path) -> RuleModule | tuple[Diagnostic, ...]:
    try:
        tree = Opa(opa).parse(file.relative_to(root), cwd=root, seconds=_SECONDS)
    except OpaError as error:
        return findings(error)
    return RuleModule(told(file), tree)
