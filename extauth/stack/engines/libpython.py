"""libpython, which Triton's Python backend embeds and Debian's `python3` comes without."""

from __future__ import annotations

import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.stack.engines.cache import cache, one_at_a_time
from extauth.stack.progress import step

if TYPE_CHECKING:
    from extauth.stack.progress import Progress

_PACKAGE = f"libpython{sysconfig.get_python_version()}"
LIBRARY = f"{_PACKAGE}.so.1.0"
REMEDY = (
    f"install the package {_PACKAGE} (Debian, Ubuntu), or use a Python built with --enable-shared"
)
_SECONDS = 120


def directory() -> Path | None:
    """Return the directory of this Python's library, if it came with it or was fetched."""
    own = Path(sysconfig.get_config_var("LIBDIR") or "/nowhere")
    return next((one for one in (own, _kept()) if (one / LIBRARY).is_file()), None)


def fetch(progress: Progress) -> None:
    """Get the library of Debian's or Ubuntu's own Python from their archive into the cache.

    apt verifies it, and needs no root for that. Raises StackError for another Python, and when
    the library can't be had.
    """
    if sys.base_prefix != "/usr":
        raise StackError(f"this Python comes without it; {REMEDY}")
    target = _kept() / LIBRARY
    with one_at_a_time(target.parent):
        if not target.is_file():
            with step(progress, f"downloading {_PACKAGE}"):
                _download(target)


def _download(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="download-") as work:
        _run("apt-get", "download", _PACKAGE, directory=work)
        archive = next((str(file) for file in Path(work).glob("*.deb")), "")
        version = _run("dpkg-deb", "--field", archive, "Version", directory=work)
        if not version.startswith(f"{platform.python_version()}-"):
            raise StackError(
                f"the archive has {_PACKAGE} {version.strip()} and this Python is "
                f"{platform.python_version()}; {REMEDY}"
            )
        _run("dpkg-deb", "--extract", archive, "files", directory=work)
        for file in Path(work, "files").rglob(LIBRARY):
            file.replace(target)


def _kept() -> Path:
    return cache() / f"libpython-{platform.python_version()}"


def _run(*command: str, directory: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and nothing a user names
            command, cwd=directory, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        raise StackError(f"{command[0]} can't be run; {REMEDY}") from None
    if done.returncode:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise StackError(f"{' '.join(command[:2])} failed: {last.removeprefix('E: ')}; {REMEDY}")
    return done.stdout
