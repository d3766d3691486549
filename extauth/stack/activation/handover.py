"""The handover of a snapshot to the running service and to the stack's own OPA server."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from extauth.errors import StackError, Unreachable
from extauth.network.request import request
from extauth.stack.process.admin import AdminClient
from extauth.stack.process.ports import loopback

if TYPE_CHECKING:
    from extauth.stack.process.record import StackRecord
    from extauth.storage.state import StateDir

SERVICE_SECONDS = 20.0
OPA_SECONDS = 10.0
POLL_SECONDS = 0.05


def serve(digest: str, record: StackRecord, state: StateDir, *, rollback: bool) -> None:
    """Have the service serve another snapshot. Raises StackError when it keeps its own."""
    order = {"digest": digest, "rollback": rollback}
    try:
        AdminClient(record, state).post("/snapshot", order, within=SERVICE_SECONDS)
    except StackError as error:
        raise StackError(f"the service kept its snapshot: {error.message}") from None


def used(record: StackRecord, state: StateDir) -> set[str]:
    """Return the digests that requests are decided by: of the served and the retiring snapshots.

    Raises StackError when the service does not tell.
    """
    told = AdminClient(record, state).get("/snapshot")
    return {told["digest"], *told["retiring"]}


def await_bundle(revision: str, record: StackRecord) -> None:
    """Wait until the server's answers come from the bundle of this revision. Raises StackError."""
    deadline = time.monotonic() + OPA_SECONDS
    server = loopback(record.ports["opa"])
    while True:
        try:
            answer = json.loads(request(server, "/v1/data/system?provenance=true").body)
        except (Unreachable, ValueError) as error:
            raise StackError(f"OPA does not answer: {error}") from None
        bundles = answer.get("provenance", {}).get("bundles", {}).values()
        if any(one.get("revision") == revision for one in bundles):
            return
        if time.monotonic() > deadline:
            raise StackError(f"OPA did not load {revision[:12]} within {OPA_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
