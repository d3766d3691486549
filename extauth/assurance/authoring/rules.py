"""The rules that ship, read from their Rego by OPA: names, statuses, descriptions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import StackError
from extauth.rego.process import SECONDS, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Term = dict[str, Any]
Made = dict[tuple[str, int], dict[str, Any]]

_STATUS = 403
_REASON = "reason"
_ADMISSION = "admission"
_ANY = ('"x"',)
_ASKER = '{"principal": {"tier": "x"}}'


class Rule(msgspec.Struct, frozen=True):
    """A reason that a package can give. `hidden` ones are logged and not told.

    `early` says that the header stage asks it as well; the body stage asks every rule.
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
    """Every package of `policies/gateway`, by name, tests aside.

    A reason's status is what its constructor in `gateway.reason` evaluates to. Raises StackError
    when OPA can't read them.
    """
    files = sorted((policies / "gateway").rglob("*.rego"))
    modules = {
        file: json.loads(_run(opa, "parse", "--format", "json", str(file)))
        for file in files
        if not file.stem.endswith("_test")
    }
    early = {
        name
        for module in modules.values()
        if _path(module["package"]["path"])[-1] == _ADMISSION
        for name in (_ADMISSION, *_imported(module))
    }
    calls = {call.made_by for module in modules.values() for call in _calls_of(module)}
    made = _constructed(policies / "gateway/reason", opa, sorted(calls))
    return tuple(
        Package(
            name=(name := ".".join(_path(module["package"]["path"])[1:])),
            title=(own := _annotation(module, "package")).get("title", ""),
            description=own.get("description", ""),
            file=str(file.relative_to(policies)),
            rules=tuple(_rules_of(module, made, early=name.rpartition(".")[2] in early)),
            signatures=tuple(_signatures(module)),
        )
        for file, module in modules.items()
    )


class _Call(msgspec.Struct, frozen=True):
    """`reason.<constructor>("<rule>", …)` somewhere in a rule; `made_by` counts its arguments."""

    rule: str
    made_by: tuple[str, int]
    description: str


def _rules_of(module: Term, made: Made, *, early: bool) -> Iterator[Rule]:
    for call in _calls_of(module):
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


def _calls_of(module: Term) -> Iterator[_Call]:
    for rule in module["rules"]:
        notes = rule.get("annotations", [{}])
        description = next((note["description"] for note in notes if "description" in note), "")
        for value in _calls(rule):
            function = _path(value[0]["value"])
            if function[0] == _REASON and len(value) > 1 and value[1]["type"] == "string":
                yield _Call(value[1]["value"], (function[1], len(value) - 1), description)


def _literals(part: object) -> Iterator[dict[str, str]]:
    """Every reason that is written out: what a decision defaults to, before any rule."""
    if isinstance(part, list):
        for each in part:
            yield from _literals(each)
    elif isinstance(part, dict):
        if part.get("type") == "object":
            pairs = {key["value"]: term["value"] for key, term in part["value"]}
            if isinstance(pairs.get("rule"), str) and part["value"][0][1]["type"] == "string":
                yield pairs
        for each in part.values():
            yield from _literals(each)


def _calls(part: object) -> Iterator[list[Term]]:
    """Every call within a part of the syntax tree: the function and its arguments."""
    if isinstance(part, list):
        for each in part:
            yield from _calls(each)
    elif isinstance(part, dict):
        if part.get("type") == "call":
            yield part["value"]
        for each in part.values():
            yield from _calls(each)


def _signatures(module: Term) -> Iterator[str]:
    """The module's functions, as one calls them."""
    for rule in module["rules"]:
        head = rule["head"]
        if arguments := head.get("args"):
            yield f"{head['name']}({', '.join(str(one['value']) for one in arguments)})"


def _constructed(reason: Path, opa: Path, calls: list[tuple[str, int]]) -> Made:
    """What each constructor of reasons makes of as many texts as it takes."""
    terms = [f"data.gateway.reason.{name}({', '.join(_ANY * n)})" for name, n in calls]
    query = f"x := [{', '.join(terms)}] with input as {_ASKER}"
    told = _run(opa, "eval", "--format", "json", "--data", str(reason), query)
    return dict(zip(calls, json.loads(told)["result"][0]["bindings"]["x"], strict=True))


def _annotation(module: Term, scope: str) -> Mapping[str, Any]:
    found = (note for note in module.get("annotations", ()) if note["scope"] == scope)
    return next(found, {})


def _imported(module: Term) -> Iterator[str]:
    for each in module.get("imports", ()):
        yield _path(each["path"]["value"])[-1]


def _path(terms: list[Term]) -> list[str]:
    return [str(term["value"]) for term in terms]


def _run(opa: Path, *arguments: str) -> str:
    done = run(opa, *arguments)
    if done.late:
        raise StackError(f"opa {arguments[0]} took more than {SECONDS:g} s")
    if done.status != 0:
        raise StackError(f"opa {arguments[0]} failed: {done.words[:500]}")
    return done.out
