"""The pinned version of OPA: built from source with Go, or the official static binary."""

from __future__ import annotations

import collections
import hashlib
import os
import platform
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from extauth.errors import StackError, Unreachable
from extauth.network.request import downloading

if TYPE_CHECKING:
    from extauth.stack.progress import Progress

VERSION = "1.19.1"
MODULE = f"github.com/open-policy-agent/opa@v{VERSION}"
RELEASES = f"https://github.com/open-policy-agent/opa/releases/download/v{VERSION}"
BUILD_SECONDS = 900

# Of opa_linux_<architecture>_static, release v1.19.1.
SHA256 = {
    "amd64": "c9f985ce0d345f5484006ade2c695ed9e3f308e4441139e46695c5c182ac0839",
    "arm64": "19dcb5186fd394c32023918c53eaacda55f835abb05e13e0f9a766dd1429494f",
}
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def build(go: str, target: Path, progress: Progress) -> None:
    """`go install` the pinned version, verified by Go's checksum database, as `target`.

    Raises StackError with Go's last words when that fails.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as directory:
        environment = {**os.environ, "GOBIN": directory, "CGO_ENABLED": "0"}
        process = subprocess.Popen(  # noqa: S603  # the operator's own Go
            [go, "install", "-v", "-trimpath", "-ldflags=-s -w", MODULE],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        timer = threading.Timer(BUILD_SECONDS, process.kill)
        timer.start()
        last: collections.deque[str] = collections.deque(maxlen=1)
        try:
            with process:
                for line in process.stderr or ():
                    last.append(line.strip())
                    progress.update(line.strip())
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
        if process.returncode:
            raise StackError(f"`go install {MODULE}` failed: {' '.join(last) or 'no output'}")
        (Path(directory) / "opa").replace(target)


def download(target: Path, progress: Progress) -> None:
    """Fetch the official static binary as `target`, if its SHA-256 is the pinned one.

    The base URL is SLUICE_OPA_BASE_URL, else the official release. Raises StackError.
    """
    system, machine = platform.system(), platform.machine()
    architecture = ARCHITECTURES.get(machine)
    if architecture is None or system != "Linux":
        raise StackError(
            f"no OPA binary for {system} on {machine} is pinned; install OPA or Go, or name one: "
            "SLUICE_OPA"
        )
    base = os.environ.get("SLUICE_OPA_BASE_URL") or RELEASES
    url = f"{base.rstrip('/')}/opa_linux_{architecture}_static"
    if not url.startswith(("https://", "http://")):
        raise StackError(f"SLUICE_OPA_BASE_URL={base} is not an http or https URL")
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix="download-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            digest = _copy(url, file, progress)
        if digest != SHA256[architecture]:
            raise StackError(f"{url} has SHA-256 {digest}, not the pinned {SHA256[architecture]}")
        temporary.chmod(0o755)
        temporary.replace(target)
    except (OSError, Unreachable) as error:
        reason = error.message if isinstance(error, Unreachable) else error.strerror
        raise StackError(
            f"{url}: {reason}; install Go, or set SLUICE_OPA or SLUICE_OPA_BASE_URL"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def _copy(url: str, file: BinaryIO, progress: Progress) -> str:
    digest = hashlib.sha256()
    done = 0
    with downloading(url) as download:
        total = download.total
        for chunk in download:
            digest.update(chunk)
            file.write(chunk)
            done += len(chunk)
            progress.update(f"{done >> 20} of {total >> 20} MiB" if total else f"{done >> 20} MiB")
    return digest.hexdigest()
