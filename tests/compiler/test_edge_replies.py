"""What Envoy answers by itself, in the shape of the API that was called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    HeaderMutation,
    ImmediateResponse,
    ProcessingRequest,
    ProcessingResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus

from extauth.errors import STATUSES
from tests.compiler.conftest import SETTINGS
from tests.compiler.script import CHAT, decide, deny

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.compiler.edge import Edge, Handler

pytestmark = pytest.mark.slow

LIMITS = SETTINGS.limits


def openai_error(body: bytes) -> dict[str, object]:
    error = json.loads(body)["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    return dict(error)


@pytest.mark.parametrize(
    ("request_line", "header", "status"),
    [
        ("GET /v2/models%2fchat/ready HTTP/1.1", "a: b", 400),
        ("GET /v1/models%5cchat HTTP/1.1", "a: b", 400),
        ("GET /v1/models HTTP/1.1", "x_sluice_cluster: triton", 400),
        ("GET /v1/models HTTP/1.1", f"a: {'b' * LIMITS.header_bytes}", 431),
        ("GET /v1/models HTTP/1.0", "a: b", 426),
        ("GET /v1/models HTTP/1.1", "upgrade: websocket\r\nconnection: upgrade", 403),
        ("CONNECT model:8000 HTTP/1.1", "a: b", 404),
        (
            "POST /v1/chat/completions HTTP/1.1",
            "content-length: 1\r\ntransfer-encoding: chunked",
            400,
        ),
        ("NONSENSE", "a: b", 400),
    ],
)
def test_malformed_requests(edge: Edge, request_line: str, header: str, status: int) -> None:
    reply = edge.raw(f"{request_line}\r\nhost: a\r\n{header}\r\n\r\n".encode())
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    assert openai_error(reply.body)["type"] == "invalid_request_error"
    assert edge.script.heads == edge.script.messages == []


def test_the_kserve_shape(edge: Edge) -> None:
    edge.script.process = decide(cluster=None)
    reply = edge.request("POST", "/v2/models/chat/infer", b"{}")
    assert (reply.status, list(json.loads(reply.body))) == (503, ["error"])


def test_a_body_that_says_it_is_too_large(edge: Edge) -> None:
    reply = edge.raw(
        f"POST {CHAT} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        f"content-length: {LIMITS.request_body + 1}\r\n\r\n".encode()
    )
    assert reply.status == 413
    assert openai_error(reply.body)["code"] == "request_too_large"
    assert edge.script.messages == []


def test_the_largest_body_may_grow_when_it_is_rewritten(edge: Edge) -> None:
    edge.script.process = decide(body=b"b" * (LIMITS.request_body + 100))
    assert edge.request("POST", CHAT, b"a" * LIMITS.request_body).status == 200


def test_a_body_of_unknown_length_is_bounded(edge: Edge) -> None:
    """The service sees Envoy's own 413 in the place of the body that it waits for."""
    reply = edge.request("POST", CHAT, iter([b"a" * 4096] * 100))
    assert reply.status == 413
    assert edge.script.messages == ["request_headers", "response_headers", "response_body"]
    assert edge.script.served == []


def test_http2_has_the_same_bounds(edge: Edge) -> None:
    """Both are larger than HTTP/2's own default window, at which Envoy would stop buffering."""
    edge.script.answer = lambda handler: handler.send(b"z" * LIMITS.response_body)
    with httpx.Client(http1=False, http2=True) as client:
        url = f"http://127.0.0.1:{edge.port}{CHAT}"
        reply = client.post(url, content=b"a" * LIMITS.request_body)
    assert (reply.http_version, reply.status_code) == ("HTTP/2", 200)
    assert len(reply.content) == LIMITS.response_body


@pytest.mark.parametrize("size", [LIMITS.request_body * 2, LIMITS.response_body * 2])
def test_an_answer_has_its_own_bound(edge: Edge, size: int) -> None:
    edge.script.answer = lambda handler: handler.send(b"z" * size)
    reply = edge.request("POST", CHAT, b"{}")
    if size <= LIMITS.response_body:
        assert (reply.status, len(reply.body)) == (200, size)
    else:
        assert (reply.status, openai_error(reply.body)["code"]) == (503, "unavailable")


def test_refusals_by_the_service_pass_untouched(edge: Edge) -> None:
    def refuse(messages: Iterator[ProcessingRequest]) -> Iterator[ProcessingResponse]:
        next(messages)
        kind = HeaderValue(key="content-type", raw_value=b"application/json")
        yield ProcessingResponse(
            immediate_response=ImmediateResponse(
                status=HttpStatus(code=429),  # type: ignore[arg-type] # the enum is of ints
                headers=HeaderMutation(set_headers=[HeaderValueOption(header=kind)]),
                body=b'{"error": "ours"}',
            )
        )

    edge.script.process, edge.script.check = refuse, deny(403, '{"error": "ours"}')
    for method, path, status in (("POST", CHAT, 429), ("GET", "/v1/models", 403)):
        reply = edge.request(method, path, b"{}" if method == "POST" else None)
        assert (reply.status, reply.body) == (status, b'{"error": "ours"}')
        assert reply.headers["content-type"] == "application/json"


def test_every_reply_is_a_word_of_ours(edge: Edge) -> None:
    edge.script.process = decide(cluster=None)
    reply = edge.request("POST", CHAT, b"{}")
    assert reply.headers["server"] == "sluice"
    assert "x-request-id" in reply.headers
    assert not any(name.startswith("x-envoy") for name in reply.headers)
    assert openai_error(reply.body)["type"] == STATUSES[503].openai_type
    assert b"envoy" not in reply.body.lower()


def test_the_access_log_holds_no_secret(edge: Edge) -> None:
    reply = edge.request(
        "POST",
        f"{CHAT}?api_key=in-the-query",
        b"in-the-body",
        {"authorization": "Bearer in-a-header"},
    )
    line = edge.access_log(reply.headers["x-request-id"])
    entry = json.loads(line)
    assert (entry["method"], entry["path"], entry["status"]) == ("POST", CHAT, 200)
    assert (entry["route"], entry["cluster"], entry["source"]) == (
        "inference-plain",
        "triton",
        "127.0.0.1",
    )
    assert "in-" not in line.replace("inference-plain", "")


def answers_never(handler: Handler) -> None:
    handler.rfile.read(1)


def test_a_plain_answer_has_a_timeout(impatient_edge: Edge) -> None:
    impatient_edge.script.answer = answers_never
    reply = impatient_edge.request("POST", CHAT, b"{}")
    assert (reply.status, openai_error(reply.body)["code"]) == (504, "timeout")
