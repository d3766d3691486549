"""Without a service, or one that says nothing, nothing reaches a model server: Envoy answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.service.ext_proc.v3 import external_processor_pb2 as proc

from extauth.types.headers import CLUSTER, ORIGINAL_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.envoy.conftest import Answer, Edge, Service

pytestmark = pytest.mark.slow

CHAT = "/v1/chat/completions"
INFER = "/v2/models/echo/versions/1/infer"
GENERATE = "/v2/models/echo/versions/1/generate_stream"
INFERENCE = [CHAT, "/v1/completions", "/v1/embeddings", "/v2/models/echo/infer", INFER, GENERATE]
METADATA = "/v2/models/echo/versions/1"


def overwrite(header: HeaderValue) -> HeaderValueOption:
    return HeaderValueOption(
        header=header, append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    )


def decides(**headers: str) -> Callable[..., Iterator[Any]]:
    """Process: set these headers when the body has been read. ext_proc takes raw values."""
    mutation = proc.HeaderMutation(
        set_headers=[
            overwrite(HeaderValue(key=name, raw_value=value.encode()))
            for name, value in headers.items()
        ]
    )

    def process(messages: Iterator[proc.ProcessingRequest], _: object) -> Iterator[Any]:
        for message in messages:
            kind = message.WhichOneof("request")
            if kind == "request_body":
                common = proc.CommonResponse(header_mutation=mutation, clear_route_cache=True)
                yield proc.ProcessingResponse(request_body=proc.BodyResponse(response=common))
            elif kind == "response_body":
                yield proc.ProcessingResponse(response_body=proc.BodyResponse())
            else:
                yield proc.ProcessingResponse(**{kind: proc.HeadersResponse()})

    return process


def closes_at_once(*_: object) -> Iterator[Any]:
    return iter(())


def closes_after_reading_the_headers(
    messages: Iterator[proc.ProcessingRequest], _: object
) -> Iterator[Any]:
    next(messages)
    return iter(())


def closes_after_answering_the_headers(
    messages: Iterator[proc.ProcessingRequest], _: object
) -> Iterator[Any]:
    next(messages)
    yield proc.ProcessingResponse(request_headers=proc.HeadersResponse())


def closes_after_reading_the_body(
    messages: Iterator[proc.ProcessingRequest], _: object
) -> Iterator[Any]:
    next(messages)
    yield proc.ProcessingResponse(request_headers=proc.HeadersResponse())
    next(messages)


def fails(_: object, context: grpc.ServicerContext) -> Iterator[Any]:
    context.abort(grpc.StatusCode.INTERNAL, "")
    return iter(())


def answers_out_of_turn(messages: Iterator[proc.ProcessingRequest], _: object) -> Iterator[Any]:
    next(messages)
    yield proc.ProcessingResponse(response_body=proc.BodyResponse())


def test_a_decision_alone_opens_the_way_to_a_model_server(edge: Edge, service: Service) -> None:
    service.process = decides(**{":path": INFER, CLUSTER: "triton"})

    answer = edge.ask("POST", CHAT, b"{}", authorization="Bearer secret", cookie="a=b")

    assert (answer.status, answer.body) == (200, b"{}")
    (seen,) = edge.upstream.seen
    assert (seen.method, seen.path, seen.body) == ("POST", INFER, b"{}")
    assert not {"authorization", "cookie"} & seen.headers.keys()
    assert [name for name in seen.headers if name.startswith("x-sluice-")] == [ORIGINAL_PATH]


@pytest.mark.parametrize(
    "process",
    [
        closes_at_once,
        closes_after_reading_the_headers,
        closes_after_answering_the_headers,
        closes_after_reading_the_body,
        fails,
        answers_out_of_turn,
    ],
)
@pytest.mark.parametrize("path", INFERENCE)
def test_a_stream_without_an_answer_is_a_refusal(
    edge: Edge, service: Service, path: str, process: Callable[..., Iterator[Any]]
) -> None:
    service.process = process

    answer = edge.ask("POST", path, b"{}", x_sluice_cluster="triton")

    assert answer.status == 503
    assert edge.upstream.seen == []


@pytest.mark.parametrize("path", INFERENCE)
def test_to_continue_is_not_to_decide(edge: Edge, service: Service, path: str) -> None:
    """The service as the fixture makes it answers every message, and names no cluster."""
    answer = edge.ask("POST", path, b"{}", x_sluice_cluster="triton")

    assert answer.status == 503
    assert edge.upstream.seen == []


@pytest.mark.parametrize("path", INFERENCE)
def test_no_service_no_inference(edge: Edge, path: str) -> None:
    assert edge.ask("POST", path, b"{}", x_sluice_cluster="triton").status == 503
    assert edge.upstream.seen == []


@pytest.mark.parametrize("path", ["/v1/models", "/v2", METADATA, "/nowhere"])
def test_no_service_no_authorisation(edge: Edge, path: str) -> None:
    answer = edge.ask("GET", path, x_sluice_principal="ada", x_sluice_metadata_cluster="triton")

    assert answer.status == 503
    assert edge.upstream.seen == []


def test_openais_shape_of_what_is_unavailable(edge: Edge) -> None:
    answer = edge.ask("POST", CHAT, b"{}")

    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {
        "error": {
            "message": "The gateway can't serve this request now.",
            "type": "server_error",
            "param": None,
            "code": "unavailable",
        }
    }


def test_kserves_shape_of_what_is_unavailable(edge: Edge) -> None:
    answer = edge.ask("POST", INFER, b"{}")

    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {"error": "The gateway can't serve this request now."}


@pytest.mark.parametrize("path", [CHAT, INFER])
def test_a_body_that_says_it_is_too_large_is_not_read(
    edge: Edge, service: Service, path: str
) -> None:
    answer = edge.say(
        f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {edge.limit + 1}\r\n\r\n"
    )

    _too_large(answer, path)


@pytest.mark.parametrize("path", [CHAT, INFER])
def test_a_body_of_unknown_length_is_not_read_without_end(
    edge: Edge, service: Service, path: str
) -> None:
    """Envoy itself stops at the larger of both limits, the service at the limit of a request."""
    large = "x" * (edge.buffered + 1)
    head = f"POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

    answer = edge.say(f"{head}{len(large):x}\r\n{large}\r\n0\r\n\r\n")

    _too_large(answer, path)


def _too_large(answer: Answer, path: str) -> None:
    assert answer.status == 413
    assert "retry-after" not in answer.headers
    error = answer.json()["error"]
    if path == CHAT:
        assert error["code"] == "request_too_large"
        assert error["type"] == "invalid_request_error"
        error = error["message"]
    assert error == "The request body is too large."
