"""Rules of a policy repository, read from its Rego by OPA: names, statuses, descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from extauth.rego.opa import Opa
from extauth.rego.tree import call_terms, package_of, ref_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from extauth.rego.tree import Node

Made = dict[tuple[str, int], dict[str, Any]]

_STATUS = 403
_REASON = "reason"
_ADMISSION = "admission"
_ANY = ('"x"',)
_ASKER = '{"principal": {"tier": "x"}}'


class Rule(msgspec.Struct, frozen=True):
    """A reason that a package can give. A hidden reason is logged and not told to the client.

    `early` marks a rule that the header stage asks as well; the body stage asks every rule.
    """

    name: str
    status: int
    hidden: bool
    description: str
    early: bool


class Package(msgspec.Struct, frozen=True):
    """A package of rules, as its METADATA describes it. `file` is relative to the policies."""

    name: str
    title: str
    description: str
    file: str
    rules: tuple[Rule, ...]
    signatures: tuple[str, ...]


def packages(policies: Path, opa: Path) -> tuple[Package, ...]:
    """Return every package of `policies/gateway`, by name, tests aside.

    A reason's status is what its constructor in `gateway.reason` evaluates to. Raises
    ConfigurationError, with file and line, for Rego that doesn't parse, StackError when OPA can't
    be run.
    """
    command = Opa(opa)
    files = sorted((policies / "gateway").rglob("*.rego"))
    modules = {file: command.parse(file) for file in files if not file.stem.endswith("_test")}
    early = {
        name
        for module in modules.values()
        if package_of(module)[-1] == _ADMISSION
        for name in (_ADMISSION, *_imported(module))
    }
    calls = {call.made_by for module in modules.values() for call in _calls(module)}
    made = _constructed(policies / "gateway/reason", command, sorted(calls))
    return tuple(
        Package(
            name=(name := ".".join(package_of(module)[1:])),
            title=(own := _annotation(module, "package")).get("title", ""),
            description=own.get("description", ""),
            file=str(file.relative_to(policies)),
            rules=tuple(_rules_of(module, made, early=name.rpartition(".")[2] in early)),
            signatures=tuple(_signatures(module)),
        )
        for file, module in modules.items()
    )


class _Call(msgspec.Struct, frozen=True):
    """A call `reason.<constructor>("<rule>", …)` in a rule.

    `made_by` is the constructor and the number of its arguments.
    """

    rule: str
    made_by: tuple[str, int]
    description: str


def _rules_of(module: Node, made: Made, *, early: bool) -> Iterator[Rule]:
    for call in _calls(module):
        reason = made[call.made_by]
        yield Rule(
            name=call.rule,
            status=reason.get("status", _STATUS),
            hidden=reason.get("hidden", False),
            description=call.description,
            early=early,
        )
    for literal in _literals(module["rules"]):
        yield Rule(literal["rule"], _STATUS, False, literal["message"].capitalize() + ".", early)


def _calls(module: Node) -> Iterator[_Call]:
    for rule in module["rules"]:
        notes = rule.get("annotations", [{}])
        description = next((note["description"] for note in notes if "description" in note), "")
        for node in walk(rule):
            operator, *arguments = call_terms(node) or [{}]
            function = ref_of(operator)
            if function[:1] == (_REASON,) and arguments and arguments[0]["type"] == "string":
                yield _Call(arguments[0]["value"], (function[1], len(arguments)), description)


def _literals(tree: object) -> Iterator[dict[str, str]]:
    """Yield every reason that is written out: a decision's default, before any rule."""
    for node in walk(tree):
        if node.get("type") == "object":
            pairs = {key["value"]: term["value"] for key, term in node["value"]}
            if isinstance(pairs.get("rule"), str) and node["value"][0][1]["type"] == "string":
                yield pairs


def _signatures(module: Node) -> Iterator[str]:
    """Yield the module's functions, as one calls them."""
    for rule in module["rules"]:
        head = rule["head"]
        if arguments := head.get("args"):
            yield f"{head['name']}({', '.join(str(one['value']) for one in arguments)})"


def _constructed(reason: Path, opa: Opa, calls: list[tuple[str, int]]) -> Made:
    """Evaluate each constructor of reasons with as many texts as it takes."""
    terms = [f"data.gateway.reason.{name}({', '.join(_ANY * n)})" for name, n in calls]
    query = f"[{', '.join(terms)}] with input as {_ASKER}"
    return dict(zip(calls, opa.evaluate(query, [reason]), strict=True))


def _annotation(module: Node, scope: str) -> Mapping[str, Any]:
    found = (note for note in module.get("annotations", ()) if note["scope"] == scope)
    return next(found, {})


def _imported(module: Node) -> Iterator[str]:
    for each in module.get("imports", ()):
        yield ref_of(each["path"])[-1]
