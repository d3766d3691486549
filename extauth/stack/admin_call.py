"""Asking the running gateway's admin endpoint, as an operator of its state directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from extauth.errors import StackError
from extauth.stack.readiness import address
from extauth.stack.record import StackRecord
from extauth.stack.request import UnreachableError, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.storage.state import StateDir

WITHIN_SECONDS = 10.0


def ask(state: StateDir, path: str, parameters: Mapping[str, str]) -> Any:
    """What a GET answers. Raises StackError when it refuses, or no stack is ready."""
    return _call(state, "GET", f"{path}?{urlencode(parameters)}", None)


def order(
    state: StateDir, path: str, body: Mapping[str, object], *, within: float = WITHIN_SECONDS
) -> Any:
    """What a POST answers. Raises StackError when it refuses, or no stack is ready."""
    given = {name: value for name, value in body.items() if value is not None}
    return _call(state, "POST", path, msgspec.json.encode(given), within)


def _call(
    state: StateDir, method: str, path: str, body: bytes | None, within: float = WITHIN_SECONDS
) -> Any:
    record = StackRecord.running(state)
    if record is None or record.phase != "ready":
        raise StackError(f"no stack is ready on {state.path}; `sluice up` starts one")
    try:
        answer = request(
            address(record.admin),
            path,
            method=method,
            headers={
                "authorization": f"Bearer {state.read_admin_token()}",
                "content-type": "application/json",
            },
            body=body,
            timeout=within,
        )
    except UnreachableError as error:
        raise StackError(f"the service does not answer: {error}") from None
    try:
        told = msgspec.json.decode(answer.body)
        if answer.status == 200:
            return told
        raise StackError(str(told["error"]))
    except (msgspec.MsgspecError, LookupError, TypeError):
        raise StackError(f"the service answers HTTP {answer.status}, and not why") from None
