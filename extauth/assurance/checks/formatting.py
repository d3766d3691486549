"""The format of Rego."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

from extauth.assurance.checks.command import faults, too_long
from extauth.assurance.checks.place import told
from extauth.assurance.findings import Check, Finding
from extauth.rego.process import run

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 20.0


def check_format(opa: Path, root: Path) -> Check:
    """That `opa fmt` would change nothing; what it would is the finding's diff."""
    done = run(opa, "fmt", "--list", "gateway", cwd=root, seconds=_SECONDS)
    if done.late:
        found = [too_long("opa fmt", _SECONDS)]
    elif done.status != 0:
        found = list(faults(done.err or done.out, root))
    else:
        found = [_unformatted(opa, root, name) for name in sorted(done.out.split("\n")) if name]
    return Check("format", "Format", findings=tuple(found))


def _unformatted(opa: Path, root: Path, name: str) -> Finding:
    file = root / name
    lines = file.read_text("utf-8", "replace").splitlines()
    formatted = run(opa, "fmt", str(file.absolute()), cwd=root, seconds=_SECONDS).out.splitlines()
    line = next(
        (
            number
            for number, (was, is_) in enumerate(zip(lines, formatted, strict=False), 1)
            if was != is_
        ),
        min(len(lines), len(formatted)) + 1,
    )
    diff = unified_diff(lines, formatted, told(file), "formatted", lineterm="")
    return Finding(
        "not formatted; `opa fmt --write` does it",
        file=told(file),
        line=min(line, max(len(lines), 1)),
        detail="\n".join(diff) or None,
    )
