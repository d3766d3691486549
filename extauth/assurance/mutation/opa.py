"""OPA's command line, as far as mutation testing needs it."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.errors import ConfigurationError, StackError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extauth.assurance.mutation.module import Node

# As many processes as cores run at once, and each lives too short for its garbage to matter.
_ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "off", "GOMEMLIMIT": "768MiB"}
_SECONDS = 60.0


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of one unit test. `package` begins with `data.`; `duration` in nanoseconds."""

    package: str
    name: str
    fail: bool = False
    error: dict[str, Any] | None = None
    duration: int = 0

    @property
    def passed(self) -> bool:
        """Whether it neither failed, nor broke, nor ran out of time."""
        return not self.fail and self.error is None


class Location(msgspec.Struct, frozen=True):
    """A line of a file, from 1."""

    file: str = ""
    row: int = 0


class Fault(msgspec.Struct, frozen=True):
    """One thing that does not compile."""

    message: str
    location: Location = Location()

    @property
    def is_unused_import(self) -> bool:
        """Whether it is only that an import is no longer needed."""
        return self.message.startswith("import ") and self.message.endswith(" unused")


class _Faults(msgspec.Struct, frozen=True):
    errors: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Opa:
    """Runs OPA, each call a process of its own; any number of threads may share one."""

    path: Path

    def tree(self, file: Path) -> Node:
        """The syntax tree, with locations. Raises ConfigurationError, with the line."""
        done = self._run("parse", "--format", "json", "--json-include", "locations", str(file))
        if done.returncode:
            fault = _faults(done.stderr or done.stdout)[0]
            raise ConfigurationError(fault.message, file=file, line=fault.location.row or None)
        tree: Node = msgspec.json.decode(done.stdout)
        return tree

    def faults(self, paths: Sequence[Path], *, strict: bool = True) -> tuple[Fault, ...]:
        """What `opa check` refuses, as far as OPA came."""
        options = (*(["--strict"] if strict else []), "--max-errors", "0", "--format", "json")
        done = self._run("check", *options, *map(str, paths))
        return _faults(done.stderr or done.stdout) if done.returncode else ()

    def test(
        self, paths: Sequence[Path], seconds: float, limit: float
    ) -> tuple[Verdict, ...] | None:
        """Run all tests in `paths`, each for at most `seconds`; None if all take over `limit`.

        Raises ConfigurationError when something does not compile.
        """
        options = ("--format", "json", "--parallel", "1", "--timeout", f"{seconds:.3f}s")
        try:
            done = self._run("test", *options, *map(str, paths), limit=limit)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode not in {0, 2}:
            raise _broken(done)
        return msgspec.json.decode(done.stdout or b"[]", type=tuple[Verdict, ...])

    def evaluate(self, query: str, paths: Sequence[Path], limit: float) -> Any:
        """The value of a query, or None when it has none, fails or takes over `limit` seconds."""
        data = [flag for path in paths for flag in ("--data", str(path))]
        try:
            done = self._run("eval", "--format", "json", *data, query, limit=limit)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            return None
        results = msgspec.json.decode(done.stdout).get("result")
        return results[0]["expressions"][0]["value"] if results else None

    def _run(self, *arguments: str, limit: float = _SECONDS) -> subprocess.CompletedProcess[bytes]:
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command line, no shell
                [str(self.path.absolute()), *arguments],
                capture_output=True,
                timeout=limit,
                check=False,
                env={**os.environ, **_ENVIRONMENT},
            )
        except OSError as error:
            raise StackError(f"{self.path} can't be run: {error.strerror}") from None
        if done.returncode == -signal.SIGINT:
            # Ctrl-C reaches every process of a terminal; nothing is tried again then.
            raise StackError("interrupted")
        return done


def _faults(output: bytes) -> tuple[Fault, ...]:
    try:
        return msgspec.json.decode(output, type=_Faults).errors
    except msgspec.MsgspecError:
        return (Fault(_line(output)),)


def _broken(done: subprocess.CompletedProcess[bytes]) -> ConfigurationError:
    return ConfigurationError(f"the policies can't be tested: {_line(done.stderr or done.stdout)}")


def _line(output: bytes) -> str:
    return " ".join(output.decode(errors="replace").split())[:500]
