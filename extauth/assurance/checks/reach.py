"""Rules that no decision asks: a `deny` without effect, an obligation that nobody gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.assurance.findings import Check, Diagnostic, Severity
from extauth.compiler.policies import ENTRYPOINTS
from extauth.policy import LISTING
from extauth.rego.clause import clauses_of
from extauth.rego.program import Program
from extauth.rego.tree import ground_prefix, ref_of, row, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extauth.assurance.checks.syntax import RuleModule, Syntax
    from extauth.rego.tree import Node

_CONSTRUCTORS = "gateway.obligation"


def check_reach(syntax: Syntax) -> Check:
    """Check that every `deny` and obligation reaches a decision; other rules only get warnings.

    `opa deps` does not tell: OPA 1.19 leaves out what only binds variables, as in
    `names contains name if some name, _ in others`.
    """
    if syntax.faults:
        return _check(syntax.faults)
    program = Program(clauses_of({module.file: module.tree for module in syntax.modules}))
    reached = {
        ".".join(rule)
        for entry in (*ENTRYPOINTS, LISTING)
        for rule in program.reachable(("data", *entry.split("/")))
    }
    return _check(tuple(one for module in syntax.modules for one in _unreached(module, reached)))


def _check(found: tuple[Diagnostic, ...]) -> Check:
    return Check("reach", "Rules are reached", findings=found)


def _unreached(module: RuleModule, reached: set[str]) -> Iterator[Diagnostic]:
    told: set[str] = set()
    for rule in module.rules:
        name = _name(rule)
        whole = f"data.{module.package}.{name}"
        if name in told or any(f"{one}.".startswith(f"{whole}.") for one in reached):
            continue
        told.add(name)
        grave = module.package != _CONSTRUCTORS and _matters(name, rule)
        yield Diagnostic(
            f"no entry point reaches {module.package}.{name}"
            + (", so it never has a say" if grave else ""),
            level=Severity.ERROR if grave else Severity.WARNING,
            file=module.file,
            line=row(rule) or row(rule["head"]),
        )


def _name(rule: Node) -> str:
    return ground_prefix(rule["head"]["ref"])[0]


def _matters(name: str, rule: Node) -> bool:
    """Return whether the rule denies, or makes an obligation."""
    return name in {"deny", "obligations"} or any(
        ref_of(node)[:1] == ("obligation",) for node in walk(rule) if node.get("type") == "ref"
    )
