"""Subjects of explanations: facts and the stage that asks about them, from a record or a file."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.audit import AuditRecord
from extauth.audit.store import opened
from extauth.audit.versions import FIRST, READABLE, migrated, unreadable
from extauth.compiler.document import Document, read_document
from extauth.compiler.validation import validate
from extauth.errors import ConfigurationError, StackError
from extauth.policy import Entrypoint
from extauth.types import Facts

if TYPE_CHECKING:
    from extauth.storage.state import StateDir


class Subject(msgspec.Struct, frozen=True):
    """Facts to explain the decision on. `record` is the request's, where it comes from one.

    `facts` are None where the request ended before any policy was asked.
    """

    facts: Facts | None
    record: AuditRecord | None = None


def of_request(state: StateDir, request_id: str) -> Subject:
    """Return the last record of a request. Raises StackError when there is none."""
    with opened(state.audit_db) as store:
        records = store.show(request_id)
    if not records:
        raise StackError(
            f"no record of request {request_id} in {state.audit_db}; "
            "`sluice audit tail` shows the latest"
        )
    return _recorded(records[-1])


def of_file(name: str) -> Subject:
    """Read facts, or an audit record, as JSON from a file; `-` is standard input.

    Raises ConfigurationError with the line and the path of what is wrong.
    """
    document = _standard_input() if name == "-" else _read(Path(name), Path(name))
    value = document.value
    if isinstance(value, dict) and ("request_id" in value or "facts" in value):
        version = value.setdefault("version", FIRST)
        if isinstance(version, int) and version not in READABLE:
            raise document.error(("version",), unreadable(version))
        validate(document, "audit")
        return _recorded(msgspec.convert(value, AuditRecord, strict=True))
    validate(document, "input")
    return Subject(msgspec.convert(value, Facts, strict=True))


def stage(facts: Facts) -> Entrypoint:
    """Return the entry point that these facts are for: those of admission have no body."""
    body = (facts.parameters, facts.tokens, facts.sensitive, facts.usage)
    return Entrypoint.ADMISSION if body == (None,) * 4 else Entrypoint.INFERENCE


def _recorded(record: AuditRecord) -> Subject:
    facts = record.facts
    return Subject(migrated(facts, record.version) if facts else None, record)


def _standard_input() -> Document:
    with tempfile.TemporaryDirectory(prefix="sluice-explain-") as temporary:
        file = Path(temporary) / "input.json"
        file.write_bytes(sys.stdin.buffer.read())
        return _read(file, Path("standard input"))


def _read(file: Path, name: Path) -> Document:
    try:
        value: Any = json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"can't be read: {error.strerror}", file=name) from None
    except UnicodeDecodeError:
        raise ConfigurationError("is not UTF-8", file=name) from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"not JSON: {error.msg}", file=name, line=error.lineno) from None
    except (ValueError, RecursionError):
        raise ConfigurationError("not JSON that can be read", file=name) from None
    # JSON is YAML as far as lines go; where it is not, the first line has to do.
    try:
        lines = read_document(file).lines
    except ConfigurationError:
        lines = {(): 1}
    return Document(name, value, lines)
