"""HTTP client for model servers' metrics, bounded in time and size."""

from __future__ import annotations

import aiohttp

from extauth.errors import BackendError, BackendUnavailable

TIMEOUT = 1.0
"""Seconds for a whole answer, connecting included."""

LARGEST = 4 << 20
"""Bytes of an answer at most; a thousand models and versions take three million."""

_CHUNK = 64 << 10
_HEADERS = {"accept": "text/plain;version=0.0.4", "accept-encoding": "identity"}


class Scraper:
    """Reads metrics endpoints over connections that stay open. Belongs to one event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
            headers=_HEADERS,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def fetch(self, url: str) -> bytes:
        """Return the body that `url` answers with. Follows no redirect.

        Raises BackendUnavailable when nothing answers within `TIMEOUT`, BackendError when the
        status is not 200 or the body is too large.
        """
        body = bytearray()
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise BackendError(f"its metrics answer {response.status}")
                async for chunk in response.content.iter_chunked(_CHUNK):
                    body += chunk
                    if len(body) > LARGEST:
                        raise BackendError(f"its metrics are over {LARGEST} bytes")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackendUnavailable(f"its metrics can't be read: {type(error).__name__}") from None
        return bytes(body)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
