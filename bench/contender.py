"""What is measured: something that answers one request, over and over."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.errors import MeasurementFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Contender:
    """Where to send what, and what a right answer holds.

    `processes` are those that work for an answer, by name; their CPU time is measured. `key` is
    sent as a bearer token and never shown.
    """

    name: str
    title: str
    port: int
    body: bytes
    expects: bytes
    processes: Mapping[str, int]
    path: str = "/v1/chat/completions"
    key: str = field(default="unused", repr=False)

    @property
    def url(self) -> str:
        """Where requests go."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def ask(self, **headers: str) -> bytes:
        """The answer to one request. Raises MeasurementFailed for any that is not 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(
                "POST",
                self.path,
                self.body,
                {
                    "content-type": "application/json",
                    "authorization": f"Bearer {self.key}",
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                },
            )
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise MeasurementFailed(f"{self.title} does not answer: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise MeasurementFailed(
                f"{self.title} answers {response.status}: {body[:300].decode(errors='replace')}"
            )
        return body

    def wait(self, seconds: float) -> None:
        """Return once it gives the right answer. Raises MeasurementFailed after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = self.ask()
            except MeasurementFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)
            else:
                break
        if self.expects not in answer:
            raise MeasurementFailed(
                f"{self.title} gives a wrong answer: {answer[:300].decode(errors='replace')}"
            )
