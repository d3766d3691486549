"""Findings, the checks that they come from, and the report of a command."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How grave it is. Only an error fails a check."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong, or worth knowing. Lines count from 1.

    `file` is relative to where the command was called, so that a forge shows it beside the line.
    `detail` is what helps to understand it, such as a diff; it may have several lines.
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
    """One check and what it found. `name` is stable; `title` is for people.

    `skipped` says why it could not run; a skipped check neither passes nor fails.
    """

    name: str
    title: str
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    skipped: str | None = None

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.level is Severity.ERROR for finding in self.findings)


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a command has to say: its checks, and a text in Markdown that goes before them."""

    title: str
    checks: tuple[Check, ...] = ()
    summary: str = ""

    @property
    def failed(self) -> bool:
        """Whether any check failed: then the command's exit status is 1."""
        return any(check.failed for check in self.checks)
