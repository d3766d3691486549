"""Which of a request's credentials counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.errors import Unauthenticated
from extauth.identity import Identifier, JwtIdentity
from extauth.settings import Jwt
from extauth.types import RequestHead

if TYPE_CHECKING:
    from extauth.identity import KeyRing, KeyStore

pytestmark = pytest.mark.slow

NOW = 1_790_000_000.0
ISSUER = Jwt(
    name="corporate",
    issuer="https://login.example.com",
    audiences=("sluice",),
    claims={"id": "sub", "tenant": "org", "tier": "plan"},
)
CLAIMS: dict[str, object] = {
    "iss": ISSUER.issuer,
    "sub": "eve",
    "org": "globex",
    "plan": "free",
    "exp": NOW + 60,
}


@pytest.fixture
def key(keys: KeyStore) -> str:
    return keys.create(name="ada", tenant="acme", tier="free", now=NOW)[1]


@pytest.fixture
def identifier(ring: KeyRing) -> Identifier:
    return Identifier(ring, JwtIdentity((ISSUER,)))


def head(headers: dict[str, str], claims: dict[str, object] | None = None) -> RequestHead:
    return RequestHead(
        request_id="r",
        method="POST",
        path="/v1/chat/completions",
        query="",
        headers=headers,
        source_ip="192.0.2.1",
        jwt_claims=claims,
    )


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {}", "Bearer {} "])
async def test_a_bearer_key(identifier: Identifier, key: str, form: str) -> None:
    principal = await identifier.identify(head({"authorization": form.format(key)}), NOW)

    assert (principal.id, principal.kind) == ("acme/ada", "api_key")


async def test_verified_claims(identifier: Identifier) -> None:
    request = head({"authorization": "Bearer eyJhbGciOi.e30.sig"}, CLAIMS)

    principal = await identifier.identify(request, NOW)

    assert (principal.id, principal.kind) == ("globex/eve", "jwt")


async def test_a_key_counts_before_claims(identifier: Identifier, key: str) -> None:
    request = head({"authorization": f"Bearer {key}"}, CLAIMS)

    assert (await identifier.identify(request, NOW)).id == "acme/ada"


async def test_a_wrong_key_is_not_made_good_by_claims(identifier: Identifier) -> None:
    with pytest.raises(Unauthenticated):
        await identifier.identify(head({"authorization": "Bearer sk-wrong"}, CLAIMS), NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer eyJhbGciOi.e30.sig"},
        {"authorization": "Basic YWRhOnB3"},
        {"authorization": "{key}"},
        {"authorization": "Basic {key}"},
        {"authorization": "Bearer {key}, Bearer {key}"},
        {"authorization": "Bearer " + "a" * 100_000},
        {"x-api-key": "{key}"},
        {"api-key": "{key}"},
    ],
)
async def test_nothing_else_is_a_credential(
    identifier: Identifier, key: str, headers: dict[str, str]
) -> None:
    sent = {name: value.replace("{key}", key) for name, value in headers.items()}

    with pytest.raises(Unauthenticated) as error:
        await identifier.identify(head(sent), NOW)

    assert error.value.code == "invalid_api_key"
    assert "Authorization: Bearer sk-…" in error.value.message
    assert key not in error.value.message


async def test_a_very_long_header_is_refused_whatever_it_holds(identifier: Identifier) -> None:
    with pytest.raises(Unauthenticated):
        await identifier.identify(head({"authorization": "Bearer " + "a" * 20_000}, CLAIMS), NOW)
