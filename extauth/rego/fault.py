"""Faults that OPA reports, read from the forms in which its commands write them.

`parse`, `check` and `eval` write JSON. `test`, `build`, `fmt` and `inspect` write a line for each
fault, `file:line: code: message`, which further lines may illustrate. The codes are those of OPA's
packages `ast` and `topdown`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.rego.process import Done

CANCELLED = "eval_cancel_error"
"""The code of an evaluation that OPA ended when its time was up."""

_REFUSED = "rego_"
_LINE = re.compile(
    r"^(?:.*?: )??(?P<file>[^:\n]+\.(?:rego|ya?ml|json)):(?:(?P<line>\d+):)? "
    r"(?:(?P<code>(?:rego|eval)_\w+): )?(?P<text>.+)$",
    re.MULTILINE,
)
_PLACELESS = re.compile(r"(?:(?P<code>(?:rego|eval)_\w+): )?(?P<text>.+)")
_YAML_LINE = re.compile(r"yaml: line (\d+)")
_UNUSED_IMPORT = re.compile(r"import .+ unused")


class OpaFault(msgspec.Struct, frozen=True):
    """A fault with the file and line that OPA names; `code` is empty where OPA gives none."""

    message: str
    code: str = ""
    file: Path | None = None
    line: int | None = None

    @property
    def cancelled(self) -> bool:
        """True if an evaluation took too long."""
        return self.code == CANCELLED

    @property
    def refused(self) -> bool:
        """True if the Rego does not parse or compile, so that nothing was evaluated."""
        return self.code.startswith(_REFUSED)

    @property
    def unused_import(self) -> bool:
        """True if the fault is an import that nothing needs, of which only `--strict` complains."""
        return _UNUSED_IMPORT.fullmatch(self.message) is not None

    def error(self) -> ConfigurationError:
        """Return the fault as an error at its place."""
        return ConfigurationError(self.message, file=self.file, line=self.line)


class OpaError(ConfigurationError):
    """OPA did not do what it was asked."""


class OpaRefused(OpaError):
    """OPA refuses what it was given. There is at least one fault; the message has a line each."""

    def __init__(self, faults: Sequence[OpaFault]) -> None:
        """Take the place of the fault where there is only one."""
        only = faults[0] if len(faults) == 1 else None
        if only is not None:
            super().__init__(only.message, file=only.file, line=only.line)
        else:
            super().__init__("\n".join(fault.error().message for fault in faults))
        self.faults = tuple(faults)


class OpaTimeout(OpaError):
    """An OPA command took longer than it may, and was ended."""

    def __init__(self, command: str, seconds: float) -> None:
        super().__init__(f"opa {command} took more than {seconds:g} s")


class Location(msgspec.Struct, frozen=True):
    """A place as OPA writes it in JSON. `file` is relative to the directory that OPA ran in."""

    file: str = ""
    row: int = 0


class _Details(msgspec.Struct, frozen=True):
    choices: tuple[object, ...] | None = msgspec.field(default=None, name="oneOf")


class ReportedFault(msgspec.Struct, frozen=True):
    """A fault as OPA writes it in JSON."""

    message: str
    code: str = ""
    location: Location | None = None
    details: _Details | None = None

    def fault(self, cwd: Path) -> OpaFault:
        """Return the fault, its file below the directory that OPA ran in."""
        choices = self.details.choices if self.details else None
        hint = f"; there are {', '.join(map(str, choices))}" if choices else ""
        place = self.location or Location()
        file = cwd / place.file if place.file else None
        return OpaFault(self.message + hint, self.code, file, place.row or None)


class _Reported(msgspec.Struct, frozen=True):
    errors: tuple[ReportedFault, ...]


def words_of(done: Done) -> str:
    """Return the output of a command that failed, on one line."""
    words = done.words.removeprefix("error: ").removeprefix("load error: ")
    return words or "OPA failed without a word"


def faults_of(done: Done, cwd: Path) -> tuple[OpaFault, ...]:
    """Return the faults in the output of a command that failed: each once, at least one.

    `cwd` is the directory that OPA ran in. Output that names no place is one fault without any.
    """
    output = done.err or done.out
    try:
        reports = msgspec.json.decode(output, type=_Reported).errors
        # OPA reports some of them once for each of its passes.
        found = dict.fromkeys(report.fault(cwd) for report in reports)
    except msgspec.DecodeError:
        found = dict.fromkeys(_fault(match, cwd) for match in _LINE.finditer(output))
    return tuple(found) or (_placeless(words_of(done)),)


def _placeless(words: str) -> OpaFault:
    match = _PLACELESS.match(words)
    return OpaFault(match["text"], match["code"] or "") if match else OpaFault(words)


def _fault(match: re.Match[str], cwd: Path) -> OpaFault:
    line = match["line"] or ((of_yaml := _YAML_LINE.search(match["text"])) and of_yaml[1])
    return OpaFault(
        match["text"], match["code"] or "", cwd / match["file"], int(line) if line else None
    )
