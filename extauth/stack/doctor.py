"""What a stack needs on this machine, what is there, and what to do about the rest."""

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

    from extauth.stack.engines import Engine


class Finding(msgspec.Struct, frozen=True):
    """One thing that is needed: there, with its version and where; or not, with what to do."""

    name: str
    ok: bool
    version: str | None = None
    path: str | None = None
    source: str | None = None
    remedy: str | None = None


def examine() -> tuple[Finding, ...]:
    """Look at everything, and go on after what is missing."""
    return (
        _machine(),
        Finding(name="python", ok=True, version=platform.python_version(), path=sys.executable),
        _engine("envoy", find_envoy),
        _engine("opa", find_opa),
        _engine("triton", lambda: find_triton()[0]),
    )


def _machine() -> Finding:
    system, machine = platform.system(), platform.machine()
    ok = (system, machine) == ("Linux", "x86_64")
    return Finding(
        name="machine",
        ok=ok,
        version=f"{system} {machine}",
        remedy=None if ok else "the embedded engines run on Linux x86_64 only",
    )


def _engine(name: str, find: Callable[[], Engine]) -> Finding:
    try:
        engine = find()
    except StackError as error:
        return Finding(name=name, ok=False, remedy=error.message)
    return Finding(
        name=name, ok=True, version=engine.version, path=str(engine.path), source=engine.source
    )
