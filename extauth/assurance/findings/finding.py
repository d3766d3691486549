"""Findings, the checks that they come from, and the report of a command."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """Severity of a finding. Only an error fails a check."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Diagnostic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fault, or a fact worth knowing, at its place. Lines count from 1.

    `file` is relative to the working directory, so that a forge shows the finding beside the line.
    `detail` helps to understand it, such as a diff; it may have several lines.
    """

    message: str
    level: Severity = Severity.ERROR
    file: str | None = None
    line: int | None = None
    detail: str | None = None

    @property
    def place(self) -> str:
        """`file:line`, as much of it as is known."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """A check and its findings. `name` is stable; `title` is for people.

    `skipped` is why it could not run; a skipped check neither passes nor fails.
    """

    name: str
    title: str
    seconds: float = 0.0
    findings: tuple[Diagnostic, ...] = ()
    skipped: str | None = None

    @property
    def failed(self) -> bool:
        """True if there is an error among the findings."""
        return any(finding.level is Severity.ERROR for finding in self.findings)


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """The report of a command: its checks, and a summary in Markdown that goes before them."""

    title: str
    checks: tuple[Check, ...] = ()
    summary: str = ""

    @property
    def failed(self) -> bool:
        """True if any check failed: then the command's exit status is 1."""
        return any(check.failed for check in self.checks)
