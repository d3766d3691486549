"""An examination of this machine: the needs of a stack, and remedies for those unmet."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import StackError
from extauth.stack.engines.envoy import find_envoy
from extauth.stack.engines.opa import find_opa
from extauth.stack.engines.triton import find_triton

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.stack.engines.engine import Engine


class Requirement(msgspec.Struct, frozen=True):
    """Something that a stack needs: there, with version and path; or not, with a remedy."""

    name: str
    ok: bool
    version: str | None = None
    path: str | None = None
    source: str | None = None
    remedy: str | None = None


def examine() -> tuple[Requirement, ...]:
    """Look for everything that a stack needs, also after something is missing."""
    return (
        _machine(),
        Requirement(name="python", ok=True, version=platform.python_version(), path=sys.executable),
        _engine("envoy", find_envoy),
        _engine("opa", find_opa),
        _engine("triton", lambda: find_triton()[0]),
    )


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
