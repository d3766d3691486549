"""A program run to its end within a time limit. Imports nothing but errors."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import StackError

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 60.0

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Done(msgspec.Struct, frozen=True):
    """How a program ended. `late` says that it was killed when its time was up."""

    status: int
    out: str
    err: str
    late: bool = False

    @property
    def words(self) -> str:
        """Everything that it wrote, on one line."""
        return " ".join((self.err + self.out).split())


def run(
    binary: Path,
    *arguments: str,
    cwd: Path | None = None,
    given: str = "",
    seconds: float = SECONDS,
) -> Done:
    """Run `binary` with `given` on its standard input, for at most `seconds`.

    Colours are taken out of what it writes, and what is no UTF-8 is replaced. Raises StackError
    when it can't be run at all.
    """
    try:
        done = subprocess.run(  # noqa: S603  # its callers' fixed command lines, no shell
            [str(binary.absolute()), *arguments],
            cwd=cwd,
            input=given,
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
