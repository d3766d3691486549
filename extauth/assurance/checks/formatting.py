"""The format of Rego."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

from extauth.assurance.checks.place import findings, told
from extauth.assurance.findings import Check, Diagnostic
from extauth.rego.fault import OpaError
from extauth.rego.opa import Opa

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 20.0


def check_format(opa: Path, root: Path) -> Check:
    """Check that `opa fmt` would change nothing; a finding has its change as a diff."""
    command = Opa(opa)
    try:
        names = command.unformatted("gateway", cwd=root, seconds=_SECONDS)
        found = tuple(_unformatted(command, root, name) for name in names)
    except OpaError as error:
        found = findings(error)
    return Check("format", "Format", findings=found)


def _unformatted(opa: Opa, root: Path, name: str) -> Diagnostic:
    file = root / name
    lines = file.read_text("utf-8", "replace").splitlines()
    formatted = opa.format(file, seconds=_SECONDS).splitlines()
    line = next(
        (
            number
            for number, (was, is_) in enumerate(zip(lines, formatted, strict=False), 1)
            if was != is_
        ),
        min(len(lines), len(formatted)) + 1,
    )
    diff = unified_diff(lines, formatted, told(file), "formatted", lineterm="")
    return Diagnostic(
        "not formatted; `opa fmt --write` does it",
        file=told(file),
        line=min(line, max(len(lines), 1)),
        detail="\n".join(diff) or None,
    )
