"""HTTP connections to external services: kept open, with answers of bounded size."""

from __future__ import annotations

import asyncio

import aiohttp

from extauth.errors import BackendError, BackendUnavailable

LARGEST = 8 << 20
"""Bytes of an answer at most."""

CONCURRENCY = 32
"""Concurrent requests to one server; further ones wait, within their timeout."""

_CHUNK = 64 << 10
_HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}
_UNAVAILABLE = frozenset({429, 502, 503, 504})


class Connections:
    """The connections of one runtime, opened when they are first needed.

    Belongs to one event loop. Has no timeout: the caller sets one.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes) -> bytes:
        """Return the body that `url` answers to a JSON body with. Uses no redirect and no proxy.

        Raises BackendUnavailable when the server does not answer, or answers 429, 502, 503 or 504;
        BackendError when the status is another one than 200, or the body is over `LARGEST` bytes.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # The caller's timeout applies, to all requests of a call together.
                timeout=aiohttp.ClientTimeout(total=None),
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=CONCURRENCY),
                headers=_HEADERS,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        answer = bytearray()
        try:
            async with self._session.post(url, data=body, allow_redirects=False) as response:
                if response.status in _UNAVAILABLE:
                    raise BackendUnavailable(f"it answers {response.status}")
                if response.status != 200:
                    raise BackendError(f"it answers {response.status}")
                async for chunk in response.content.iter_chunked(_CHUNK):
                    answer += chunk
                    if len(answer) > LARGEST:
                        raise BackendError(f"its answer is over {LARGEST} bytes")
        except (aiohttp.ClientError, OSError) as error:
            raise BackendUnavailable(f"it can't be asked: {type(error).__name__}") from None
        return bytes(answer)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            # aiohttp's transports need another turn of the event loop to close.
            await asyncio.sleep(0)
