"""Principals from JWT claims that Envoy's jwt_authn has verified.

Signature, issuer and audience are Envoy's work. What is left is to read the claims by the
issuer's mapping, to refuse what does not fit, and to look at `exp` once more, since a stream may
be older than its token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError, Unauthenticated
from extauth.identity.names import is_day, is_name, is_text, principal_id
from extauth.types import Consent, Principal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.settings import Jwt

REFUSAL = "The token is not valid here."
# Envoy's jwt_authn allows this much by default (`clock_skew_seconds`): both then agree.
CLOCK_SKEW = 60.0

_ATTRIBUTE = "attributes."
_REQUIRED = ("id", "tenant", "tier")
_OPTIONAL = ("roles", "region", "retention", "consent.purposes", "consent.expires")


class JwtIdentity:
    """The issuers of a snapshot. Immutable after construction, safe to share."""

    def __init__(self, issuers: Sequence[Jwt]) -> None:
        """Compile the mappings. Raises ConfigurationError for one that can't make a principal."""
        self._issuers: dict[str, _Mapping] = {}
        for issuer in issuers:
            if issuer.issuer in self._issuers:
                raise ConfigurationError(f"identity.jwt: {issuer.issuer} is named twice")
            self._issuers[issuer.issuer] = _Mapping(issuer)

    def principal(self, claims: Mapping[str, object], now: float) -> Principal:
        """The principal that `claims` describe, its id `<tenant>/<subject>`.

        Raises Unauthenticated, always with the same message, when the issuer is unknown, the
        token has no end or is past it, or a claim is missing or of the wrong type.
        """
        issuer = claims.get("iss")
        mapping = self._issuers.get(issuer) if isinstance(issuer, str) else None
        end = claims.get("exp")
        if mapping is None or not isinstance(end, int | float) or not now < end + CLOCK_SKEW:
            raise Unauthenticated(REFUSAL)
        return mapping.principal(claims)


class _Mapping:
    """The mapping of an issuer from a principal's fields to claims."""

    def __init__(self, issuer: Jwt) -> None:
        fields = issuer.claims
        place = f"identity.jwt.{issuer.name}.claims"
        for field in _REQUIRED:
            if field not in fields:
                raise ConfigurationError(f"{place}: {field} is missing")
        for field in fields:
            if field not in _REQUIRED + _OPTIONAL and not field.startswith(_ATTRIBUTE):
                raise ConfigurationError(f"{place}: a principal has no field {field}")
        self._subject = fields["id"]
        self._tenant = fields["tenant"]
        self._tier = fields["tier"]
        self._roles = fields.get("roles")
        self._region = fields.get("region")
        self._retention = fields.get("retention")
        self._purposes = fields.get("consent.purposes")
        self._expires = fields.get("consent.expires")
        self._attributes = tuple(
            (field.removeprefix(_ATTRIBUTE), claim)
            for field, claim in fields.items()
            if field.startswith(_ATTRIBUTE)
        )

    def principal(self, claims: Mapping[str, object]) -> Principal:
        tenant = _text(claims, self._tenant)
        # A slash in a tenant would let one tenant's subjects name another's principals.
        if tenant is None or not is_name(tenant):
            raise Unauthenticated(REFUSAL)
        subject = _text(claims, self._subject)
        tier = _text(claims, self._tier)
        if subject is None or tier is None:
            raise Unauthenticated(REFUSAL)
        attributes = {name: _text(claims, claim) for name, claim in self._attributes}
        return Principal(
            id=principal_id(tenant, subject),
            kind="jwt",
            tenant=tenant,
            tier=tier,
            roles=_texts(claims, self._roles) if self._roles else (),
            region=_text(claims, self._region) if self._region else None,
            attributes={name: value for name, value in attributes.items() if value is not None},
            consent=self._consent(claims),
            retention=_text(claims, self._retention) if self._retention else None,
        )

    def _consent(self, claims: Mapping[str, object]) -> Consent | None:
        """None where the token has no claim for purposes: then nothing is known of a consent."""
        if self._purposes is None or _claim(claims, self._purposes) is None:
            return None
        expires = _text(claims, self._expires) if self._expires else None
        if expires is not None and not is_day(expires):
            raise Unauthenticated(REFUSAL)
        return Consent(_texts(claims, self._purposes), expires)


def _claim(claims: Mapping[str, object], name: str) -> object:
    """A claim by its whole name (`https://example.com/tier` has dots), else by a dotted path."""
    if name in claims:
        return claims[name]
    value: object = claims
    for step in name.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _text(claims: Mapping[str, object], name: str) -> str | None:
    value = _claim(claims, name)
    if value is None:
        return None
    if not isinstance(value, str) or not is_text(value):
        raise Unauthenticated(REFUSAL)
    return value


def _texts(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A list of strings, or one string with spaces between them as in `scope` (RFC 8693, 4.2)."""
    value = _claim(claims, name)
    texts = value.split(" ") if isinstance(value, str) else [] if value is None else value
    if not isinstance(texts, list):
        raise Unauthenticated(REFUSAL)
    for text in texts:
        if not isinstance(text, str) or not is_text(text):
            raise Unauthenticated(REFUSAL)
    return tuple(texts)
