"""Principals from verified claims, by the mapping of their issuer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.errors import ConfigurationError, Unauthenticated
from extauth.identity import JwtIdentity
from extauth.settings import Jwt
from extauth.types import Consent, Principal

NOW = 1_790_000_000.0
CORPORATE = Jwt(
    name="corporate",
    issuer="https://login.example.com",
    audiences=("sluice",),
    claims={
        "id": "sub",
        "tenant": "org.name",
        "tier": "https://example.com/tier",
        "roles": "groups",
        "region": "region",
        "retention": "retention",
        "consent.purposes": "consent.for",
        "consent.expires": "consent.until",
        "attributes.team": "org.team",
    },
)
PARTNER = Jwt(
    name="partner",
    issuer="https://id.example.net",
    audiences=("sluice",),
    claims={"id": "client_id", "tenant": "tid", "tier": "plan", "roles": "scope"},
)
CLAIMS = {
    "iss": "https://login.example.com",
    "sub": "auth0|ada",
    "exp": NOW + 60,
    "org": {"name": "acme", "team": "search"},
    "https://example.com/tier": "premium",
    "groups": ["developer", "reviewer"],
    "region": "eu-west",
}
IDENTITY = JwtIdentity((CORPORATE, PARTNER))


def without(name: str) -> dict[str, object]:
    return {claim: value for claim, value in CLAIMS.items() if claim != name}


def test_claims_become_a_principal() -> None:
    assert IDENTITY.principal(CLAIMS, NOW) == Principal(
        id="acme/auth0|ada",
        kind="jwt",
        tenant="acme",
        tier="premium",
        roles=("developer", "reviewer"),
        region="eu-west",
        attributes={"team": "search"},
    )


def test_a_token_may_tell_of_consent_and_retention() -> None:
    claims = {
        **CLAIMS,
        "retention": "short",
        "consent": {"for": "support billing", "until": "2027-01-31"},
    }

    principal = IDENTITY.principal(claims, NOW)

    assert principal.retention == "short"
    assert principal.consent == Consent(("support", "billing"), "2027-01-31")
    assert IDENTITY.principal(CLAIMS, NOW).consent is None
    withdrawn = IDENTITY.principal({**CLAIMS, "consent": {"for": []}}, NOW)
    assert withdrawn.consent == Consent(())


def test_the_issuer_selects_the_mapping() -> None:
    claims = {
        "iss": "https://id.example.net",
        "client_id": "batch",
        "tid": "globex",
        "plan": "free",
        "scope": "chat embed",
        "exp": NOW + 1,
    }

    principal = IDENTITY.principal(claims, NOW)

    assert (principal.id, principal.roles) == ("globex/batch", ("chat", "embed"))


def test_what_is_optional_may_be_missing() -> None:
    claims = {**without("groups"), "org": {"name": "acme"}}
    del claims["region"]

    principal = IDENTITY.principal(claims, NOW)

    assert (principal.roles, principal.region, principal.attributes) == ((), None, {})


@pytest.mark.parametrize(
    "claims",
    [
        without("iss"),
        without("sub"),
        without("exp"),
        without("org"),
        without("https://example.com/tier"),
        {**CLAIMS, "iss": "https://elsewhere.example.com"},
        {**CLAIMS, "iss": ["https://login.example.com"]},
        {**CLAIMS, "exp": NOW - 60},
        {**CLAIMS, "exp": str(NOW + 60)},
        {**CLAIMS, "exp": True},
        {**CLAIMS, "exp": float("nan")},
        {**CLAIMS, "sub": 7},
        {**CLAIMS, "consent": {"for": "support", "until": "soon"}},
        {**CLAIMS, "consent": {"for": 7}},
        {**CLAIMS, "sub": ""},
        {**CLAIMS, "sub": "a\nb"},
        {**CLAIMS, "sub": "a" * 256},
        {**CLAIMS, "org": "acme"},
        {**CLAIMS, "org": {"name": "acme/auth0|ada"}},
        {**CLAIMS, "org": {"name": "acme", "team": ["search"]}},
        {**CLAIMS, "groups": {"developer": True}},
        {**CLAIMS, "groups": ["developer", 7]},
        {**CLAIMS, "region": 1},
        {},
    ],
)
def test_what_does_not_fit_is_refused_with_one_message(claims: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated, match=r"^The token is not valid here\.$"):
        IDENTITY.principal(claims, NOW)


def test_no_issuer_no_token() -> None:
    with pytest.raises(Unauthenticated):
        JwtIdentity(()).principal(CLAIMS, NOW)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_two_principals_never_share_an_id(a: str, b: str, c: str, d: str) -> None:
    ids = []
    for tenant, subject in ((a, b), (c, d)):
        try:
            ids.append(IDENTITY.principal({**CLAIMS, "sub": subject, "org": {"name": tenant}}, NOW))
        except Unauthenticated:
            return

    assert (ids[0].id == ids[1].id) == ((a, b) == (c, d))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"id": "sub", "tier": "plan"}, "tenant is missing"),
        ({"id": "sub", "tenant": "tid", "tier": "plan", "role": "x"}, "no field role"),
    ],
)
def test_a_mapping_that_makes_no_principal_is_refused(claims: dict[str, str], message: str) -> None:
    issuer = Jwt(name="x", issuer="https://x", audiences=(), claims=claims)

    with pytest.raises(ConfigurationError, match=message):
        JwtIdentity((issuer,))


def test_an_issuer_is_named_once() -> None:
    with pytest.raises(ConfigurationError, match="named twice"):
        JwtIdentity((PARTNER, PARTNER))
