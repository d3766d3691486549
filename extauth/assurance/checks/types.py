"""Faults that OPA's compiler finds: syntax, types against the schemas, strictness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.assurance.checks.place import fault_finding, findings, told
from extauth.assurance.findings import Check, Diagnostic
from extauth.rego.fault import OpaError
from extauth.rego.opa import Opa, sources
from extauth.storage.resources import schema

if TYPE_CHECKING:
    from pathlib import Path

NAME, TITLE = "types", "Syntax and types"
_SECONDS = 30.0


def check_types(opa: Path, root: Path) -> Check:
    """Run `opa check --strict` with the schemas of the input and of the decision."""
    schemas = schema("input").parent
    try:
        faults = Opa(opa).check(sources(root), cwd=root, schemas=schemas, seconds=_SECONDS)
    except OpaError as error:
        return Check(NAME, TITLE, findings=findings(error))
    return Check(NAME, TITLE, findings=tuple(fault_finding(fault) for fault in faults))


def unreadable(root: Path) -> tuple[Diagnostic, ...]:
    """Return the files of rules that can't be read, which every OPA command would report."""
    return tuple(
        finding
        for file in sorted((root / "gateway").rglob("*.rego"))
        if (finding := _unreadable(file)) is not None
    )


def _unreadable(file: Path) -> Diagnostic | None:
    try:
        content = file.read_bytes()
    except OSError as error:
        return Diagnostic(f"can't be read: {error.strerror}", file=told(file))
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Diagnostic("is not UTF-8", file=told(file), line=line)
    return None
