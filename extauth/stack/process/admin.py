"""The admin endpoint of the running gateway, used as the operator of its state directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from extauth.errors import StackError, Unreachable
from extauth.network.request import request
from extauth.stack.process.readiness import reachable
from extauth.stack.process.record import StackRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extauth.storage.state import StateDir

WITHIN_SECONDS = 10.0


class AdminClient:
    """Questions and orders to the service of a stack. Blocks; safe for any number of threads."""

    def __init__(self, record: StackRecord, state: StateDir) -> None:
        self._server = reachable(record.admin)
        self._state = state

    @classmethod
    def of(cls, state: StateDir) -> AdminClient:
        """Return the client of the stack that runs. Raises StackError when none is ready."""
        return cls(StackRecord.ready(state), state)

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        """Return the decoded answer to a GET. Raises StackError when the service refuses."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return self._call("GET", path + query, None, WITHIN_SECONDS)

    def post(
        self, path: str, order: Mapping[str, object], *, within: float = WITHIN_SECONDS
    ) -> Any:
        """Give an order, without its fields that are None, and return the decoded answer.

        Raises StackError with the service's reason when it refuses, or does not answer in
        `within` seconds.
        """
        given = {name: value for name, value in order.items() if value is not None}
        return self._call("POST", path, msgspec.json.encode(given), within)

    def delete(self, path: str) -> None:
        """Order the end of something. Raises StackError when the service refuses."""
        self._call("DELETE", path, None, WITHIN_SECONDS)

    def _call(self, method: str, path: str, body: bytes | None, within: float) -> Any:
        headers = {
            "authorization": f"Bearer {self._state.read_admin_token()}",
            "content-type": "application/json",
        }
        try:
            answer = request(
                self._server, path, method=method, headers=headers, body=body, timeout=within
            )
        except Unreachable as error:
            raise StackError(f"the service does not answer: {error.message}") from None
        try:
            told = msgspec.json.decode(answer.body)
            if answer.status == 200:
                return told
            raise StackError(str(told["error"]))
        except (msgspec.MsgspecError, LookupError, TypeError):
            raise StackError(
                f"the service answered HTTP {answer.status}, and did not say why"
            ) from None
