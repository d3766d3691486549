"""Facts altered by `--what-if path=value`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.explanation.explained import FactChange
from extauth.assurance.explanation.leaves import InputSchema, document_of
from extauth.compiler.document import Document
from extauth.compiler.validation import nearest, validate
from extauth.errors import ConfigurationError
from extauth.types import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPTION = "--what-if"


def alter(facts: Facts, wishes: Iterable[str]) -> tuple[Facts, tuple[FactChange, ...]]:
    """Set `path=value` in the facts, one wish after the other; a value is JSON or bare text.

    Raises ConfigurationError for a path that is not a fact, and for a value of the wrong type.
    """
    document = document_of(facts)
    schema = InputSchema()
    changes = tuple(_set(document, wish, schema) for wish in wishes)
    return msgspec.convert(document, Facts), changes


def _set(document: dict[str, Any], wish: str, schema: InputSchema) -> FactChange:
    path, separator, written = wish.partition("=")
    if not separator:
        raise _wrong(wish, "expected path=value, such as tokens.prompt=9000")
    parts = path.removeprefix("input.").split(".")
    name = ".".join(parts)
    if not schema.knows(parts):
        close = nearest(name, schema.names())
        raise _wrong(name, f"there is no such fact{close}")
    holder: Any = document
    for place, part in enumerate(parts[:-1]):
        holder = holder[part]
        if holder is None:
            missing = ".".join(parts[: place + 1])
            raise _wrong(name, f"{missing} is null here; set it as a whole, as a JSON object")
    before = holder.get(parts[-1])
    holder[parts[-1]] = _value(written, schema.takes_text(parts))
    _check(document, name)
    return FactChange(name, before, holder[parts[-1]])


def _value(written: str, text: bool) -> Any:
    try:
        value = json.loads(written)
    except ValueError:
        return written
    # A version is text, though it looks like a number.
    bare = text and not isinstance(value, str) and value is not None
    return written if bare else value


def _check(document: dict[str, Any], name: str) -> None:
    try:
        validate(Document(_OPTION, document, {(): 1}), "input")  # type: ignore[arg-type] # only shown
    except ConfigurationError as error:
        lines = (line.removeprefix(f"{_OPTION}:1: ") for line in error.message.splitlines())
        raise ConfigurationError(f"{_OPTION} {'; '.join(lines)}") from None


def _wrong(name: str, message: str) -> ConfigurationError:
    return ConfigurationError(f"{_OPTION} {name}: {message}")
