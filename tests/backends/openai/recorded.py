"""What a real server answered, byte by byte: see answers/PROVENANCE.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWERS = Path(__file__).parent / "answers"
INDEX: dict[str, dict[str, Any]] = json.loads((ANSWERS / "index.json").read_text())


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer: its head, and its body as the server cut it."""

    status: int
    headers: dict[str, str]
    chunks: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        return b"".join(self.chunks)

    @property
    def events(self) -> list[Any]:
        """The JSON of a stream's events, read as a person would."""
        lines = self.body.decode().splitlines()
        data = [line[6:] for line in lines if line.startswith("data: ")]
        return [json.loads(one) for one in data if one != "[DONE]"]


def recorded(name: str) -> Recorded:
    """Read one answer."""
    raw = (ANSWERS / f"{name}.response.txt").read_bytes()
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines)}
    chunked = headers.get("transfer-encoding") == "chunked"
    chunks = tuple(_chunks(body)) if chunked else (body,)
    return Recorded(int(status.split()[1]), headers, chunks)


def asked(name: str) -> bytes:
    """The body of the request that was sent for it."""
    return (ANSWERS / f"{name}.request.json").read_bytes()


def names(path: str, status: int = 200, *, stream: bool | None = None) -> list[str]:
    """The answers of an endpoint with this status, streamed or not."""
    found = [name for name, one in INDEX.items() if one["path"] == path and one["status"] == status]
    if stream is None:
        return found
    return [name for name in found if (".stream" in name) == stream]


def _chunks(body: bytes) -> list[bytes]:
    found = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        found.append(rest[:length])
        body = rest[length + 2 :]
    return found
