"""The credential that a request carries, and the principal behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.errors import Unauthenticated
from extauth.identity.store import PREFIX

if TYPE_CHECKING:
    from extauth.identity.jwt import JwtIdentity
    from extauth.identity.ring import KeyRing
    from extauth.types import Principal, RequestHead

NO_CREDENTIAL = "Provide an API key: Authorization: Bearer sk-…"
# A JWT with many groups; far below Envoy's own bound on all headers.
MAX_AUTHORIZATION = 16_384


class Identifier:
    """Turns a request's credential into its principal. For the event loop's thread."""

    def __init__(self, keys: KeyRing, jwt: JwtIdentity) -> None:
        """`keys` outlives a snapshot, `jwt` belongs to one."""
        self._keys = keys
        self._jwt = jwt

    async def identify(self, head: RequestHead, now: float) -> Principal:
        """Return the principal of `head`, by an API key or by claims that Envoy has verified.

        A key that is presented counts and nothing else: a wrong one is never made good by a token.
        Raises Unauthenticated, and IdentityUnavailable when keys can't be checked.
        """
        authorization = head.headers.get("authorization", "")
        if len(authorization) > MAX_AUTHORIZATION:
            raise Unauthenticated(NO_CREDENTIAL)
        scheme, _, credential = authorization.partition(" ")
        # RFC 9110, 11.1: the scheme's case does not matter.
        if scheme.lower() == "bearer" and credential.lstrip(" ").startswith(PREFIX):
            return await self._keys.authenticate(credential.strip(" "), now)
        if head.jwt_claims is not None:
            return self._jwt.principal(head.jwt_claims, now)
        raise Unauthenticated(NO_CREDENTIAL)
