"""HTTP requests of the command line and the supervisor, which block the thread that makes them.

They follow no redirect and no proxy of the environment, verify TLS certificates, and are bounded
in time and size. Only downloads from public servers follow both.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from extauth.errors import AnswerTooLarge, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 2.0
"""Seconds that connecting, or one wait for bytes, may take by default."""

LARGEST = 16 << 20
"""Bytes of a body by default."""

DOWNLOAD_SECONDS = 60.0
"""Seconds that a download may wait for its next bytes."""

_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response with its whole body. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request(
    server: str | Path,
    path: str = "",
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = TIMEOUT,
    within: float | None = None,
    largest: int = LARGEST,
) -> HttpResponse:
    """Send a request to `server`, a URL or the path of a unix socket, and read the response.

    `timeout` bounds each wait, `within` the body as a whole (`timeout` by default), in seconds.
    Raises Unreachable when the server does not answer in HTTP and in time, AnswerTooLarge for a
    body over `largest` bytes.
    """
    base = "http://localhost" if isinstance(server, Path) else server
    asked = urllib.request.Request(  # noqa: S310 - the openers know http and https alone
        base + path, data=body, headers=dict(headers or {}), method=method
    )
    until = time.monotonic() + (timeout if within is None else within)
    content = bytearray()
    with _translated(timeout), _opener(server).open(asked, timeout=timeout) as response:
        left: int | None = response.length
        while left != 0:
            piece = response.read1(_PIECE if left is None else min(left, _PIECE))
            if not piece:
                break
            content += piece
            left = None if left is None else left - len(piece)
            if len(content) > largest:
                raise AnswerTooLarge(largest)
            if time.monotonic() > until:
                raise TimeoutError
        if left:
            raise http.client.IncompleteRead(b"", left)
        names = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(response.status, names, bytes(content))


class Download:
    """The content of a file on its way; `total` bytes, or None where the server does not say."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.total = response.length
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content in pieces. Raises Unreachable when the connection fails."""
        while piece := self._piece():
            yield piece

    def _piece(self) -> bytes:
        with _translated(DOWNLOAD_SECONDS):
            piece = self._response.read(_PIECE << 4)
            if not piece and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
            return piece


@contextmanager
def downloading(url: str) -> Iterator[Download]:
    """Download from a public server, over redirects and the proxies of the environment.

    The caller verifies what arrives. Raises Unreachable when the server does not answer 200.
    """
    opener = _director(
        urllib.request.ProxyHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
    )
    with _translated(DOWNLOAD_SECONDS):
        response = opener.open(url, timeout=DOWNLOAD_SECONDS)
    with response:
        yield Download(response)


def reason(error: BaseException, timeout: float | None, *, connecting: bool = False) -> str:
    """Say why a request failed, without the URL: a path may be a secret of the server's."""
    if isinstance(error, TimeoutError):
        return "no answer in time" if timeout is None else f"no answer within {timeout:g} s"
    if isinstance(error, ssl.SSLError):
        invalid = isinstance(error, ssl.SSLCertVerificationError)
        return "its TLS certificate is not valid" if invalid else "it does not speak TLS"
    if isinstance(error, socket.gaierror):
        return "its name can't be resolved"
    if isinstance(error, OSError) and error.errno:
        words = os.strerror(error.errno)
        return f"can't connect: {words}" if connecting else words
    if connecting:
        return "can't connect: no address answers"
    return f"the connection failed: {type(error).__name__}"


@contextmanager
def _translated(timeout: float) -> Iterator[None]:
    """Raise the errors of the library as Unreachable."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise Unreachable(f"it answered {error.code}") from None
    except urllib.error.URLError as error:
        # Connecting and sending; a string is what the library says of the URL itself.
        cause = error.reason if isinstance(error.reason, OSError) else error
        raise Unreachable(reason(cause, timeout, connecting=cause is not error)) from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(reason(error, timeout)) from None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, host: str, *, timeout: float, path: Path) -> None:
        super().__init__(host, timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        # A socket's address holds 108 bytes, and a state directory may lie deeper than that.
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


class _UnixHandler(urllib.request.AbstractHTTPHandler):
    """Sends every request to one unix socket."""

    http_request = urllib.request.AbstractHTTPHandler.do_request_

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def http_open(self, asked: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_UnixConnection, path=self._path), asked)


def _opener(server: str | Path) -> urllib.request.OpenerDirector:
    if isinstance(server, Path):
        return _director(_UnixHandler(server))
    if server.startswith("https:"):
        return _director(urllib.request.HTTPSHandler())
    return _director(urllib.request.HTTPHandler())


def _director(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    director = urllib.request.OpenerDirector()
    director.addheaders = [("user-agent", "sluice")]
    for handler in handlers:
        director.add_handler(handler)
    return director
