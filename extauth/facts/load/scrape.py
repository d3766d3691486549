"""Metrics of model servers, fetched in bounds of time and size."""

from __future__ import annotations

from extauth.errors import AnswerTooLarge, BackendError, BackendUnavailable, Unreachable
from extauth.network.client import HttpClient

TIMEOUT = 1.0
"""Seconds for a whole answer, connecting included."""

LARGEST = 4 << 20
"""Bytes of an answer at most; a thousand models and versions take three million."""


class Scraper:
    """Connections to metrics endpoints, which stay open. Belongs to one event loop."""

    def __init__(self) -> None:
        self._client = HttpClient(
            timeout=TIMEOUT, largest=LARGEST, headers={"accept": "text/plain;version=0.0.4"}
        )

    async def fetch(self, url: str) -> bytes:
        """Return the metrics at `url`.

        Raises BackendUnavailable when nothing answers in `TIMEOUT`, BackendError when the answer
        is not 200, or too large.
        """
        try:
            answer = await self._client.request("GET", url)
        except AnswerTooLarge as error:
            raise BackendError(f"its metrics are over {error.limit} bytes") from None
        except Unreachable as error:
            raise BackendUnavailable(f"its metrics can't be read: {error.message}") from None
        if answer.status != 200:
            raise BackendError(f"its metrics answer {answer.status}")
        return answer.body

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
