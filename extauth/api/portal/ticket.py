"""Who is asking, carried from ext_authz to the portal in a header that only we can set."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING

import msgspec

from extauth.errors import Unauthenticated
from extauth.types import Principal
from extauth.types.headers import PRINCIPAL

if TYPE_CHECKING:
    from starlette.requests import Request


class PortalTicket(msgspec.Struct, frozen=True):
    """An authenticated principal and where it calls from."""

    principal: Principal
    source_ip: str

    def encode(self) -> str:
        """As a header's value: base64url of JSON, since attributes may hold any character."""
        return urlsafe_b64encode(msgspec.json.encode(self)).decode()

    @classmethod
    def decode(cls, value: str) -> PortalTicket:
        """Read a header's value. Raises Unauthenticated when it isn't one."""
        try:
            return msgspec.json.decode(urlsafe_b64decode(value), type=cls)
        except (ValueError, msgspec.MsgspecError):
            raise Unauthenticated("The request did not come through the gateway.") from None


def ticket_of(request: Request) -> PortalTicket:
    """The ticket that a request came with. Raises Unauthenticated when it came without."""
    value = request.headers.get(PRINCIPAL)
    if value is None:
        raise Unauthenticated("The request did not come through the gateway.")
    return PortalTicket.decode(value)
