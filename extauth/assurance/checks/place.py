"""Places of findings, as the person who called the command writes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.assurance.findings import Diagnostic
from extauth.rego.fault import OpaRefused

if TYPE_CHECKING:
    from extauth.errors import ConfigurationError
    from extauth.rego.fault import OpaFault

_PLACE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): (?P<text>.+)")


def told(file: Path | str) -> str:
    """Return `file` relative to the working directory, absolute when it lies elsewhere."""
    path = Path(file).absolute()
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def findings(error: ConfigurationError) -> tuple[Diagnostic, ...]:
    """Return the faults that an error tells, one or several, as findings."""
    if isinstance(error, OpaRefused):
        return tuple(fault_finding(fault) for fault in error.faults)
    if error.file is not None:
        place = f"{error.file}:{error.line}: " if error.line is not None else f"{error.file}: "
        message = error.message.removeprefix(place)
        return (Diagnostic(message, file=told(error.file), line=error.line),)
    return tuple(_line(line) for line in error.message.splitlines())


def fault_finding(fault: OpaFault) -> Diagnostic:
    """Return a fault of OPA as a finding."""
    return Diagnostic(fault.message, file=told(fault.file) if fault.file else None, line=fault.line)


def _line(line: str) -> Diagnostic:
    found = _PLACE.match(line)
    if found is None:
        return Diagnostic(line)
    return Diagnostic(found["text"], file=told(found["file"]), line=int(found["line"]))
