"""The policies' data: well-formed, and valid by the schemas beside it, where there are any."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
from jsonschema.exceptions import SchemaError
from referencing.exceptions import Unresolvable

from extauth.assurance.checks.place import findings, told
from extauth.assurance.findings import Check, Diagnostic
from extauth.compiler.document import Document, read_document
from extauth.compiler.validation import faults
from extauth.content.privacy import term_faults
from extauth.errors import ConfigurationError
from extauth.rego.source import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIXES = {".yaml", ".yml", ".json"}


def check_data(root: Path) -> Check:
    """Check that every file of `data/` can be read, and fits `schemas/<its name>.schema.json`."""
    return Check(
        "data", "Data", findings=tuple(one for file in data_files(root) for one in _of(file, root))
    )


def data_files(root: Path) -> list[Path]:
    """Return the files of `data/`, by name."""
    files = (root / "data").rglob("*")
    return sorted(file for file in files if file.suffix in _SUFFIXES and file.is_file())


def read_data(file: Path) -> Document:
    """Read a file of data; JSON has no lines but the first. Raises ConfigurationError."""
    if file.suffix != ".json":
        return read_document(file)
    try:
        return Document(file, json.loads(read_text(file)), {(): 1})
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"not JSON: {error.msg}", file=file, line=error.lineno) from None
    except RecursionError:
        raise ConfigurationError("not JSON that can be read", file=file) from None


def _of(file: Path, root: Path) -> Iterator[Diagnostic]:
    try:
        document = read_data(file)
    except ConfigurationError as error:
        yield from findings(error)
        return
    if not isinstance(document.value, dict):
        yield Diagnostic("expected a mapping: OPA merges it into `data`", file=told(file), line=1)
        return
    schema = root / "schemas" / f"{file.stem}.schema.json"
    if schema.is_file():
        yield from _by_schema(document, schema)
    for fault in term_faults(document.value.get("terms", {})):
        yield from findings(document.error(fault.path, fault.message))


def _by_schema(document: Document, schema: Path) -> Iterator[Diagnostic]:
    try:
        rules: dict[str, Any] = read_data(schema).value
        jsonschema.Draft202012Validator.check_schema(rules)
        for fault in faults(document, rules):
            yield from findings(fault)
    except ConfigurationError as error:
        yield from findings(error)
    except SchemaError as error:
        yield Diagnostic(f"not a JSON Schema: {error.message}", file=told(schema))
    except (re.error, Unresolvable) as error:
        yield Diagnostic(f"not a JSON Schema that can be used: {error}", file=told(schema))
