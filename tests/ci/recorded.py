"""Decisions that the gateway recorded: real requests through its inside, exported to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from extauth.audit.store import AuditStore, write_lines
from tests.gateway.served import CHAT, JSON, Refused, generated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.served import Served

ROUNDS = 3


async def record(served: Served, file: Path) -> None:
    """Let Ada and Bob ask this and that, and export what was decided to `file`."""
    asked = 0
    for _ in range(ROUNDS):
        for who in ("ada", "bob"):
            for extra in ({}, {"max_tokens": 100}, {"max_tokens": 600}, {"seed": 7}):
                asked += 1
                await _ask(served, f"request-{asked}", who, {**CHAT, **extra})
    await served.audit.close()
    assert write_lines(file, AuditStore(served.log).export()) == asked


async def _ask(served: Served, name: str, who: str, body: dict[str, Any]) -> None:
    head = replace(served.head(who=who), request_id=name)
    try:
        request, _ = await served.exchange(body, head)
    except Refused:
        return
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(generated("Hello there.", 5), end=True)
