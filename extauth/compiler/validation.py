"""A document against its JSON Schema: what is wrong, where, and what was meant."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

import jsonschema
from jsonschema.exceptions import best_match

from extauth.errors import ConfigurationError
from extauth.storage.resources import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from jsonschema import TypeChecker

    from extauth.compiler.document import Document

# Beyond this many, a list of all names helps nobody.
_TOLD = 16


def _is_integer(_: TypeChecker, value: object) -> bool:
    """JSON Schema takes 1.0 for an integer; what reads the settings does not."""
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # it has no types
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


def validate(document: Document, name: str) -> None:
    """Hold `document` against the schema `name`. Raises ConfigurationError, every fault a line."""
    errors = faults(document, json.loads(schema(name).read_text()))
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigurationError("\n".join(error.message for error in errors))


def faults(document: Document, rules: Mapping[str, Any]) -> tuple[ConfigurationError, ...]:
    """Everything in `document` that is not as the JSON Schema `rules` says, by line.

    What was expected is in the words of the schema's own `x-expected`, where it has one.
    """
    found = (
        error
        for fault in _Validator(rules).iter_errors(document.value)
        for error in _errors(document, fault)
    )
    return tuple(sorted(found, key=lambda error: error.line or 0))


def nearest(name: str, known: Collection[str]) -> str:
    """`; did you mean …?` for a name that is none of the known, or what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    if 0 < len(known) <= _TOLD:
        return f"; expected one of {', '.join(sorted(known))}"
    return ""


def _errors(document: Document, fault: jsonschema.ValidationError) -> Iterator[ConfigurationError]:
    while fault.context and not _tells(fault.schema):
        deeper = best_match(fault.context)
        if deeper is None:
            break
        fault = deeper
    place = list(fault.absolute_path)
    rules: Any = fault.schema
    instance: Any = fault.instance
    if fault.validator == "additionalProperties":
        known = rules.get("properties", {})
        for key in instance:
            if key not in known:
                yield document.error([*place, key], f"there is no such key{nearest(key, known)}")
    elif fault.validator == "required":
        # jsonschema has a fault for each missing key, and names it nowhere but in its message.
        missing = fault.message.split("'")[1]
        yield document.error(place, f"the key {missing} is missing")
    else:
        expected = rules.get("x-expected") or _expected(fault)
        yield document.error(place, f"{_shown(instance)} is not {expected}")


def _tells(rules: Any) -> bool:
    """Tell whether a schema says itself what it expects, so that its parts need not."""
    return isinstance(rules, dict) and "x-expected" in rules


def _expected(fault: jsonschema.ValidationError) -> str:
    value: Any = fault.validator_value
    words: dict[str, Callable[[], str]] = {
        "type": lambda: f"of type {value if isinstance(value, str) else ' or '.join(value)}",
        "enum": lambda: f"one of {', '.join(map(str, value))}",
        "const": lambda: str(value),
        "minimum": lambda: f"{value} or more",
        "maximum": lambda: f"{value} or less",
        "minLength": lambda: "text of one character or more",
        "minItems": lambda: "enough: at least one is needed",
        "minProperties": lambda: "enough: at least one is needed",
    }
    known = words.get(str(fault.validator))
    return known() if known else f"allowed: {fault.message}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
