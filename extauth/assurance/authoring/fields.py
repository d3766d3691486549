"""The fields of a JSON JsonSchema, as rows for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JsonSchema = dict[str, Any]

_WORDS = {"string": "text", "boolean": "`true` or `false`", "object": "map", "array": "list"}


class Field(msgspec.Struct, frozen=True):
    """A field by its dotted path, such as `usage.tenant.day.tokens`.

    `admission` is what the header stage sees of it, where that differs from the body stage.
    """

    path: str
    value: str
    meaning: str
    admission: str = ""


def fields(schema: JsonSchema, part: JsonSchema | None = None, path: str = "") -> Iterator[Field]:
    """Yield every field of `part` (the whole schema when None) and below, parents first."""
    for name, declared in (schema if part is None else part).get("properties", {}).items():
        whole = _resolved(schema, declared)
        here = f"{path}.{name}".removeprefix(".")
        yield Field(here, value(schema, whole), whole["description"], whole.get("x-admission", ""))
        if "properties" in whole:
            yield from fields(schema, whole, here)


def value(schema: JsonSchema, part: JsonSchema) -> str:
    """Return the values that `part` allows, in words."""
    match _resolved(schema, part):
        case {"const": only}:
            words = f'`"{only}"`'
        case {"enum": choices}:
            words = ", ".join(f"`{choice}`" for choice in choices)
        case {"anyOf": choices}:
            words = " or ".join(value(schema, choice) for choice in choices)
        case {"type": list(types), **rest}:
            words = " or ".join(
                one if one == "null" else value(schema, {**rest, "type": one}) for one in types
            )
        case {"type": "array", "items": items}:
            words = f"list of {value(schema, items)}"
        case {"type": "object", "additionalProperties": dict(extra)}:
            words = f"map of {value(schema, extra)}"
        case {"type": str(kind), **rest}:
            words = _WORDS.get(kind, kind) + _range(rest)
        case _:
            words = "anything"
    return words


def _resolved(schema: JsonSchema, part: JsonSchema) -> JsonSchema:
    """Return `part` merged into the target of its `$ref`; its own keys win."""
    if "$ref" not in part:
        return part
    target = schema
    for step in part["$ref"].removeprefix("#/").split("/"):
        target = target[step]
    return {**target, **part}


def _range(rule: Mapping[str, Any]) -> str:
    if "maximum" in rule:
        return f", {rule['minimum']} to {rule['maximum']}"
    return f", {rule['minimum']} or more" if "minimum" in rule else ""
