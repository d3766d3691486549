"""A program run to its end within a time limit: OPA, Regal, Envoy's validation."""

from __future__ import annotations

import re
import signal
import subprocess
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import StackError
from extauth.rego import environment as variables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 60.0

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST = 500


class Done(msgspec.Struct, frozen=True):
    """The end of a program. `late` marks one that was killed when its time was up."""

    status: int
    out: str
    err: str
    late: bool = False

    @property
    def words(self) -> str:
        """The program's output on one line of at most 500 characters, errors first."""
        return " ".join((self.err + self.out).split())[:_LONGEST]


def run(
    binary: Path,
    *arguments: str,
    cwd: Path | None = None,
    given: str = "",
    environment: Mapping[str, str] | None = None,
    files: Sequence[int] = (),
    seconds: float = SECONDS,
) -> Done:
    """Run `binary` with `given` on its standard input, for at most `seconds`.

    `environment` is added to what it inherits, `rego.environment`; `files` are descriptors that it
    is given. Colours are removed from the output, and bytes
    that are not UTF-8 are replaced. Raises StackError when the program can't be run at all, or
    was interrupted: Ctrl-C reaches every process of a terminal.
    """
    try:
        done = subprocess.run(  # noqa: S603  # its callers' fixed command lines, no shell
            [str(binary.absolute()), *arguments],
            cwd=cwd,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=variables.environment(environment),
            pass_fds=files,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Done(-1, "", "", late=True)
    except OSError as error:
        raise StackError(f"{binary} can't be run: {error.strerror}") from None
    if done.returncode == -signal.SIGINT:
        raise StackError("interrupted")
    return Done(done.returncode, _COLOUR.sub("", done.stdout), _COLOUR.sub("", done.stderr))
