"""What OPA's compiler says: syntax, types against the schemas, strictness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.checks.command import faults, sources, too_long
from extauth.assurance.checks.place import told
from extauth.assurance.findings import Check, Finding
from extauth.rego.process import run
from extauth.storage.resources import schema

if TYPE_CHECKING:
    from pathlib import Path

    from extauth.rego.process import Done

NAME, TITLE = "types", "Syntax and types"
_SECONDS = 30.0


def check_types(opa: Path, root: Path) -> Check:
    """`opa check --strict` with the schemas of the input and of the decision."""
    schemas = str(schema("input").parent)
    done = run(
        opa, "check", "--strict", "--format", "json", "--schema", schemas, *sources(root),
        cwd=root, seconds=_SECONDS,
    )  # fmt: skip
    return Check(NAME, TITLE, findings=_findings(done, root))


def unreadable(root: Path) -> tuple[Finding, ...]:
    """The files of rules that can't be read, of which OPA would tell in every command."""
    return tuple(
        finding
        for file in sorted((root / "gateway").rglob("*.rego"))
        if (finding := _unreadable(file)) is not None
    )


def _unreadable(file: Path) -> Finding | None:
    try:
        content = file.read_bytes()
    except OSError as error:
        return Finding(f"can't be read: {error.strerror}", file=told(file))
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Finding("is not UTF-8", file=told(file), line=line)
    return None


def _findings(done: Done, root: Path) -> tuple[Finding, ...]:
    if done.late:
        return (too_long("opa check", _SECONDS),)
    if done.status == 0:
        return ()
    try:
        errors = msgspec.json.decode(done.err or done.out)["errors"]
        # OPA says some of them once a pass.
        return tuple(dict.fromkeys(_finding(error, root) for error in errors))
    except (msgspec.DecodeError, KeyError, TypeError):
        return faults(done.err or done.out, root)


def _finding(error: dict[str, Any], root: Path) -> Finding:
    place = error.get("location") or {}
    known = (error.get("details") or {}).get("oneOf")
    hint = f"; there are {', '.join(map(str, known))}" if known else ""
    file = place.get("file")
    return Finding(
        f"{error['message']}{hint}",
        file=told(root / file) if file else None,
        line=place.get("row"),
    )
