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

from extauth.types import headers as internal
from tests.e2e.stack import PROMPT, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat@1", "messages": PROMPT, "max_tokens": 2}
TRITON_PATH = "/v2/models/chat/versions/1/generate"


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
    asked = stack.asked()
    response = stack.http().post(
        "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
    )
    _openai_error(response, 400, 413)
    kserve = stack.http().post(TRITON_PATH, content=body)
    _kserve_error(kserve, 400, 413)
    assert stack.asked() == asked


def test_a_body_over_the_limit(stack: Stack) -> None:
    asked = stack.asked()
    body = b'{"model": "chat", "messages": "' + b"x" * (2 << 20) + b'"}'
    _openai_error(stack.http().post("/v1/chat/completions", content=body), 413)
    _kserve_error(stack.http().post(TRITON_PATH, content=body), 413)
    pieces = (body[n : n + 65536] for n in range(0, len(body), 65536))
    _openai_error(stack.http().post("/v1/chat/completions", content=pieces), 413)
    assert stack.asked() == asked


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
    asked = stack.asked()
    for path in (TRITON_PATH, "/v2/models/chat", "/v1/models", "/v2/repository/index"):
        for method in ("GET", "POST"):
            response = stack.http(None).request(method, path, headers={name: "triton"})
            assert response.status_code in {401, 404, 405}, (method, path)
    assert stack.asked() == asked
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
    asked = stack.asked()
    body = '{"text_input":"x","max_tokens":1}'
    request = (
        f"POST {target} HTTP/1.1\r\nhost: g\r\nconnection: close\r\n"
        f"authorization: Bearer {stack.key('platform')}\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    )
    assert _raw(stack, request) in {400, 404, 405}
    assert stack.asked() == asked


def test_dots_are_resolved_before_anything_is_decided(stack: Stack) -> None:
    body = '{"text_input":"x","max_tokens":1}'
    request = (
        "POST /v2/models/embed/../chat/versions/01/generate HTTP/1.1\r\nhost: g\r\n"
        f"connection: close\r\nauthorization: Bearer {stack.key('globex')}\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    )
    assert _raw(stack, request) in {403, 404}


def test_the_service_killed(site: Site) -> None:
    stack = site.stack
    client, asked = stack.http(), stack.asked()
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200

    def seen() -> None:
        # Triton counts a request after it has answered it.
        assert stack.asked() == asked + 1

    eventually(seen)
    stack.kill("service", signal.SIGSTOP)
    stack.kill("service", signal.SIGKILL)
    response = client.post("/v1/chat/completions", json=CHAT)
    _openai_error(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    _kserve_error(client.post(TRITON_PATH, json={"text_input": "x"}), 503)
    _openai_error(client.get("/v1/models"), 503)
    assert stack.asked() == asked + 1

    def served() -> None:
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 200

    eventually(served, within=60)


def test_the_model_server_down(site: Site) -> None:
    stack = site.stack
    key = stack.create_key("left", "left-alone", "premium", "developer", region="eu-west")
    client = stack.http(key=key)
    stack.kill("triton", signal.SIGKILL)
    response = client.post("/v1/chat/completions", json=CHAT)
    _openai_error(response, 503)
    assert int(response.headers["retry-after"]) >= 1
    record = stack.audit(response.headers["x-request-id"])
    assert (record["outcome"], record["usage"]) == ("failed", None)
    _kserve_error(client.post(TRITON_PATH, json={"text_input": "x"}), 503)
    used = stack.json("usage", "--tenant", "left-alone")["usage"]
    assert sum(row["prompt_tokens"] for row in used) == 0


NO_DECISIONS = {
    "undefined": None,
    "malformed": '{"allow": "yes"}',
    "unknown obligation": (
        '{"allow": true, "reasons": [], "route": {"model": "chat", "version": "1",'
        ' "cluster": "triton"}, "obligations": [{"type": "frobnicate"}]}'
    ),
    "no such version": (
        '{"allow": true, "reasons": [], "route": {"model": "chat", "version": "9",'
        ' "cluster": "triton"}, "obligations": []}'
    ),
    "no route": '{"allow": true, "reasons": [], "obligations": []}',
    "no obligations": (
        '{"allow": true, "reasons": [], "route": {"model": "chat", "version": "1",'
        ' "cluster": "triton"}}'
    ),
}
"""What a policy may answer that is no decision; None if it answers nothing."""


def test_decisions_that_are_none(site: Site, tmp_path: Path) -> None:
    rules = [
        f'decision := {decision} if input.purpose == "{problem.replace(" ", "-")}"'
        for problem, decision in NO_DECISIONS.items()
        if decision
    ]
    for entry, decided in (("admission", ['decision := {"allow": true}']), ("inference", rules)):
        directory = tmp_path / "policies" / "gateway" / entry
        directory.mkdir(parents=True)
        metadata = f"# METADATA\n# entrypoint: true\npackage gateway.{entry}\n"
        (directory / f"{entry}.rego").write_text("\n\n".join((metadata, *decided, "")))
    site.change(lambda config: config["policy"].update(directory=str(tmp_path / "policies")))
    site.apply()
    stack = site.stack
    asked, errors = stack.asked(), _decision_errors(stack)
    for problem in NO_DECISIONS:
        purpose = {"x-request-purpose": problem.replace(" ", "-")}
        response = stack.http().post("/v1/chat/completions", json=CHAT, headers=purpose)
        error = _openai_error(response, 403)
        assert error["code"] == "policy_error", problem
        assert "obligation" not in error["message"]
        record = stack.audit(response.headers["x-request-id"])
        assert (record["outcome"], record["error"]) == ("denied", "policy_error"), problem
        assert stack.asked() == asked, problem
    # The other two are decisions, of what is not there.
    assert _decision_errors(stack) == errors + 4


def _decision_errors(stack: Stack) -> float:
    lines = stack.metrics().splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("sluice_decision_errors_total")
    )


def test_a_client_that_leaves_half_way_through_its_body(stack: Stack) -> None:
    asked = stack.asked()
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
    assert stack.asked() == asked


def test_many_at_once_are_each_answered(stack: Stack) -> None:
    client = stack.http("platform")
    with ThreadPoolExecutor(24) as pool:
        answers = list(
            pool.map(lambda _: client.post("/v1/chat/completions", json=CHAT), range(120))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 120
