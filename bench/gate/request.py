"""Requests as Envoy tells the service of them, message by message, and what it has to answer.

This is the only module that knows what the two say to each other. An answer that is not the
expected one ends the measurement: a service that refuses is quick.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from string import ascii_lowercase
from typing import TYPE_CHECKING, TypeAlias

from envoy.config.core.v3.base_pb2 import HeaderMap, HeaderValue
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
    ProtocolConfiguration,
)

from bench import prompts
from bench.envoy import BENCH
from bench.errors import MeasurementFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
SOURCE = "x-sluice-source"
CLUSTER = "x-sluice-cluster"
PATH = "/v2/models/chat/versions/1/"

Talk: TypeAlias = Generator[ProcessingRequest, ProcessingResponse, None]
"""One request: yields what Envoy says, is sent what the service answers to it."""

_ANSWER = (BENCH / "answers" / "generate.json").read_bytes()
_EVENTS = tuple(
    event + b"\n\n" for event in (BENCH / "answers" / "events.txt").read_bytes().split(b"\n\n")[:-1]
)
_PROTOCOL = ProtocolConfiguration(
    request_body_mode=ProcessingMode.BUFFERED, response_body_mode=ProcessingMode.BUFFERED
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: its name, and which of bench.prompts it asks."""

    name: str
    sensitive: bool = False
    stream: bool = False


KINDS = Kind("plain"), Kind("masking", sensitive=True), Kind("streaming", stream=True)


def requests(kind: Kind, key: str, count: int, seed: int) -> Iterator[Talk]:
    """So many requests, each with a text of its own; the same ones for the same `seed`."""
    random = Random(seed)  # noqa: S311 - it has to be the same one every time
    body = prompts.chat(stream=kind.stream, sensitive=kind.sensitive)
    for _ in range(count):
        mark = "".join(random.choices(ascii_lowercase, k=len(prompts.MARK)))
        request_id = f"{random.getrandbits(128):032x}"
        yield _request(
            kind, key, request_id, mark, body.replace(prompts.MARK.encode(), mark.encode())
        )


def _request(kind: Kind, key: str, request_id: str, mark: str, body: bytes) -> Talk:
    head = {
        ":authority": "127.0.0.1:8080",
        ":path": "/v1/chat/completions",
        ":method": "POST",
        ":scheme": "http",
        "content-type": "application/json",
        "authorization": f"Bearer {key}",
        "content-length": str(len(body)),
        "x-forwarded-proto": "http",
        "x-request-id": request_id,
        SOURCE: "127.0.0.1",
    }
    answer = yield ProcessingRequest(
        request_headers=HttpHeaders(headers=_headers(head)), protocol_config=_PROTOCOL
    )
    _expect(answer, "request_headers")

    answer = yield ProcessingRequest(request_body=HttpBody(body=body, end_of_stream=True))
    _expect(answer, "request_body")
    _check_upstream(kind, mark, answer)

    answers = _EVENTS if kind.stream else (_ANSWER,)
    head = {
        ":status": "200",
        "content-type": "text/event-stream" if kind.stream else "application/json",
        "content-length": str(sum(map(len, answers))),
    }
    answer = yield ProcessingRequest(response_headers=HttpHeaders(headers=_headers(head)))
    _expect(answer, "response_headers")
    streamed = answer.mode_override.response_body_mode == ProcessingMode.STREAMED
    if streamed is not kind.stream:
        raise MeasurementFailed(f"{kind.name}: Envoy is told the wrong way to send the answer")

    text = b""
    # Envoy tells of a stream's end by a chunk of its own.
    chunks = (*answers, b"") if kind.stream else answers
    for number, chunk in enumerate(chunks, 1):
        answer = yield ProcessingRequest(
            response_body=HttpBody(body=chunk, end_of_stream=number == len(chunks))
        )
        _expect(answer, "response_body")
        text += answer.response_body.response.body_mutation.body
    _check_client(kind, text)


def _check_upstream(kind: Kind, mark: str, answer: ProcessingResponse) -> None:
    """The model must be given this request's text, and nothing that is sensitive."""
    response = answer.request_body.response
    headers = {
        option.header.key: option.header.raw_value.decode()
        for option in response.header_mutation.set_headers
    }
    wanted = PATH + ("generate_stream" if kind.stream else "generate")
    if headers.get(":path") != wanted or not headers.get(CLUSTER):
        raise MeasurementFailed(f"{kind.name}: the request is sent elsewhere than to {wanted}")
    body = response.body_mutation.body.decode()
    if mark not in body:
        raise MeasurementFailed(f"{kind.name}: the model is not given the prompt")
    if any(original in body for original in prompts.ORIGINALS):
        raise MeasurementFailed(f"{kind.name}: the model is given sensitive data")


def _check_client(kind: Kind, text: bytes) -> None:
    """The client must be given the model's words, in OpenAI's shape."""
    try:
        if kind.stream:
            *events, end = (line[6:] for line in text.split(b"\n") if line.startswith(b"data: "))
            deltas = (json.loads(event)["choices"] for event in events)
            content = "".join(c["delta"].get("content") or "" for cs in deltas for c in cs)
            whole = end == b"[DONE]"
        else:
            content = json.loads(text)["choices"][0]["message"]["content"]
            whole = True
    except (ValueError, LookupError, TypeError):
        content, whole = "", False
    if not whole or content != json.loads(_ANSWER)["text_output"]:
        raise MeasurementFailed(f"{kind.name}: the client is given {text[:300]!r}")


def _expect(answer: ProcessingResponse, what: str) -> None:
    if answer.WhichOneof("response") == what:
        return
    refusal = answer.immediate_response
    if refusal.status.code:
        raise MeasurementFailed(
            f"the service answers {refusal.status.code}: {refusal.body[:300].decode()}"
        )
    raise MeasurementFailed(f"the service answers {answer.WhichOneof('response')}, not {what}")


def _headers(headers: dict[str, str]) -> HeaderMap:
    return HeaderMap(
        headers=[HeaderValue(key=name, raw_value=value.encode()) for name, value in headers.items()]
    )
