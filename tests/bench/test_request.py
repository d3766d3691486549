"""Requests as Envoy tells of them, and the answers that end a measurement."""

from __future__ import annotations

import pytest
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    ProcessingRequest,
    ProcessingResponse,
)

from bench import prompts
from bench.errors import MeasurementFailed
from bench.gate.request import KINDS, Kind, requests
from tests.bench.service import Service, converse, refusal

PLAIN, MASKING, STREAMING = KINDS


def ask(kind: Kind, service: Service) -> list[str]:
    """One request of a kind; what the service was told."""
    (talk,) = requests(kind, "sk-key", 1, seed=1)
    return list(converse(talk, service))


@pytest.mark.parametrize("kind", [PLAIN, MASKING], ids=lambda kind: kind.name)
def test_a_plain_answer_comes_in_one_body(kind: Kind) -> None:
    told = ask(kind, Service(kind))
    assert told == ["request_headers", "request_body", "response_headers", "response_body"]


def test_a_stream_comes_event_by_event_and_then_ends() -> None:
    told = ask(STREAMING, Service(STREAMING))
    assert told[:3] == ["request_headers", "request_body", "response_headers"]
    assert told[3:] == ["response_body"] * 6


def test_no_two_requests_are_alike_and_a_seed_repeats_them() -> None:
    def bodies(seed: int) -> list[bytes]:
        talks = list(requests(PLAIN, "sk-key", 5, seed))
        service = Service(PLAIN)
        found = []
        for talk in talks:
            body = talk.send(service(next(talk))).request_body.body
            assert prompts.MARK.encode() not in body
            found.append(body)
        return found

    assert len(set(bodies(1) + bodies(2))) == 10
    assert bodies(1) == bodies(1)


@pytest.mark.parametrize(
    ("kind", "spoil", "message"),
    [
        (MASKING, {"masks": False}, "masking: the model is given sensitive data"),
        (PLAIN, {"prompt": lambda _: "{}"}, "plain: the model is not given the prompt"),
        (PLAIN, {"cluster": ""}, "plain: the request is sent elsewhere"),
        (STREAMING, {"path": "/v2/models/chat/versions/1/generate"}, "sent elsewhere"),
        (PLAIN, {"text": lambda _: "Else."}, "plain: the client is given"),
        (STREAMING, {"text": lambda text: text + "!"}, "streaming: the client is given"),
        (STREAMING, {"done": False}, "streaming: the client is given"),
        (STREAMING, {"stream": False}, "streaming: Envoy is told the wrong way"),
        (PLAIN, {"stream": True}, "plain: Envoy is told the wrong way"),
    ],
)
def test_a_wrong_answer_ends_the_measurement(
    kind: Kind, spoil: dict[str, object], message: str
) -> None:
    service = Service(kind)
    for name, value in spoil.items():
        setattr(service, name, value)
    with pytest.raises(MeasurementFailed, match=message):
        ask(kind, service)


@pytest.mark.parametrize("step", range(4))
def test_a_refusal_ends_it_whenever_it_comes(step: int) -> None:
    (talk,) = requests(PLAIN, "sk-key", 1, seed=1)
    service, steps = Service(PLAIN), iter(range(4))

    def answer(message: ProcessingRequest) -> ProcessingResponse:
        return refusal(429, "too many") if next(steps) == step else service(message)

    with pytest.raises(MeasurementFailed, match="the service answers 429: too many"):
        list(converse(talk, answer))
