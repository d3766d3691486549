"""HTTP connections to external services: kept open, with answers of bounded size."""

from __future__ import annotations

from extauth.errors import AnswerTooLarge, BackendError, BackendUnavailable, Unreachable
from extauth.network.client import HttpClient

LARGEST = 8 << 20
"""Bytes of an answer at most."""

CONCURRENCY = 32
"""Concurrent requests to one server; further ones wait, within their timeout."""

_UNAVAILABLE = frozenset({429, 502, 503, 504})


class Connections:
    """The connections of one runtime. Belongs to one event loop.

    Has no timeout: the caller sets one, over all requests of a call.
    """

    def __init__(self) -> None:
        self._client = HttpClient(
            timeout=None,
            largest=LARGEST,
            headers={"content-type": "application/json"},
            concurrency=CONCURRENCY,
        )

    async def post(self, url: str, body: bytes) -> bytes:
        """Return the body that `url` answers to a JSON body with. Uses no redirect and no proxy.

        Raises BackendUnavailable when the server does not answer, or answers 429, 502, 503 or 504;
        BackendError when the status is another one than 200, or the body is over `LARGEST` bytes.
        """
        try:
            answer = await self._client.request("POST", url, body)
        except AnswerTooLarge as error:
            raise BackendError(error.message) from None
        except Unreachable as error:
            raise BackendUnavailable(error.message) from None
        if answer.status in _UNAVAILABLE:
            raise BackendUnavailable(f"it answers {answer.status}")
        if answer.status != 200:
            raise BackendError(f"it answers {answer.status}")
        return answer.body

    async def close(self) -> None:
        """Close them all."""
        await self._client.close()
