"""A document against its JSON Schema: what is wrong, where, and what was meant."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import jsonschema
from jsonschema.exceptions import best_match

from extauth.errors import ConfigurationError
from extauth.resources import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from extauth.compiler.document import Document


def validate(document: Document, name: str) -> None:
    """Hold `document` against the schema `name`. Raises ConfigurationError, every fault a line."""
    rules = json.loads(schema(name).read_text())
    validator = jsonschema.Draft202012Validator(rules)
    faults = sorted(
        validator.iter_errors(document.value), key=lambda fault: list(map(str, fault.absolute_path))
    )
    if faults:
        messages = [_message(document, fault) for fault in faults]
        raise ConfigurationError("\n".join(messages))


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean …?` for a name that is none of the known, or what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; expected one of {', '.join(sorted(known))}" if known else ""


def _message(document: Document, fault: jsonschema.ValidationError) -> str:
    while fault.context:
        deeper = best_match(fault.context)
        if deeper is None:
            break
        fault = deeper
    place = list(fault.absolute_path)
    rules: Any = fault.schema
    instance: Any = fault.instance
    if fault.validator == "additionalProperties":
        known = rules.get("properties", {})
        unknown = next(key for key in instance if key not in known)
        return str(
            document.error([*place, unknown], f"there is no such key{nearest(unknown, known)}")
        )
    if fault.validator == "required":
        missing = next(key for key in rules["required"] if key not in instance)
        return str(document.error(place, f"the key {missing} is missing"))
    expected = rules.get("x-expected") or _expected(fault)
    return str(document.error(place, f"{_shown(fault.instance)} is not {expected}"))


def _expected(fault: jsonschema.ValidationError) -> str:
    value: Any = fault.validator_value
    words: dict[str, Callable[[], str]] = {
        "type": lambda: f"of type {value if isinstance(value, str) else ' or '.join(value)}",
        "enum": lambda: f"one of {', '.join(map(str, value))}",
        "const": lambda: str(value),
        "minimum": lambda: f"{value} or more",
        "maximum": lambda: f"{value} or less",
        "minItems": lambda: "enough: at least one is needed",
        "minProperties": lambda: "enough: at least one is needed",
    }
    known = words.get(str(fault.validator))
    return known() if known else f"allowed: {fault.message}"


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
