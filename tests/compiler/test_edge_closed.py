"""Closed by construction: no way to a model server but a decision's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import grpc
import pytest
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    HeadersResponse,
    ProcessingRequest,
    ProcessingResponse,
)

from extauth.types.headers import (
    CLUSTER,
    INTERNAL,
    JWT,
    METADATA_CLUSTER,
    ORIGINAL_PATH,
    PRINCIPAL,
    SOURCE,
    STREAMS,
)
from tests.compiler.script import CHAT, GENERATE, allow, decide, deny

if TYPE_CHECKING:
    from tests.compiler.edge import Edge
    from tests.compiler.script import Process

pytestmark = pytest.mark.slow

Messages = Iterator[ProcessingRequest]
Responses = Iterator[ProcessingResponse]


def closes_at_once(messages: Messages) -> Responses:
    next(messages)
    yield from ()


def closes_before_the_body_is_decided(messages: Messages) -> Responses:
    next(messages)
    yield ProcessingResponse(request_headers=HeadersResponse())
    next(messages)


def fails(messages: Messages) -> Responses:
    next(messages)
    raise grpc.RpcError
    yield


def changes_nothing(messages: Messages) -> Responses:
    return decide(path=CHAT, cluster=None)(messages)


@pytest.mark.parametrize(
    "process", [closes_at_once, closes_before_the_body_is_decided, fails, changes_nothing]
)
@pytest.mark.parametrize("path", [CHAT, "/v2/models/chat/infer", GENERATE])
def test_a_service_that_does_not_decide(edge: Edge, process: Process, path: str) -> None:
    edge.script.process = process
    reply = edge.request("POST", path, b"{}")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert edge.script.served == []


def test_a_decision_for_a_cluster_that_is_not_there(edge: Edge) -> None:
    edge.script.process = decide(cluster="elsewhere")
    assert edge.request("POST", CHAT, b"{}").status == 503


def test_a_decision_moves_a_request(edge: Edge) -> None:
    edge.script.process = decide(GENERATE, b'{"text_input": "x"}')
    reply = edge.request(
        "POST", f"{CHAT}?key=1", b"{}", {"authorization": "Bearer k", "cookie": "c"}
    )
    (served,) = edge.script.served
    assert (reply.status, reply.body) == (200, b"{}")
    assert (served.method, served.path, served.body) == ("POST", GENERATE, b'{"text_input": "x"}')
    assert served.headers.keys().isdisjoint({"authorization", "cookie", CLUSTER, JWT, SOURCE})


@pytest.mark.parametrize(
    "name", [CLUSTER, STREAMS, METADATA_CLUSTER, PRINCIPAL, JWT, f"{INTERNAL}new"]
)
@pytest.mark.parametrize("path", [CHAT, GENERATE, "/v1/models", "/v2/models/chat/versions/2/ready"])
def test_internal_headers_of_clients_are_not_there(edge: Edge, name: str, path: str) -> None:
    edge.script.process = changes_nothing
    method = "POST" if path in {CHAT, GENERATE} else "GET"
    body = b"{}" if method == "POST" else None
    reply = edge.request(method, path, body, {name.title(): "triton"})
    (head,) = edge.script.heads
    assert name not in head
    assert reply.status in {404, 503}
    assert edge.script.served == edge.script.portal == []


@pytest.mark.parametrize("name", [SOURCE, ORIGINAL_PATH, "x-envoy-external-address"])
def test_internal_headers_of_clients_are_replaced(edge: Edge, name: str) -> None:
    edge.request("POST", f"{CHAT}?key=secret", b"{}", {name: "198.51.100.7"})
    (head,) = edge.script.heads
    expected = {SOURCE: "127.0.0.1", ORIGINAL_PATH: CHAT, "x-envoy-external-address": "127.0.0.1"}
    assert head[name] == expected[name]


def test_a_header_that_is_there_twice_is_seen_twice(edge: Edge) -> None:
    edge.raw(
        b"GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        b"authorization: Bearer one\r\nauthorization: Bearer two\r\n\r\n"
    )
    (pairs,) = edge.script.checked
    seen = [value for name, value in pairs if name == "authorization"]
    assert seen == ["Bearer one,Bearer two"]


@pytest.mark.parametrize(
    "name", ["x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on", "x-envoy-original-path"]
)
def test_clients_do_not_steer_the_router(edge: Edge, name: str) -> None:
    assert edge.request("POST", CHAT, b"{}", {name: "1"}).status == 200
    assert name not in edge.script.heads[0]


def test_the_request_id_is_envoys(edge: Edge) -> None:
    reply = edge.request("POST", CHAT, b"{}", {"x-request-id": "mine"})
    assert reply.headers["x-request-id"] == edge.script.heads[0]["x-request-id"] != "mine"


@pytest.mark.parametrize("name", [METADATA_CLUSTER, PRINCIPAL, SOURCE, JWT, ":authority"])
def test_an_inference_decision_sets_its_own_headers_only(edge: Edge, name: str) -> None:
    edge.script.process = decide(headers={name: "triton"})
    assert edge.request("POST", CHAT, b"{}").status == 503
    assert edge.script.served == []


def test_metadata_is_served_where_the_check_says(edge: Edge) -> None:
    path = "/v2/models/chat/versions/2/ready"
    edge.script.check = allow({":path": path, METADATA_CLUSTER: "triton"})
    reply = edge.request("GET", "/v2/models/chat/ready", headers={"authorization": "Bearer k"})
    (served,) = edge.script.served
    assert (reply.status, served.path) == (200, path)
    assert served.headers.keys().isdisjoint({"authorization", METADATA_CLUSTER, SOURCE})


@pytest.mark.parametrize("name", [CLUSTER, STREAMS, SOURCE, JWT])
def test_a_check_sets_its_own_headers_only(edge: Edge, name: str) -> None:
    edge.script.check = allow({":path": "/v2/models/chat/versions/2/ready", name: "triton"})
    assert edge.request("GET", "/v2/models/chat/ready").status == 503
    assert edge.script.served == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/repository/index"),
        ("POST", "/v2/repository/models/chat/load"),
        ("POST", "/v2/repository/models/chat/unload"),
        ("GET", "/v2/systemsharedmemory/status"),
        ("POST", "/v2/cudasharedmemory/region/a/register"),
        ("GET", "/v2/trace/setting"),
        ("GET", "/v2/logging"),
        ("GET", "/v2/models/stats"),
        ("GET", "/v2/models/chat/config"),
        ("GET", "/v2/models/chat/versions/2/stats"),
        ("GET", "/v2/models/chat/versions/2/trace/setting"),
        ("POST", "/v2/models/chat/versions/2/ready"),
        ("GET", "/metrics"),
        ("GET", "/v2/health/live/extra"),
    ],
)
def test_the_rest_of_a_model_server_is_out_of_reach(edge: Edge, method: str, path: str) -> None:
    """Even with a check that allows everything, by name, and one that rewrites the path to it."""
    body = b"{}" if method == "POST" else None
    edge.script.check = allow({METADATA_CLUSTER: "triton", PRINCIPAL: "ada"})
    assert edge.request(method, path, body).status == 404
    edge.script.check = allow({METADATA_CLUSTER: "triton", ":path": path})
    assert edge.request(method, "/v2/models/chat/ready", body).status == 404
    assert edge.script.served == []


@pytest.mark.parametrize(
    "path", ["/v2/repository/index", "/v2/models/chat/versions/2/config", "/metrics"]
)
def test_no_inference_decision_leads_elsewhere(edge: Edge, path: str) -> None:
    edge.script.process = decide(path)
    assert edge.request("POST", CHAT, b"{}").status in {404, 503}
    assert edge.script.served == []


def test_a_check_never_leads_to_inference(edge: Edge) -> None:
    edge.script.check = allow({":path": GENERATE, METADATA_CLUSTER: "triton"})
    assert edge.request("POST", "/v2/models/chat/ready", b"{}").status == 503
    assert edge.script.served == []


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/chat@stable", "/v1/usage"])
def test_the_portal_answers_principals(edge: Edge, path: str) -> None:
    assert edge.request("GET", path).status == 404
    edge.script.check = allow({PRINCIPAL: "ada"})
    reply = edge.request("GET", path, headers={"authorization": "Bearer k"})
    (served,) = edge.script.portal
    assert (reply.status, served.path, served.headers[PRINCIPAL]) == (200, path, "ada")
    assert "authorization" not in served.headers


@pytest.mark.parametrize("path", ["/", "/v3", "/v1/chat/completions/", "/v2/models/chat/infer/x"])
def test_any_other_path_is_the_checks_to_refuse(edge: Edge, path: str) -> None:
    edge.script.check = deny(404, json.dumps({"error": "ours"}))
    reply = edge.request("GET", path)
    assert (reply.status, reply.body) == (404, b'{"error": "ours"}')
    edge.script.check = allow({})
    assert edge.request("GET", path).status == 404


def test_a_check_that_fails(edge: Edge) -> None:
    def fail(_: object) -> None:
        raise grpc.RpcError

    edge.script.check = fail  # type: ignore[assignment] # it answers nothing
    reply = edge.request("GET", "/v1/models")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("/v1/../v2//models/./chat/infer", "/v2/models/chat/infer"),
        ("/v2/models/ch%61t/infer", "/v2/models/chat/infer"),
        ("/v2/models/chat/versions/02/infer", "/v2/models/chat/versions/02/infer"),
    ],
)
def test_paths_are_normalised_before_they_are_seen(edge: Edge, written: str, seen: str) -> None:
    edge.raw(
        f"POST {written} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n"
        "content-length: 2\r\n\r\n{}".encode()
    )
    assert edge.script.heads[0][":path"] == seen
