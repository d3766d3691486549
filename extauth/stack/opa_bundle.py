"""Waiting for the stack's own OPA server to take a bundle."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.stack.ports import LOOPBACK
from extauth.stack.request import UnreachableError, request

if TYPE_CHECKING:
    from extauth.stack.record import StackRecord

WITHIN_SECONDS = 10.0
POLL_SECONDS = 0.05


def await_bundle(revision: str, record: StackRecord) -> None:
    """Wait until the server's answers come from the bundle of this revision. Raises StackError."""
    deadline = time.monotonic() + WITHIN_SECONDS
    where = (LOOPBACK, record.ports["opa"])
    while True:
        try:
            answer = json.loads(request(where, "/v1/data/system?provenance=true").body)
        except (UnreachableError, ValueError) as error:
            raise StackError(f"OPA does not answer: {error}") from None
        bundles = answer.get("provenance", {}).get("bundles", {}).values()
        if any(one.get("revision") == revision for one in bundles):
            return
        if time.monotonic() > deadline:
            raise StackError(f"OPA did not load {revision[:12]} within {WITHIN_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
