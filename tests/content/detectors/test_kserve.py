"""Models on Triton over KServe's protocol. tests/triton asks real ones."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from extauth.content.detectors.connections import CONCURRENCY
from extauth.content.detectors.kserve import BATCH
from extauth.content.detectors.triton_classifier import MOST_LABELS, TritonClassifier
from extauth.content.detectors.triton_tokens import TritonDetector
from extauth.content.privacy import Finding
from extauth.errors import BackendError
from tests.content.detectors.conftest import span, spans, tensor, text_model, token_model

if TYPE_CHECKING:
    from extauth.content.detectors.connections import Connections
    from tests.content.detectors.conftest import Server

TEXT = "Ask Jane in 東京"


def scores(labels: list[Any], values: list[Any], texts: int = 1) -> dict[str, Any]:
    """Return the answer of a text classification model."""
    shape = [texts, len(labels) // texts]
    return {"outputs": [tensor("SCORES", shape, values), tensor("LABELS", shape, labels)]}


async def test_spans_become_findings(server: Server, connections: Connections) -> None:
    told = [span("LOC", 12, 14), span("PER", 4, 8, 0.75), span("ORG", 0, 3), span("PER", 0, 3, 0.4)]
    server.says = lambda _: spans(told)
    detector = TritonDetector("names", token_model(server.url), connections)
    assert await detector.detect([TEXT]) == [
        (Finding("person", 4, 8, "names", 0.75), Finding("location", 12, 14, "names", 0.9))
    ]
    tensor_ = {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": [TEXT]}
    assert server.asked == [
        (
            "/v2/models/names/versions/1/infer",
            {"inputs": [tensor_], "outputs": [{"name": "SPANS"}]},
        )
    ]


async def test_many_texts_are_several_batches(server: Server, connections: Connections) -> None:
    texts = [str(number) * 2 for number in range(BATCH + 3)]
    server.says = lambda body: spans(
        *([span("PER", 0, len(text))] for text in body["inputs"][0]["data"])
    )
    detector = TritonDetector("names", token_model(server.url), connections)
    found = await detector.detect(texts)
    assert [finding.end for (finding,) in found] == [len(text) for text in texts]
    assert [body["inputs"][0]["shape"] for _, body in server.asked] == [[BATCH, 1], [3, 1]]


async def test_connections_stay_open(server: Server, connections: Connections) -> None:
    server.says = lambda _: spans([])
    detector = TritonDetector("names", token_model(server.url), connections)
    for _ in range(5):
        await detector.detect([TEXT])
    assert len(server.peers) == 1


async def test_a_server_gets_no_more_at_a_time_than_it_is_given(
    server: Server, connections: Connections
) -> None:
    server.held, server.says = asyncio.Event(), lambda _: spans([])
    detector = TritonDetector("names", token_model(server.url), connections)
    asking = [asyncio.create_task(detector.detect([TEXT])) for _ in range(3 * CONCURRENCY)]
    while server.active < CONCURRENCY:
        await server.arrived.wait()
        server.arrived.clear()
    server.held.set()
    assert await asyncio.gather(*asking) == [[()]] * 3 * CONCURRENCY
    assert server.peak == CONCURRENCY


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"outputs": []},
        {"outputs": [tensor("OTHER", [1, 1], ["[]"])]},
        {"error": "Request for unknown model: 'names' is not found"},
        {"outputs": [tensor("SPANS", [2, 1], ["[]", "[]"])]},
        {"outputs": [tensor("SPANS", [1, 1], ["Jane"])]},
        {"outputs": [tensor("SPANS", [1, 1], [0.5])]},
        spans([{"label": "PER", "start": 4}]),
        spans([span("PER", 4, 15)]),
        spans([span("PER", 4, 8, float("nan"))]),
    ],
)
async def test_anything_else_is_no_answer(
    server: Server, connections: Connections, answer: Any
) -> None:
    server.says = lambda _: answer
    detector = TritonDetector("names", token_model(server.url), connections)
    with pytest.raises(BackendError) as caught:
        await detector.detect([TEXT])
    assert "Jane" not in str(caught.value)


async def test_the_highest_score_of_any_text_counts(
    server: Server, connections: Connections
) -> None:
    server.says = lambda _: scores(["good", "bad", "bad", "good"], [0.9, 0.1, 0.75, 0.25], texts=2)
    classifier = TritonClassifier("injection", text_model(server.url), connections)
    assert await classifier.classify([TEXT, "b"]) == {"good": 0.9, "bad": 0.75}
    assert [path for path, _ in server.asked] == ["/v2/models/injection/infer"]


@pytest.mark.parametrize(
    "answer",
    [
        {"outputs": [tensor("LABELS", [1, 1], ["good"])]},
        scores(["good"], [1.5]),
        scores(["good"], [-0.5]),
        scores(["good"], ["high"]),
        scores(["Ask Jane in Oslo"], [0.5]),
        scores(["a" * 65], [0.5]),
        scores(["good"], [float("nan")]),
        scores([1], [0.5]),
        scores(["good", "good"], [0.5, 0.5], texts=2),
        {"outputs": [tensor("LABELS", [1, 2], ["a", "b"]), tensor("SCORES", [1, 1], [0.5])]},
        scores([str(number) for number in range(MOST_LABELS + 1)], [0.5] * (MOST_LABELS + 1)),
    ],
)
async def test_any_other_score_is_no_answer(
    server: Server, connections: Connections, answer: Any
) -> None:
    server.says = lambda _: answer
    classifier = TritonClassifier("injection", text_model(server.url), connections)
    with pytest.raises(BackendError):
        await classifier.classify([TEXT])


@pytest.mark.parametrize("status", [400, 404, 500, 307])
async def test_a_refusal_is_no_answer(
    server: Server, connections: Connections, status: int
) -> None:
    """Nor is a redirect: texts go only to the configured server."""
    server.status = status
    detector = TritonDetector("names", token_model(server.url), connections)
    with pytest.raises(BackendError, match=f"it answers {status}"):
        await detector.detect([TEXT])
    assert len(server.asked) == 1
