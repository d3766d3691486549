"""OPA: named, on PATH, in the cache, built by Go, or the official binary, in this order."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.stack.engines.cache import cache, one_at_a_time
from extauth.stack.engines.engine import Engine, Version, dotted, version_of
from extauth.stack.engines.opa_source import VERSION, build, download
from extauth.stack.progress import step

if TYPE_CHECKING:
    from extauth.stack.progress import Progress

OLDEST = (1, 19, 1)
TOO_NEW = (2, 0, 0)
ACCEPTED = ">=1.19.1,<2"
REMEDY = "run `sluice engines`, or name one with SLUICE_OPA"


def find_opa() -> Engine:
    """Find an OPA that is there already.

    Raises StackError when there is none, or when SLUICE_OPA names an unsuitable one.
    """
    named = os.environ.get("SLUICE_OPA")
    if named:
        return _named(Path(named))
    on_path = shutil.which("opa")
    for candidate, source in ((on_path, "PATH"), (cached(), "cache")):
        version = _version(Path(candidate)) if candidate else None
        if candidate and version and _accepted(version):
            return Engine("opa", Path(candidate), dotted(version), source)
    raise StackError(f"OPA {ACCEPTED} is missing; {REMEDY}")


def obtain_opa(progress: Progress) -> Engine:
    """Find an OPA, or fetch one into the cache.

    Raises StackError when it can be neither found, nor built, nor downloaded.
    """
    try:
        return find_opa()
    except StackError:
        if os.environ.get("SLUICE_OPA"):
            raise
    target = cached()
    with one_at_a_time(target.parent):
        if _version(target) is None:
            _fetch(target, progress)
    return find_opa()


def cached() -> Path:
    """Return the path of the fetched OPA in the cache."""
    return cache() / f"opa-{VERSION}" / "opa"


def _fetch(target: Path, progress: Progress) -> None:
    failures = []
    go = shutil.which("go")
    if go:
        try:
            with step(progress, f"building OPA {VERSION} with Go (about a minute, once)"):
                build(go, target, progress)
        except StackError as error:
            failures.append(error.message)
        else:
            return
    try:
        with step(progress, f"downloading OPA {VERSION}"):
            download(target, progress)
    except StackError as error:
        failures.append(error.message)
        raise StackError(f"cannot obtain OPA: {'; '.join(failures)}") from None


def _named(path: Path) -> Engine:
    version = _version(path)
    if version is None:
        raise StackError(f"SLUICE_OPA={path} is not an OPA that runs")
    if not _accepted(version):
        raise StackError(f"SLUICE_OPA={path} is OPA {dotted(version)}, not {ACCEPTED}")
    return Engine("opa", path.resolve(), dotted(version), "SLUICE_OPA")


def _version(path: Path) -> Version | None:
    return version_of(path, "version", pattern="Version: ")


def _accepted(version: Version) -> bool:
    return OLDEST <= version < TOO_NEW
