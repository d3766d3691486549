"""What a request's head is, from the headers that Envoy saw."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from envoy.config.core.v3.base_pb2 import HeaderMap, HeaderValue

from extauth.types import RequestHead
from extauth.wire.head import request_head, response_head
from tests.wire.envoy import header_map


def head(*headers: tuple[str, str]) -> RequestHead:
    """What is read of these."""
    return request_head(header_map(headers).headers)


def encoded(payload: bytes) -> str:
    """As jwt_authn forwards it: base64url without padding."""
    return urlsafe_b64encode(payload).decode().rstrip("=")


def test_the_request_line() -> None:
    found = head((":method", "GET"), (":path", "/v2?a=1?b"), ("x-request-id", "r7"))
    assert (found.method, found.path, found.query) == ("GET", "/v2", "a=1?b")
    assert found.request_id == "r7"
    assert found.repeated is None


def test_a_head_without_anything() -> None:
    assert head() == RequestHead("", "", "", "", {}, "")


@pytest.mark.parametrize(
    "name", ["authorization", "content-type", "content-encoding", "x-sluice-jwt", "x-sluice-source"]
)
def test_a_singular_header_that_is_there_twice_is_noted(name: str) -> None:
    assert head((name, "a"), ("accept", "b"), (name, "a")).repeated == name


def test_another_header_may_be_there_twice() -> None:
    found = head(("accept", "a"), ("accept", "b"))
    assert found.repeated is None
    assert found.headers["accept"] == "a, b"


@pytest.mark.parametrize(
    ("source", "ip"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::7"),
    ],
)
def test_the_source(source: str, ip: str) -> None:
    found = head(("x-sluice-source", source))
    assert found.source_ip == ip
    assert "x-sluice-source" not in found.headers


@pytest.mark.parametrize("payload", [b'{"sub":"a"}', b'{"sub":"ab"}', b'{"sub":"abc"}'])
def test_the_claims_of_a_verified_token(payload: bytes) -> None:
    found = head(("x-sluice-jwt", encoded(payload)))
    assert found.jwt_claims == {"sub": payload.decode().split('"')[3]}
    assert "x-sluice-jwt" not in found.headers


@pytest.mark.parametrize("value", ["", "a", "%%%", encoded(b"[1]"), encoded(b"\xff"), "ä"])
def test_what_is_no_payload_is_no_claims(value: str) -> None:
    assert head(("x-sluice-jwt", value)).jwt_claims is None


def test_bytes_that_are_no_text_stay_apart_from_text() -> None:
    value = HeaderValue(key="authorization", raw_value=b"Bearer \xff")
    found = request_head(HeaderMap(headers=[value]).headers)
    assert found.headers["authorization"] == "Bearer \ufffd"


def test_the_head_of_an_answer() -> None:
    found = header_map([(":status", "503"), ("content-type", "text/plain")]).headers
    status, headers = response_head(found)
    assert status == 503
    assert headers["content-type"] == "text/plain"
