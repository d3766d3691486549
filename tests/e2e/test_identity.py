"""Who is it? API keys and JWTs through the whole path."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.stack import PROMPT, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 2}


def _chat(stack: Stack, key: str | None) -> int:
    return stack.http(None, key=key).post("/v1/chat/completions", json=CHAT).status_code


@pytest.mark.parametrize("key", [None, "sk-wrong", "sk-aaaaaaaaaaaa-" + "a" * 43, "eyJ.e30.x", ""])
def test_a_stranger_learns_only_that(stack: Stack, key: str | None) -> None:
    client = stack.http(None, key=key)
    for method, path in (
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/no/such/route"),
    ):
        response = client.request(method, path, json=CHAT if method == "POST" else None)
        assert response.status_code == 401, path
        assert response.json()["error"]["type"] == "authentication_error"
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert response.headers["x-request-id"]
    assert client.get("/v2").json().keys() == {"error"}


def test_a_revoked_key_stops_working_at_once(stack: Stack) -> None:
    key = stack.create_key("leaver", "acme", "premium", "developer")
    assert _chat(stack, key) == 200
    stack.sluice("keys", "revoke", "acme/leaver")
    assert _chat(stack, key) == 401


def test_a_rotated_key_works_until_its_grace_is_over(stack: Stack) -> None:
    old = stack.create_key("rotator", "acme", "premium", "developer")
    new = stack.json("keys", "rotate", "acme/rotator", "--grace", "1h")["key"]
    assert (_chat(stack, old), _chat(stack, new)) == (200, 200)
    newest = stack.json("keys", "rotate", "acme/rotator", "--grace", "0s")["key"]
    assert (_chat(stack, new), _chat(stack, newest)) == (401, 200)


def test_an_expired_key_does_not_work(stack: Stack) -> None:
    key = stack.create_key("guest", "acme", "premium", "developer", expires="1s")

    def refused() -> None:
        assert _chat(stack, key) == 401

    eventually(refused)


def test_keys_are_listed_without_their_secrets(stack: Stack) -> None:
    listed = stack.sluice("keys", "list", "--json")
    for key in stack.keys:
        assert key["key"] not in listed
        assert key["key"].split("-", 2)[2] not in listed
    stored = (stack.state_dir / "identity.db").read_bytes()
    assert not [key for key in stack.keys if key["key"].split("-", 2)[2].encode() in stored]


def test_jwts_are_verified_by_envoy_and_mapped_by_configuration(site: Site, tmp_path: Path) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [{**jwk, "kid": "one", "alg": "RS256", "use": "sig"}]}))

    def change(config: dict[str, Any]) -> None:
        config["identity"]["jwt"] = [
            {
                "name": "corporate",
                "issuer": "https://id.example.com",
                "audiences": ["sluice"],
                "jwks": str(jwks),
                "claims": {
                    "id": "sub",
                    "tenant": "org.id",
                    "tier": "plan",
                    "roles": "groups",
                    "region": "region",
                },
            }
        ]

    site.change(change)
    site.apply()
    stack = site.stack
    claims = {
        "iss": "https://id.example.com",
        "aud": "sluice",
        "sub": "eve",
        "org": {"id": "acme"},
        "plan": "premium",
        "groups": ["developer"],
        "region": "eu-west",
        "exp": int(time.time()) + 600,
    }

    def token(signer: Any = private, **changed: object) -> str:
        return jwt.encode({**claims, **changed}, signer, algorithm="RS256", headers={"kid": "one"})

    response = stack.http(None, key=token()).post("/v1/chat/completions", json=CHAT)
    assert response.status_code == 200, response.text
    record = stack.audit(response.headers["x-request-id"])
    assert record["principal"]["id"] == "acme/eve"
    assert record["principal"]["kind"] == "jwt"
    assert record["principal"]["roles"] == ["developer"]

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert _chat(stack, token(stranger)) == 401
    assert _chat(stack, token(aud="other")) == 401
    assert _chat(stack, token(exp=int(time.time()) - 600)) == 401
    assert _chat(stack, token(groups=7)) == 401
    assert _chat(stack, token(org={})) == 401
