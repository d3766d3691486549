"""Closed by default: whatever breaks or is tried, the answer is an error and no model is asked."""

from __future__ import annotations

import gzip
import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from extauth import headers as internal
from tests.e2e.conftest import PROMPT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.conftest import Stack

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat@1", "messages": PROMPT, "max_tokens": 2}
TRITON_PATH = "/v2/models/chat/versions/1/generate"


def _asked(stack: Stack) -> int:
    """How many requests Triton has seen, whatever became of them."""
    total = 0
    for line in httpx.get(f"{stack.triton}/v2/models/stats").json()["model_stats"]:
        total += line["inference_stats"]["success"]["count"]
        total += line["inference_stats"]["fail"]["count"]
    return total


def _seen(stack: Stack) -> None:
    """Triton counts a request after it has answered it."""
    assert _asked(stack) == 1


def _openai_error(response: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"].startswith("application/json")
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


def _kserve_error(response: httpx.Response, *statuses: int) -> str:
    assert response.status_code in statuses, response.text
    assert set(response.json()) == {"error"}
    return str(response.json()["error"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"model": "chat"',
        b'{"model": 7, "messages": []}',
        b'{"model": "chat", "messages": "hi"}',
        b'{"model": "chat", "messages": [{"role": "user", "content": 7}]}',
        b'{"model": "chat", "messages": [{"role": "nobody", "content": "x"}]}',
        b"[" * 500 + b"]" * 500,
        b'{"model": "chat", "messages": [{"role": "user", "content": "\xff"}]}',
    ],
)
def test_a_body_that_is_no_request(stack: Stack, body: bytes) -> None:
    asked = _asked(stack)
    response = stack.http().post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )
    _openai_error(response, 400, 413)
    kserve = stack.http().post(TRITON_PATH, content=body)
    _kserve_error(kserve, 400, 413)
    assert _asked(stack) == asked


def test_a_body_over_the_limit(stack: Stack) -> None:
    asked = _asked(stack)
    body = b'{"model": "chat", "messages": "' + b"x" * (2 << 20) + b'"}'
    _openai_error(stack.http().post("/v1/chat/completions", content=body), 413)
    _kserve_error(stack.http().post(TRITON_PATH, content=body), 413)
    pieces = (body[n : n + 65536] for n in range(0, len(body), 65536))
    _openai_error(stack.http().post("/v1/chat/completions", content=pieces), 413)
    assert _asked(stack) == asked


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body(stack: Stack, encoding: str) -> None:
    response = stack.http().post(
        "/v1/chat/completions",
        content=gzip.compress(json.dumps(CHAT).encode()),
        headers={"content-encoding": encoding},
    )
    _openai_error(response, 415)


@pytest.mark.parametrize(
    "name",
    [
        internal.CLUSTER,
        internal.METADATA_CLUSTER,
        internal.PRINCIPAL,
        internal.SOURCE,
        internal.JWT,
        internal.ORIGINAL_PATH,
        "X-Sluice-Anything",
        "x-envoy-original-path",
        "x-envoy-upstream-rq-timeout-ms",
    ],
)
def test_no_internal_header_can_be_spoofed(stack: Stack, name: str) -> None:
    asked = _asked(stack)
    for path in (TRITON_PATH, "/v2/models/chat", "/v1/models", "/v2/repository/index"):
        for method in ("GET", "POST"):
            response = stack.http(None).request(method, path, headers={name: "triton"})
            assert response.status_code in {401, 404, 405}, (method, path)
    assert _asked(stack) == asked
    response = stack.http("globex").post(
        TRITON_PATH, headers={name: "triton"}, json={"text_input": "x", "max_tokens": 1}
    )
    _kserve_error(response, 403, 404)


def test_spoofed_headers_do_not_become_facts(stack: Stack) -> None:
    response = stack.http().post(
        "/v1/chat/completions",
        json=CHAT,
        headers={internal.SOURCE: "8.8.8.8", "x-forwarded-for": "9.9.9.9", "x-request-id": "mine"},
    )
    assert response.headers["x-request-id"] != "mine"
    record = stack.audit(response.headers["x-request-id"])
    assert record["source"] == "127.0.0.1"


@pytest.mark.parametrize(
    "repeated",
    [
        ("authorization", "Bearer sk-other"),
        ("content-encoding", "identity"),
        ("inference-header-content-length", "1"),
    ],
)
def test_repeated_headers_are_refused(stack: Stack, repeated: tuple[str, str]) -> None:
    body = json.dumps(CHAT)
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: gateway",
        "connection: close",
        f"content-length: {len(body)}",
        f"authorization: Bearer {stack.key('acme')}",
        "content-type: application/json",
        *[f"{repeated[0]}: {repeated[1]}"] * (1 if repeated[0] == "authorization" else 2),
    ]
    assert _raw(stack, "\r\n".join(lines) + "\r\n\r\n" + body) in {400, 401, 415}


def _raw(stack: Stack, request: str) -> int:
    host, port = stack.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        return int(connection.makefile().readline().split()[1])


@pytest.mark.parametrize(
    "target",
    [
        "/v2/models/chat%2fversions/1/generate",
        "/v2/models/chat/versions/1/..%2f2/generate",
        "/v2/models/chat/versions/1/generate;x=1",
        "/v2/models/chat/versions/1/generate/",
        "/v2/models/chat/versions/-1/generate",
        "/v2/models/chat/versions/1.0/generate",
        "/v2/models/chat/versions/99999999999999999999/generate",
        "/v2//models//chat//versions//1//config",
        "/v2/models/../repository/index",
        "\\v2\\models",
    ],
)
def test_paths_that_try(stack: Stack, target: str) -> None:
    asked = _asked(stack)
    body = '{"text_input":"x","max_tokens":1}'
    request = (
        f"POST {target} HTTP/1.1\r\nhost: g\r\nconnection: close\r\n"
        f"authorization: Bearer {stack.key('platform')}\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    )
    assert _raw(stack, request) in {400, 404, 405}
    assert _asked(stack) == asked


def test_dots_are_resolved_before_anything_is_decided(stack: Stack) -> None:
    body = '{"text_input":"x","max_tokens":1}'
    request = (
        "POST /v2/models/embed/../chat/versions/01/generate HTTP/1.1\r\nhost: g\r\n"
        f"connection: close\r\nauthorization: Bearer {stack.key('globex')}\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    )
    assert _raw(stack, request) in {403, 404}


def test_the_service_killed(private_stack: Callable[..., Stack]) -> None:
    stack = private_stack(own_triton=True)
    client = stack.http()
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    eventually(lambda: _seen(stack))
    stack.kill("service", signal.SIGSTOP)
    stack.kill("service", signal.SIGKILL)
    response = client.post("/v1/chat/completions", json=CHAT)
    _openai_error(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    _kserve_error(client.post(TRITON_PATH, json={"text_input": "x"}), 503)
    _openai_error(client.get("/v1/models"), 503)
    assert _asked(stack) == 1

    def served() -> None:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200

    eventually(served, within=60)


def test_the_model_server_down(private_stack: Callable[..., Stack]) -> None:
    stack = private_stack(own_triton=True)
    client = stack.http()
    stack.kill("triton", signal.SIGKILL)
    response = client.post("/v1/chat/completions", json=CHAT)
    _openai_error(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    record = stack.audit(response.headers["x-request-id"])
    assert (record["outcome"], record["usage"]) == ("failed", None)
    _kserve_error(client.post(TRITON_PATH, json={"text_input": "x"}), 503)
    before = stack.json("usage", "--tenant", "acme")["usage"]
    assert sum(row["prompt_tokens"] for row in before) == 0


@pytest.fixture
def opa_stack(private_stack: Callable[..., Stack]) -> Stack:
    """A stack whose decisions an OPA server makes."""
    return private_stack(lambda config: config["policy"].update(engine="opa"))


def test_the_opa_server_decides_and_is_missed(opa_stack: Stack) -> None:
    client = opa_stack.http()
    response = client.post("/v1/chat/completions", json=CHAT)
    assert response.status_code == 200, response.text
    assert opa_stack.audit(response.headers["x-request-id"])["engine"] == "opa"
    asked = _asked(opa_stack)
    opa_stack.kill("opa", signal.SIGSTOP)
    response = client.post("/v1/chat/completions", json=CHAT)
    assert _openai_error(response, 503)["code"] == "policy_unavailable"
    opa_stack.kill("opa", signal.SIGCONT)
    opa_stack.kill("opa", signal.SIGKILL)
    response = client.post("/v1/chat/completions", json=CHAT)
    assert _openai_error(response, 503)["code"] == "policy_unavailable"
    assert _asked(opa_stack) == asked


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("decision := {} if false", "undefined"),
        ('decision := {"allow": "yes"}', "malformed"),
        (
            'decision := {"allow": true, "reasons": [], "route": {"model": "chat", "version": "1",'
            ' "cluster": "triton"}, "obligations": [{"type": "frobnicate"}]}',
            "unknown obligation",
        ),
        (
            'decision := {"allow": true, "reasons": [], "route": {"model": "chat", "version": "9",'
            ' "cluster": "triton"}, "obligations": []}',
            "no such version",
        ),
        ('decision := {"allow": true, "reasons": [], "obligations": []}', "no route"),
    ],
)
def test_decisions_that_are_none(
    private_stack: Callable[..., Stack], tmp_path: Path, rule: str, problem: str
) -> None:
    policies = tmp_path / "policies"
    for entry, decision in (("admission", 'decision := {"allow": true}'), ("inference", rule)):
        directory = policies / "gateway" / entry
        directory.mkdir(parents=True)
        (directory / f"{entry}.rego").write_text(
            f"# METADATA\n# entrypoint: true\npackage gateway.{entry}\n\n{decision}\n"
        )
    stack = private_stack(lambda config: config["policy"].update(directory=str(policies)))
    asked = _asked(stack)
    response = stack.http().post("/v1/chat/completions", json=CHAT)
    error = _openai_error(response, 403)
    assert error["code"] == "policy_error", problem
    assert "obligation" not in error["message"]
    assert stack.audit(response.headers["x-request-id"])["outcome"] == "denied"
    assert _asked(stack) == asked
    assert "sluice_decision_errors_total" in stack.metrics()


def test_a_client_that_leaves_half_way_through_its_body(stack: Stack) -> None:
    asked = _asked(stack)
    host, port = stack.endpoint.removeprefix("http://").split(":")

    def recorded() -> None:
        # A client can be gone before Envoy has shown its headers to anybody: then another one goes.
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nexpect: 100-continue\r\n"
                + f"authorization: Bearer {stack.key('acme')}\r\n".encode()
                + b"content-length: 500\r\n\r\n"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 100")
            connection.sendall(b'{"model": "chat"')
        lines = stack.sluice("audit", "tail", "--json", "--limit", "20").splitlines()
        assert any(json.loads(line)["outcome"] == "disconnected" for line in lines)

    eventually(recorded, within=30)
    assert _asked(stack) == asked


def test_many_at_once_are_each_answered(stack: Stack) -> None:
    client = stack.http("platform")
    with ThreadPoolExecutor(24) as pool:
        answers = list(
            pool.map(lambda _: client.post("/v1/chat/completions", json=CHAT), range(120))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 120
