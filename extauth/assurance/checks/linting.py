"""Regal, the linter of Rego, where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.assurance.checks.place import told
from extauth.assurance.findings import Check, Diagnostic, Severity
from extauth.rego.process import run

if TYPE_CHECKING:
    from pathlib import Path

NAME, TITLE = "regal", "Regal"
_SECONDS = 60.0


class _Location(msgspec.Struct):
    file: str
    row: int | None = None


class _Violation(msgspec.Struct):
    title: str
    description: str
    location: _Location
    category: str = ""
    level: str = "error"


class _Report(msgspec.Struct):
    violations: list[_Violation] = []


def check_lint(regal: Path | None, root: Path) -> Check:
    """Run `regal lint` with the repository's own `.regal/config.yaml`; skipped without Regal."""
    if regal is None:
        return Check(NAME, TITLE, skipped="regal is not on PATH")
    done = run(regal, "lint", "--format", "json", "gateway", cwd=root, seconds=_SECONDS)
    if done.late:
        late = Diagnostic(f"regal lint took more than {_SECONDS:g} s")
        return Check(NAME, TITLE, findings=(late,))
    try:
        report = msgspec.json.decode(done.out, type=_Report)
    except msgspec.MsgspecError:
        return Check(NAME, TITLE, findings=(Diagnostic(f"regal failed: {done.words}"),))
    return Check(NAME, TITLE, findings=tuple(_finding(one, root) for one in report.violations))


def _finding(violation: _Violation, root: Path) -> Diagnostic:
    rule = f"{violation.category}/{violation.title}" if violation.category else violation.title
    return Diagnostic(
        f"{violation.description} ({rule})",
        level=Severity.WARNING if violation.level == "warning" else Severity.ERROR,
        file=told(root / violation.location.file),
        line=violation.location.row,
    )
