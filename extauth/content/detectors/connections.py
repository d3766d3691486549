"""HTTP to the external detectors and classifiers: answers of bounded size, statuses as errors."""

from __future__ import annotations

from extauth.errors import AnswerTooLarge, BackendError, BackendUnavailable, Unreachable
from extauth.network.client import HttpClient

LARGEST = 8 << 20
"""Bytes of an answer."""

CONCURRENCY = 32
"""Requests to one server at a time; more wait, inside their timeout."""

_UNAVAILABLE = frozenset({429, 502, 503, 504})


class Connections:
    """The connections of one runtime. Belongs to one event loop.

    Has no timeout of its own: the caller's holds, over all requests of a call.
    """

    def __init__(self) -> None:
        self._client = HttpClient(
            timeout=None,
            largest=LARGEST,
            headers={"content-type": "application/json"},
            concurrency=CONCURRENCY,
        )

    async def post(self, url: str, body: bytes) -> bytes:
        """Send a JSON body and return that of the answer.

        Raises BackendUnavailable when the server does not answer, or says that it can't for now,
        BackendError when the answer is a refusal or over `LARGEST` bytes.
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
