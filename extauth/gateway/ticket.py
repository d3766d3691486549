"""An authenticated principal, carried to the portal in a header that only the gateway can set."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from extauth.errors import Unauthenticated
from extauth.types import Principal


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
