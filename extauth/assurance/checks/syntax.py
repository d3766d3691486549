"""The syntax trees of the rules, with the place of every node."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.checks.command import faults, too_long
from extauth.assurance.checks.place import told
from extauth.rego.process import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.assurance.findings import Finding

Node = dict[str, Any]

_SECONDS = 20.0
_PARALLEL = 4


class Module(msgspec.Struct, frozen=True):
    """A file of rules, not of tests. `file` is as people read it."""

    file: str
    package: str
    imports: tuple[tuple[str, ...], ...]
    rules: tuple[Node, ...]


class Syntax(msgspec.Struct, frozen=True):
    """Every module that parses, and why others do not."""

    modules: tuple[Module, ...]
    faults: tuple[Finding, ...] = ()


def read_syntax(opa: Path, root: Path) -> Syntax:
    """Parse every file of `gateway/` that holds no tests."""
    files = sorted(
        file for file in (root / "gateway").rglob("*.rego") if not file.name.endswith("_test.rego")
    )
    with ThreadPoolExecutor(_PARALLEL) as pool:
        read = list(pool.map(lambda file: _module(opa, root, file), files))
    return Syntax(
        tuple(one for one in read if isinstance(one, Module)),
        tuple(found for one in read if not isinstance(one, Module) for found in one),
    )


def walk(node: object) -> Iterator[Node]:
    """Every object in a tree, the outermost first."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            yield one
            pending.extend(reversed(list(one.values())))
        elif isinstance(one, list):
            pending.extend(reversed(one))


def path(node: object) -> tuple[str, ...]:
    """A reference as its steps, `("input", "principal", "tier")`, up to the first variable one."""
    if not isinstance(node, dict):
        return ()
    if node.get("type") == "var":
        return (str(node["value"]),)
    if node.get("type") != "ref":
        return ()
    steps: list[str] = []
    for step in node["value"]:
        if steps and step.get("type") != "string":
            break
        steps.append(str(step["value"]))
    return tuple(steps)


def row(node: Node) -> int | None:
    """The line of a node."""
    place = node.get("location") or {}
    found = place.get("row")
    return found if isinstance(found, int) else None


def _module(opa: Path, root: Path, file: Path) -> Module | tuple[Finding, ...]:
    name = str(file.relative_to(root))
    done = run(
        opa, "parse", "--format", "json", "--json-include", "locations,-comments", name,
        cwd=root, seconds=_SECONDS,
    )  # fmt: skip
    if done.late:
        return (too_long("opa parse", _SECONDS, [told(file)]),)
    if done.status != 0:
        return faults(done.err or done.out, root)
    tree = msgspec.json.decode(done.out)
    return Module(
        file=told(file),
        package=".".join(str(step["value"]) for step in tree["package"]["path"][1:]),
        imports=tuple(path(one["path"]) for one in tree.get("imports", ())),
        rules=tuple(tree.get("rules", ())),
    )
