"""Decisions that the gateway recorded: real requests through its inside, exported to a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from extauth.audit.store import opened, write_lines
from extauth.errors import AnsweredError
from extauth.gateway.admission import admit
from extauth.gateway.exchange import Exchange
from tests.gateway.pipeline import CHAT, JSON, generated, never

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.pipeline import Pipeline

ROUNDS = 3


async def record(pipeline: Pipeline, file: Path) -> None:
    """Let Ada and Bob ask this and that, and export what was decided to `file`."""
    asked = 0
    for _ in range(ROUNDS):
        for who in ("ada", "bob"):
            for extra in ({}, {"max_tokens": 100}, {"max_tokens": 600}, {"seed": 7}):
                asked += 1
                await _ask(pipeline, f"request-{asked}", who, {**CHAT, **extra})
    await pipeline.audit.close()
    with opened(pipeline.root / "audit.db") as store:
        assert write_lines(file, store.export()) == asked


async def _ask(pipeline: Pipeline, name: str, who: str, body: dict[str, Any]) -> None:
    transaction = pipeline.begin(replace(pipeline.head(who=who), request_id=name))
    try:
        await admit(transaction)
        dispatch = await pipeline.inference.dispatch(transaction, json.dumps(body).encode(), never)
    except AnsweredError as error:
        await transaction.refuse(error)
        return
    exchange = Exchange(transaction, dispatch)
    exchange.headers(200, JSON)
    await exchange.plain(generated("Hello there.", 5))
