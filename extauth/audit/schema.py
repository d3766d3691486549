"""The JSON Schemas of audit records and of actions, from their types.

`python -m extauth.audit.schema > schemas/audit.schema.json` writes it anew, and
`python -m extauth.audit.schema action > schemas/action.schema.json` the other.
"""

from __future__ import annotations

import inspect
import json
import sys

import msgspec

from extauth.audit.action import Action
from extauth.audit.record import AuditRecord


def schema() -> dict[str, object]:
    """The schema of audit records."""
    return schema_of(AuditRecord, "Audit record")


def action_schema() -> dict[str, object]:
    """The schema of what operators changed by hand."""
    return schema_of(Action, "Action")


def schema_of(kind: type[msgspec.Struct], title: str) -> dict[str, object]:
    """A type's schema with everything that it refers to; descriptions are those of the types."""
    (reference,), components = msgspec.json.schema_components(
        (kind,), ref_template="#/$defs/{name}"
    )
    record = components.pop(str(reference["$ref"]).removeprefix("#/$defs/"))
    _clean([record, components])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **record,
        "title": title,
        "$defs": dict(sorted(components.items())),
    }


def _clean(node: object) -> None:
    """Take the indentation of docstrings out of descriptions."""
    if isinstance(node, dict):
        if isinstance(node.get("description"), str):
            node["description"] = inspect.cleandoc(node["description"])
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            _clean(child)


if __name__ == "__main__":
    wanted = action_schema() if sys.argv[1:] == ["action"] else schema()
    sys.stdout.write(json.dumps(wanted, indent=2, ensure_ascii=False) + "\n")
