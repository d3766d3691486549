"""Rules that no decision asks: a `deny` that denies nothing, an obligation nobody gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.command import faults, too_long
from extauth.assurance.checks.syntax import path, row, walk
from extauth.assurance.findings import Check, Finding, Level
from extauth.compiler.policies import ENTRYPOINTS
from extauth.rego.process import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.assurance.checks.syntax import Module, Node, Syntax

_SECONDS = 30.0
_CONSTRUCTORS = "gateway.obligation"


def check_reach(opa: Path, root: Path, syntax: Syntax) -> Check:
    """That every `deny` and every obligation has a way into a decision; others are warnings."""
    reached: set[str] = set()
    for entry in ENTRYPOINTS:
        query = f"data.{entry.replace('/', '.')}"
        done = run(
            opa, "deps", "--format", "json", "--data", "gateway", "--ignore", "*_test.rego", query,
            cwd=root, seconds=_SECONDS,
        )  # fmt: skip
        if done.late:
            return _check((too_long("opa deps", _SECONDS),))
        if done.status != 0:
            return _check(faults(done.err or done.out, root))
        reached.update(
            ".".join(str(step["value"]) for step in one)
            for one in msgspec.json.decode(done.out).get("virtual") or ()
        )
    return _check(tuple(one for module in syntax.modules for one in _unreached(module, reached)))


def _check(findings: tuple[Finding, ...]) -> Check:
    return Check("reach", "Rules are reached", findings=findings)


def _unreached(module: Module, reached: set[str]) -> Iterator[Finding]:
    told: set[str] = set()
    for rule in module.rules:
        name = _name(rule)
        whole = f"data.{module.package}.{name}"
        if name in told or any(f"{one}.".startswith(f"{whole}.") for one in reached):
            continue
        told.add(name)
        grave = module.package != _CONSTRUCTORS and _matters(name, rule)
        yield Finding(
            f"no entry point reaches {module.package}.{name}"
            + (", so it never has a say" if grave else ""),
            level=Level.ERROR if grave else Level.WARNING,
            file=module.file,
            line=row(rule) or row(rule["head"]),
        )


def _name(rule: Node) -> str:
    return path({"type": "ref", "value": rule["head"]["ref"]})[0]


def _matters(name: str, rule: Node) -> bool:
    """Whether the rule denies, or makes an obligation."""
    return name in {"deny", "obligations"} or any(
        path(node)[:1] == ("obligation",) for node in walk(rule) if node.get("type") == "ref"
    )
