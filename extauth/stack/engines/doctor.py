"""An examination of this machine: the needs of a stack, and remedies for those unmet."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import msgspec

from extauth.compiler.configuration import read_configuration
from extauth.errors import ConfigurationError, StackError
from extauth.settings import Overrides
from extauth.stack.engines.envoy import find_envoy
from extauth.stack.engines.opa import find_opa
from extauth.stack.engines.triton import find_triton

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.stack.engines.engine import Engine


class Requirement(msgspec.Struct, frozen=True):
    """Something that a stack needs: there, with version and path; or not, with a remedy."""

    name: str
    ok: bool
    version: str | None = None
    path: str | None = None
    source: str | None = None
    remedy: str | None = None


def examine(config: Path) -> tuple[Requirement, ...]:
    """Look for everything that a stack of `config` needs, also after something is missing.

    Triton is needed where a backend is the embedded one, and where there is no file to tell.
    """
    found = [
        _machine(),
        Requirement(name="python", ok=True, version=platform.python_version(), path=sys.executable),
        _engine("envoy", find_envoy),
        _engine("opa", find_opa),
    ]
    embeds = True
    if config.exists():
        try:
            embeds = read_configuration(config, Overrides()).settings.embedded is not None
        except ConfigurationError as error:
            found.append(Requirement(name="config", ok=False, remedy=error.message))
    if embeds:
        found.append(_engine("triton", lambda: find_triton()[0]))
    return tuple(found)


def _machine() -> Requirement:
    system, machine = platform.system(), platform.machine()
    ok = (system, machine) == ("Linux", "x86_64")
    return Requirement(
        name="machine",
        ok=ok,
        version=f"{system} {machine}",
        remedy=None if ok else "the embedded engines run on Linux x86_64 only",
    )


def _engine(name: str, find: Callable[[], Engine]) -> Requirement:
    try:
        engine = find()
    except StackError as error:
        return Requirement(name=name, ok=False, remedy=error.message)
    return Requirement(
        name=name, ok=True, version=engine.version, path=str(engine.path), source=engine.source
    )
