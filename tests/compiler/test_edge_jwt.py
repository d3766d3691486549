"""Tokens that Envoy verifies."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest

from extauth.types.headers import JWT
from tests.compiler.conftest import AUDIENCE, ISSUER
from tests.compiler.script import CHAT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.compiler.edge import Edge

    Sign = Callable[[dict[str, Any]], str]

pytestmark = pytest.mark.slow

SPOOFED = urlsafe_b64encode(b'{"sub": "root"}').decode()


def claims(**changes: object) -> dict[str, Any]:
    soon = int(time.time()) + 600
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": soon, **changes}


@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models")])
def test_a_verified_payload_replaces_a_clients(
    jwt_edge: Edge, sign: Sign, method: str, path: str
) -> None:
    token = sign(claims())
    body = b"{}" if method == "POST" else None
    jwt_edge.request(method, path, body, {"authorization": f"Bearer {token}", JWT: SPOOFED})
    (head,) = jwt_edge.script.heads
    payload = head[JWT]
    assert json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"] == "ada"
    assert head["authorization"] == f"Bearer {token}"


@pytest.mark.parametrize(
    "change",
    [{"exp": 1}, {"iss": "https://elsewhere.test"}, {"aud": "elsewhere"}, {"nbf": 1 << 33}],
)
def test_a_token_that_does_not_hold_has_no_payload(
    jwt_edge: Edge, sign: Sign, change: dict[str, Any]
) -> None:
    token = sign(claims(**change))
    jwt_edge.request("POST", CHAT, b"{}", {"authorization": f"Bearer {token}", JWT: SPOOFED})
    assert JWT not in jwt_edge.script.heads[0]


@pytest.mark.parametrize("credential", ["Bearer sk-no-token", "Bearer a.b.c", "Basic YTpi", ""])
def test_other_credentials_pass_to_the_service(jwt_edge: Edge, credential: str) -> None:
    jwt_edge.request("POST", CHAT, b"{}", {"authorization": credential, JWT: SPOOFED})
    (head,) = jwt_edge.script.heads
    assert JWT not in head
    assert head.get("authorization", "") == credential


def test_a_token_in_the_query_is_none(jwt_edge: Edge, sign: Sign) -> None:
    jwt_edge.request("POST", f"{CHAT}?access_token={sign(claims())}", b"{}")
    assert JWT not in jwt_edge.script.heads[0]
