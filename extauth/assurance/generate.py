"""The schemas, the reference and Envoy's demo files, made from their only sources.

`make generate` writes them anew, or `python -m extauth.assurance.generate` with `opa` on PATH.
"""

from __future__ import annotations

import inspect
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from extauth.assurance.authoring.reference import reference
from extauth.assurance.replay.report import ReplayDocument
from extauth.audit import Action, AuditRecord
from extauth.compiler.configuration import read_configuration
from extauth.errors import SluiceError
from extauth.obligations import Admission, Decision
from extauth.policy.cases import CaseFile
from extauth.settings import Overrides
from extauth.storage.resources import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from extauth.assurance.authoring.fields import JsonSchema

_ALLOWS_BY_OBLIGATIONS: Final = msgspec.Meta(
    extra_json_schema={
        "if": {"properties": {"allow": {"const": True}}},
        "then": {"required": ["obligations"]},
    }
)

SCHEMAS: Final[Mapping[str, tuple[Any, str]]] = {
    "action": (Action, "Action"),
    "admission": (Admission, "Admission decision"),
    "audit": (AuditRecord, "Audit record"),
    "case": (CaseFile, "Decision cases"),
    "decision": (Annotated[Decision, _ALLOWS_BY_OBLIGATIONS], "Inference decision"),
    "replay": (ReplayDocument, "Replay"),
}
"""The generated schemas by name: the type that each describes, and its title."""

_DEFINITIONS: Final = "#/$defs/"


def schema_text(name: str) -> str:
    """Return `schemas/NAME.schema.json` as its type has it."""
    return json.dumps(_schema_of(*SCHEMAS[name]), indent=2, ensure_ascii=False) + "\n"


def generate(opa: Path) -> Iterator[Path]:
    """Write every generated file, and yield those that have changed.

    `opa` reads the policies. Raises StackError where it can't be run; a file is written whole or
    not at all.
    """
    for name in SCHEMAS:
        yield from _written(schema(name), schema_text(name))
    # Made from the schemas as they stand now.
    root = schema("decision").parents[1]
    yield from _written(root / "docs" / "policy-reference.md", reference(opa))
    for name, resources in envoy_demo(root / "gateway.yaml").items():
        yield from _written(root / "envoy" / "demo" / name, resources)


def envoy_demo(config: Path) -> dict[str, str]:
    """Return what Envoy gets for a `gateway.yaml`, by the file's name."""
    # Its messages take half a second to import.
    from extauth.compiler.proxy import render  # noqa: PLC0415

    rendered = render(read_configuration(config, Overrides()).settings, Overrides())
    return {name: resources.decode() for name, resources in rendered.items()}


def _written(file: Path, text: str) -> Iterator[Path]:
    if file.read_text("utf-8") != text:
        whole = file.with_suffix(".new")
        whole.write_text(text, "utf-8")
        whole.replace(file)
        yield file


def _schema_of(kind: Any, title: str) -> JsonSchema:
    """Return a type's schema with everything that it refers to.

    Descriptions are those of the types, and `kind` may say more by a Meta. A type with a tag is
    defined under its tag.
    """
    (reference,), components = msgspec.json.schema_components(
        (kind,), ref_template=_DEFINITIONS + "{name}"
    )
    root = str(reference.pop("$ref")).removeprefix(_DEFINITIONS)
    names = {name: _tag(part) or name for name, part in components.items()}
    defined = {names[name]: _cleaned(part, names) for name, part in components.items()}
    whole = defined.pop(root)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        **reference,
        "title": title,
        "$defs": dict(sorted(defined.items())),
    }


def _tag(part: JsonSchema) -> str | None:
    """Return the tag of a type's schema; None without one."""
    match part.get("properties", {}).get("type"):
        case {"enum": [str(tag)]}:
            return tag
    return None


def _cleaned(node: Any, names: Mapping[str, str]) -> Any:
    """Return a part of a schema as it is published.

    References lead to `names`, tags are constants with a description, and no docstring is indented.
    """
    if isinstance(node, list):
        return [_cleaned(child, names) for child in node]
    if isinstance(node, str) and node.startswith(_DEFINITIONS):
        return _DEFINITIONS + names[node.removeprefix(_DEFINITIONS)]
    if not isinstance(node, dict):
        return node
    cleaned = {key: _cleaned(child, names) for key, child in node.items()}
    if isinstance(cleaned.get("description"), str):
        cleaned["description"] = inspect.cleandoc(cleaned["description"])
    if tag := _tag(cleaned):
        cleaned["properties"]["type"] = {"const": tag, "description": f"Always `{tag}`."}
    return cleaned


if __name__ == "__main__":
    try:
        for changed in generate(Path(shutil.which("opa") or "opa")):
            sys.stdout.write(f"wrote {changed}\n")
    except SluiceError as error:
        sys.exit(error.message)
