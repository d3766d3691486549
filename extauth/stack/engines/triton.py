"""Triton, from the wheel `nvidia-pytriton`, with what its Python backend needs to start."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.rego.environment import environment
from extauth.stack.engines import libpython
from extauth.stack.engines.engine import Engine

if TYPE_CHECKING:
    from extauth.stack.progress import Progress

PYTHON = sysconfig.get_python_version()
REMEDY = (
    "install it with `pip install 'sluicegate[engines]'`, "
    "or name a running server with `url:` in gateway.yaml"
)
STUB = "triton_python_backend_stub"
_EMBEDS = f"Triton's Python backend needs {libpython.LIBRARY}"


class _LibpythonMissing(StackError):
    """Nothing is missing but this Python's shared library."""


@dataclass(frozen=True, slots=True)
class TritonFiles:
    """The wheel's parts: `root` is pytriton's tritonserver directory, `libraries` what it links."""

    root: Path
    libraries: Path

    @property
    def server(self) -> Path:
        """The server's binary."""
        return self.root / "bin" / "tritonserver"

    @property
    def stub(self) -> Path:
        """The process that runs a Python model, built against this Python's version."""
        return self.root / "python_backend_stubs" / PYTHON / STUB

    def environment(self) -> dict[str, str]:
        """Return the variables that the server needs on top of ours.

        The stub embeds `libpython` and ignores PYTHONPATH: it finds the packages of the virtual
        environment because `python3` on PATH is that environment's.
        """
        libraries = filter(None, (libpython.directory(), self.libraries))
        return {
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "PATH": os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", "")]),
        }


def obtain_triton(progress: Progress) -> tuple[Engine, TritonFiles]:
    """Find the installed Triton, and fetch the shared library of Debian's own Python if it lacks.

    Raises StackError when something it needs is missing.
    """
    try:
        return find_triton()
    except _LibpythonMissing:
        try:
            libpython.fetch(progress)
        except StackError as error:
            raise StackError(f"{_EMBEDS}: {error.message}") from None
    return find_triton()


def find_triton() -> tuple[Engine, TritonFiles]:
    """Find the installed Triton. Raises StackError when something it needs is missing."""
    # Finding, not importing: the import takes most of a second and is of no use here.
    spec = importlib.util.find_spec("pytriton")
    if spec is None or not spec.submodule_search_locations:
        raise StackError(f"Triton is missing; {REMEDY}")
    package = Path(spec.submodule_search_locations[0])
    _require_numpy_1()
    files = TritonFiles(package / "tritonserver", package.parent / "nvidia_pytriton.libs")
    for path in (files.server, files.stub):
        if not path.is_file():
            raise StackError(f"Triton has no {path.name} for Python {PYTHON}; {REMEDY}")
        _require_loadable(path, files)
    wheel = importlib.metadata.version("nvidia-pytriton")
    return Engine("triton", files.server, f"pytriton {wheel}", "nvidia-pytriton"), files


def link_backend(files: TritonFiles, backends: Path) -> None:
    """Make `backends` the directory that Triton's --backend-directory wants.

    The wheel keeps the stub apart from the backend, and Triton looks for it only beside it.
    """
    directory = backends / "python"
    # Python leaves its compiled files there, beside links of an earlier installation.
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for path in (*sorted((files.root / "backends" / "python").iterdir()), files.stub):
        (directory / path.name).symlink_to(path)


def _require_numpy_1() -> None:
    """Raise StackError for another numpy: the stub was built against numpy 1 and crashes with 2."""
    try:
        installed = importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        installed = "missing"
    if not installed.startswith("1."):
        raise StackError(
            f"Triton's Python backend needs numpy 1 (numpy is {installed}), which Python 3.11 and "
            "3.12 have; use one of them, or name a running server with `url:` in gateway.yaml"
        )


def _require_loadable(binary: Path, files: TritonFiles) -> None:
    """Ask the loader what is missing before a start fails obscurely. Raises StackError."""
    done = subprocess.run(  # noqa: S603  # ldd of the C library, on a file of the wheel
        ["/usr/bin/ldd", binary],
        env=environment(files.environment()),
        capture_output=True,
        text=True,
        check=False,
    )
    if f"{libpython.LIBRARY} => not found" in done.stdout:
        raise _LibpythonMissing(f"{_EMBEDS}; {libpython.REMEDY}")
    if "GLIBC_" in done.stderr + done.stdout and "not found" in done.stderr + done.stdout:
        raise StackError("Triton needs glibc 2.35 or newer: Debian 12, Ubuntu 22.04 or later")
    missing = [line.split()[0] for line in done.stdout.splitlines() if "not found" in line]
    if missing:
        raise StackError(f"Triton cannot start: {', '.join(missing)} not found")
