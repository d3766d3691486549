"""Presidio Analyzer's HTTP API. The answers are those of presidio-analyzer 2.2.366, recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from extauth.content.detectors.presidio import PresidioDetector
from extauth.content.privacy import Finding
from extauth.errors import BackendError
from tests.content.detectors.conftest import presidio

if TYPE_CHECKING:
    from extauth.content.detectors.connections import Connections
    from tests.content.detectors.conftest import Server

TEXT = "🙂 Jane Roe <jane.roe@example.com>"


def result(entity: str, start: int, end: int, score: float = 1.0) -> dict[str, Any]:
    """Return a result in Presidio's form."""
    return {
        "analysis_explanation": None,
        "end": end,
        "entity_type": entity,
        "score": score,
        "start": start,
    }


RECORDED = [result("PERSON", 2, 10), result("EMAIL_ADDRESS", 12, 32)]


async def test_entities_become_findings_with_our_kinds(
    server: Server, connections: Connections
) -> None:
    server.says = lambda _: RECORDED
    detector = PresidioDetector("presidio", presidio(server.url), connections)
    assert await detector.detect([TEXT]) == [
        (Finding("person", 2, 10, "presidio", 1.0), Finding("email", 12, 32, "presidio", 1.0))
    ]
    assert TEXT[2:10] == "Jane Roe"


async def test_only_what_has_a_kind_is_asked_for(server: Server, connections: Connections) -> None:
    server.says = lambda _: [result("URL", 21, 32, 0.5)]
    settings = presidio(f"{server.url}/", entities={"PERSON": "person"}, min_confidence=0.4)
    assert await PresidioDetector("presidio", settings, connections).detect([TEXT]) == [()]
    assert server.asked == [
        (
            "/analyze",
            {"text": TEXT, "language": "en", "entities": ["PERSON"], "score_threshold": 0.4},
        )
    ]


async def test_several_texts_are_one_request(server: Server, connections: Connections) -> None:
    server.says = lambda _: [RECORDED, []]
    detector = PresidioDetector("presidio", presidio(server.url), connections)
    first, second = await detector.detect([TEXT, "nothing here"])
    assert ([finding.kind for finding in first], second) == (["person", "email"], ())
    assert [body["text"] for _, body in server.asked] == [[TEXT, "nothing here"]]


async def test_every_language_is_asked_and_all_findings_count(
    server: Server, connections: Connections
) -> None:
    server.says = lambda body: RECORDED[:1] if body["language"] == "en" else RECORDED[1:]
    settings = presidio(server.url, languages=("en", "de"))
    (found,) = await PresidioDetector("presidio", settings, connections).detect([TEXT])
    assert [finding.kind for finding in found] == ["person", "email"]


async def test_what_is_unsure_is_no_finding(server: Server, connections: Connections) -> None:
    server.says = lambda _: [result("PERSON", 2, 10, 0.49)]
    detector = PresidioDetector("presidio", presidio(server.url), connections)
    assert await detector.detect([TEXT]) == [()]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not JSON",
        {"error": "No language provided"},
        [{"entity_type": "PERSON", "start": "2", "end": 10, "score": 1}],
        [[result("PERSON", 2, 10)]],
        [result("PERSON", 2, 900)],
        [result("PERSON", -1, 3)],
        [result("PERSON", 4, 4)],
        [result("PERSON", 2, 10, 1.5)],
        [result("PERSON", 2, 10, -0.5)],
    ],
)
async def test_anything_else_is_no_answer(
    server: Server, connections: Connections, answer: Any
) -> None:
    server.says = lambda _: answer
    detector = PresidioDetector("presidio", presidio(server.url), connections)
    with pytest.raises(BackendError) as caught:
        await detector.detect([TEXT])
    assert "Jane" not in str(caught.value)


async def test_an_answer_for_other_texts_is_none(server: Server, connections: Connections) -> None:
    server.says = lambda _: [RECORDED]
    detector = PresidioDetector("presidio", presidio(server.url), connections)
    with pytest.raises(BackendError, match="it answers for 1 texts, not 2"):
        await detector.detect([TEXT, TEXT])


async def test_a_refusal_is_none_either(server: Server, connections: Connections) -> None:
    """Presidio answers 500 to any mistake, such as a language that it does not have."""
    server.status = 500
    server.says = lambda _: {"error": "No matching recognizers were found to serve the request."}
    detector = PresidioDetector("presidio", presidio(server.url), connections)
    with pytest.raises(BackendError, match="it answers 500"):
        await detector.detect([TEXT])
