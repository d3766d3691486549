"""Telling the service which snapshot to serve, and asking which ones it does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.stack.readiness import address
from extauth.stack.request import UnreachableError, request

if TYPE_CHECKING:
    from extauth.stack.record import StackRecord
    from extauth.stack.request import Answer
    from extauth.storage.state import StateDir

WITHIN_SECONDS = 20.0


def give(digest: str, record: StackRecord, state: StateDir, *, rollback: bool) -> None:
    """Have it serve another snapshot. Raises StackError when it keeps the one it has."""
    order = json.dumps({"digest": digest, "rollback": rollback}).encode()
    answer = _ask("POST", record, state, order)
    if answer.status != 200:
        try:
            reason = str(json.loads(answer.body)["error"])
        except (ValueError, KeyError, TypeError):
            reason = answer.body.decode(errors="replace").strip()
        raise StackError(f"the service kept its snapshot: {reason}")


def used(record: StackRecord, state: StateDir) -> set[str]:
    """Digests of the snapshots that requests are decided by: the served one and retiring ones."""
    answer = _ask("GET", record, state)
    if answer.status != 200:
        raise StackError(f"the service does not tell its snapshot: HTTP {answer.status}")
    told = json.loads(answer.body)
    return {told["digest"], *told["retiring"]}


def _ask(method: str, record: StackRecord, state: StateDir, body: bytes | None = None) -> Answer:
    headers = {
        "authorization": f"Bearer {state.read_admin_token()}",
        "content-type": "application/json",
    }
    try:
        return request(
            address(record.admin),
            "/snapshot",
            method=method,
            headers=headers,
            body=body,
            timeout=WITHIN_SECONDS,
        )
    except UnreachableError as error:
        raise StackError(f"the service does not answer: {error}") from None
