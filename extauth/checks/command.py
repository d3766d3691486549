"""OPA, Regal and their like, run to their end within a time limit."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import msgspec

from extauth.checks.place import told
from extauth.errors import StackError
from extauth.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SECONDS = 60.0

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FAULT = re.compile(
    r"^(?:.*?: )??(?P<file>[^\s:]+\.(?:rego|ya?ml|json)):(?:(?P<line>\d+):)? (?P<text>.+)$",
    re.MULTILINE,
)
_YAML_LINE = re.compile(r"yaml: line (\d+)")


class Done(msgspec.Struct, frozen=True):
    """How a command ended. `late` says that it was killed when its time was up."""

    status: int
    out: str
    err: str
    late: bool = False


def run(
    binary: Path, *arguments: str, cwd: Path, given: str | None = None, seconds: float = SECONDS
) -> Done:
    """Run `binary` in `cwd`, with `given` on its standard input, for at most `seconds`.

    Raises StackError when it can't be run at all.
    """
    try:
        done = subprocess.run(  # noqa: S603  # a fixed command line, no shell
            [str(binary.absolute()), *arguments],
            cwd=cwd,
            input=given if given is not None else "",
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Done(-1, "", "", late=True)
    except OSError as error:
        raise StackError(f"{binary} can't be run: {error.strerror}") from None
    return Done(done.returncode, _COLOUR.sub("", done.stdout), _COLOUR.sub("", done.stderr))


def sources(root: Path) -> list[str]:
    """What OPA loads of the policies in `root`, relative to it: rules and data, not cases."""
    return [name for name in ("gateway", "data") if (root / name).is_dir()]


def faults(output: str, root: Path) -> tuple[Finding, ...]:
    """The errors in what OPA wrote, each with the place that it names; one if it names none."""
    found = [
        Finding(match["text"], file=told(root / match["file"]), line=_line(match))
        for match in _FAULT.finditer(output)
    ]
    words = " ".join(output.removeprefix("error: ").split())[:500]
    return tuple(dict.fromkeys(found)) or (Finding(words or "OPA failed without a word"),)


def too_long(what: str, seconds: float, places: Sequence[str] = ()) -> Finding:
    """A command that was killed."""
    where = f" in {', '.join(places)}" if places else ""
    return Finding(f"{what} took more than {seconds:g} s{where}")


def _line(match: re.Match[str]) -> int | None:
    line = match["line"] or ((of_yaml := _YAML_LINE.search(match["text"])) and of_yaml[1])
    return int(line) if line else None
