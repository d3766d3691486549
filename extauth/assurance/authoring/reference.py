"""docs/policy-reference.md, from the schemas and from the METADATA of the policies that ship."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from extauth.assurance.authoring.fields import fields
from extauth.assurance.authoring.rules import packages
from extauth.storage.resources import policies, schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from extauth.assurance.authoring.fields import JsonSchema
    from extauth.assurance.authoring.rules import Package

_HEAD = """\
# Policy reference

Every field that a policy may read, every part of a decision, and every reason that the shipped
policies give. Generated from `schemas/` and from the METADATA of `policies/`; see
[policy-authors.md](policy-authors.md) for how to use it.
"""
_INPUT = """\
Both entry points get the same document, schemas/input.schema.json. `gateway/admission/decision` is
asked before the body is read, and gets `null` where the last column says so. A comparison with
`null` never denies: put what is allowed in a rule of its own, and deny `not` that.
"""
_REASONS = """\
A decision is `{"allow": true, "route": ..., "obligations": [...]}` or `{"allow": false,
"reasons": [...]}`, schemas/decision.schema.json. An allow always has `obligations`, an empty list
where there are none. An admission decision never has them, schemas/admission.schema.json. Anything
else is a deny and a policy error. The client gets the first reason that is not hidden. Build
reasons with `gateway.reason`, obligations with `gateway.obligation`. Obligations are enforced in
the order below, whatever their order in the decision.
"""
_RULES = """\
The names are stable: clients read them as the error's code, audit records and metrics count by
them. `early` rules are also asked before the body is read; a `hidden` reason is logged and not
given to the client.
"""


def reference(opa: Path) -> str:
    """Return the whole document; equal sources give equal text.

    Raises StackError when OPA can't be run.
    """
    shipped = packages(policies(), opa)
    parts = [
        _HEAD,
        "## The input\n\n" + _INPUT,
        "\n".join(_input(_read("input"))),
        "## The decision\n\n" + _REASONS,
        "\n".join(_decision(_read("decision"), shipped)),
        "## The rules that ship\n\n" + _RULES,
        "\n".join(_rules(shipped)),
        "## Packages\n",
        "\n".join(_packages(shipped)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _input(document: JsonSchema) -> Iterator[str]:
    yield from _table("field", "value", "meaning", "at admission")
    for field in fields(document):
        yield _row(f"`input.{field.path}`", field.value, field.meaning, field.admission)


def _decision(document: JsonSchema, shipped: Iterable[Package]) -> Iterator[str]:
    yield from _table("field", "value", "meaning")
    for name, part in document["properties"].items():
        value = {"reasons": "list of reasons", "route": "a route", "obligations": "list"}
        yield _row(f"`{name}`", value.get(name, "`true` or `false`"), part["description"])
    signatures = {
        signature.partition("(")[0]: f"`{package.name.rpartition('.')[2]}.{signature}`"
        for package in shipped
        if package.name in {"gateway.obligation", "gateway.reason"}
        for signature in package.signatures
    }
    defined = document["$defs"]
    obligations = [
        choice["$ref"].rpartition("/")[2]
        for choice in document["properties"]["obligations"]["items"]["anyOf"]
    ]
    for name in dict.fromkeys([*obligations, *defined]):
        part = defined[name]
        kind = "The obligation" if name in obligations else "A"
        made = f"\n\nBuilt by {signatures[name]}." if name in signatures else ""
        yield f"\n### {kind} `{name}`\n\n{part['description']}{made}\n"
        yield from _table("field", "value", "meaning", "left out")
        required = set(part["required"])
        for field in fields(document, part):
            default = part["properties"][field.path].get("default")
            left_out = "" if field.path in required else f"`{json.dumps(default)}`"
            yield _row(f"`{field.path}`", field.value, field.meaning, left_out)


def _rules(shipped: Iterable[Package]) -> Iterator[str]:
    yield from _table("rule", "status", "when", "asked", "package")
    rows = sorted(
        {
            (rule.name, rule.status, rule.description, rule.early, rule.hidden, package.name)
            for package in shipped
            for rule in package.rules
        }
    )
    for name, status, description, early, hidden, package in rows:
        asked = ", ".join(word for word, so in (("early", early), ("hidden", hidden)) if so)
        yield _row(f"`{name}`", str(status), description, asked, f"`{package}`")


def _packages(shipped: Iterable[Package]) -> Iterator[str]:
    yield from _table("package", "title", "what it is for", "file", "functions")
    for package in shipped:
        functions = ", ".join(f"`{signature}`" for signature in dict.fromkeys(package.signatures))
        place = f"`policies/{package.file}`"
        yield _row(f"`{package.name}`", package.title, package.description, place, functions)


def _table(*columns: str) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _read(name: str) -> JsonSchema:
    document: JsonSchema = json.loads(schema(name).read_text("utf-8"))
    return document
