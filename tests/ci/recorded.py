"""Decisions that the gateway recorded: real requests through its inside, exported to a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from extauth.audit.store import opened, write_lines
from extauth.errors import AnsweredError
from extauth.gateway.admission import admit
from extauth.gateway.exchange import Exchange
from tests.gateway.served import CHAT, JSON, generated, never

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
    with opened(served.root / "audit.db") as store:
        assert write_lines(file, store.export()) == asked


async def _ask(served: Served, name: str, who: str, body: dict[str, Any]) -> None:
    transaction = served.begin(replace(served.head(who=who), request_id=name))
    try:
        await admit(transaction)
        dispatch = await served.inference.dispatch(transaction, json.dumps(body).encode(), never)
    except AnsweredError as error:
        await transaction.refuse(error)
        return
    exchange = Exchange(transaction, dispatch)
    exchange.headers(200, JSON)
    await exchange.plain(generated("Hello there.", 5))
