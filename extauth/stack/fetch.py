"""Fetching a file over HTTP or HTTPS, if it is another one than last time."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from extauth.compiler.url import Origin
from extauth.errors import ConfigurationError, StackError

STEP_SECONDS = 10.0
TOTAL_SECONDS = 60.0
LARGEST = 64 << 20
PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a server has, and the name that it gave this version."""

    content: bytes
    etag: str | None


def fetch(url: str, *, etag: str | None, token: str | None) -> Fetched | None:
    """Get `url`; None if it still is the version `etag`.

    Blocks for a minute at most. A redirect is not followed: the token is for this server alone.
    Raises StackError when the server does not answer with at most 64 MiB in time.
    """
    origin = Origin.parse(url)
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"accept": "application/vnd.openpolicyagent.bundles, application/gzip, */*"}
    if etag is not None:
        headers["if-none-match"] = etag
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    kind = http.client.HTTPSConnection if origin.tls else http.client.HTTPConnection
    connection = kind(origin.host, origin.port, timeout=STEP_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as response:
            if response.status == http.client.NOT_MODIFIED:
                return None
            if response.status != http.client.OK:
                raise StackError(f"{origin.host}:{origin.port} answered {response.status}")
            return Fetched(_read(response), response.headers.get("etag"))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise StackError(f"{origin.host}:{origin.port} does not answer: {reason}") from None
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse) -> bytes:
    deadline = time.monotonic() + TOTAL_SECONDS
    content = bytearray()
    while piece := response.read1(PIECE):
        content += piece
        if len(content) > LARGEST:
            raise ConfigurationError(f"the bundle is larger than {LARGEST >> 20} MiB")
        if time.monotonic() > deadline:
            raise StackError(f"the bundle did not arrive within {TOTAL_SECONDS:g} s")
    return bytes(content)
