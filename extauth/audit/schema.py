"""The JSON Schema of audit records, from their types.

`python -m extauth.audit.schema > schemas/audit.schema.json` writes it anew.
"""

from __future__ import annotations

import inspect
import json
import sys

import msgspec

from extauth.audit.record import AuditRecord


def schema() -> dict[str, object]:
    """The schema of audit records."""
    return schema_of(AuditRecord, "Audit record")


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
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
