"""A request without a body that matters: model lists, metadata, health, usage."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

import msgspec

from extauth.audit import Outcome
from extauth.clients import api_of
from extauth.errors import NotFound, Unauthenticated
from extauth.gateway.admission import admit
from extauth.gateway.health import SERVER
from extauth.gateway.step import Answer, Continue, Refuse
from extauth.policy import checked_route
from extauth.types import Operation, Principal
from extauth.types.headers import METADATA_CLUSTER, PRINCIPAL

if TYPE_CHECKING:
    from extauth.gateway.admission import Admitted
    from extauth.gateway.health import Health
    from extauth.gateway.transaction import Transaction

_PORTAL = frozenset({Operation.MODELS_LIST, Operation.MODELS_RETRIEVE, Operation.USAGE})
"""Operations that the portal answers."""


class Ticket(msgspec.Struct, frozen=True):
    """A principal and the address that it calls from."""

    principal: Principal
    source_ip: str

    def encode(self) -> str:
        """Return a header's value: base64url of JSON, since attributes may hold any character."""
        return urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def decode(cls, value: str | None) -> Ticket:
        """Read a header's value. Raises Unauthenticated when it isn't one, or None."""
        try:
            if value is not None:
                return msgspec.json.decode(urlsafe_b64decode(value), type=cls)
        except (ValueError, msgspec.MsgspecError):
            pass
        raise Unauthenticated("The request did not come through the gateway.")


async def look_up(transaction: Transaction, health: Health) -> Continue | Answer | Refuse:
    """Decide on a request by its head alone, and say where it goes or what it is answered.

    Closes the transaction, also when it is cancelled.
    """
    step: Continue | Answer
    try:
        admitted = await admit(transaction)
        if admitted.target.operation in SERVER:
            step = await health.answer(transaction, admitted)
        else:
            step = _route(transaction, admitted)
        await transaction.close(Outcome.SERVED, status=200)
    except asyncio.CancelledError:
        await transaction.disconnected()
        raise
    except Exception as error:
        told = await transaction.refuse(error)
        return Refuse.of(api_of(transaction.head.path), told)
    return step


def _route(transaction: Transaction, admitted: Admitted) -> Continue:
    """Send it to the portal with what that must know, or to the version that was decided."""
    target = admitted.target
    if target.inference:
        raise NotFound("There is nothing here.")
    if target.operation in _PORTAL:
        ticket = Ticket(admitted.principal, transaction.head.source_ip)
        return Continue(((PRINCIPAL, ticket.encode()),))
    settings = transaction.runtime.snapshot.settings
    route = checked_route(admitted.decision.route, settings)
    server = transaction.runtime.backends[settings.models[route.model].backend]
    path = server.metadata_path(target.operation, route.model, route.version)
    if path is None:
        raise NotFound("This model has no KServe metadata: its server speaks the OpenAI API.")
    return Continue(((":path", path), (METADATA_CLUSTER, route.cluster)))
