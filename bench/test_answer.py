"""What scanning an answer costs: a token of a stream at the median, and a whole answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.test_privacy import GERMAN, PROSE, SENSITIVE, fill
from extauth.content.privacy import KINDS, AnswerFilters, Detector, KeyedHash, Masker, Substitutes

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from extauth.content.privacy import AnswerFilter

ANSWERS = {
    "prose": fill(PROSE, 8192),
    "german": fill(GERMAN, 8192),
    "chinese": fill("这是一个很普通的回答。里面没有什么特别的。", 8192),
    "json": fill('{"id":12345,"name":"value","list":[1,2,3]},', 8192),
    "findings": fill(SENSITIVE, 8192),
}
TOKEN = 4


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def filters(detector: Detector) -> AnswerFilters:
    """Every kind redacted, and a placeholder of the request to put back."""
    masker = Masker(["jane@example.com"], Substitutes(KeyedHash(bytes(32), "acme")))
    masker.mask(
        "jane@example.com",
        detector.detect("jane@example.com"),
        kinds=KINDS,
        treatment="placeholder",
    )
    return AnswerFilters(detector, dict.fromkeys(KINDS, "redact"), masker, {})


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_token_of_a_stream(benchmark: BenchmarkFixture, detector: Detector, text: str) -> None:
    """Of each round one token; look at the median."""
    made = filters(detector)
    tokens = [text[at : at + TOKEN] for at in range(0, len(text), TOKEN)]
    left: list[str] = []
    choice: AnswerFilter = made.filter()

    def token() -> tuple[tuple[str], dict[str, object]]:
        nonlocal choice
        if not left:
            left.extend(reversed(tokens))
            choice = made.filter()
        return (left.pop(),), {}

    def feed(piece: str) -> None:
        choice.feed(piece)

    benchmark.pedantic(feed, setup=token, rounds=len(tokens))
    assert benchmark.stats.stats.median < 200e-6


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_whole_answer(benchmark: BenchmarkFixture, detector: Detector, text: str) -> None:
    made = filters(detector)

    def answer() -> str:
        choice = made.filter()
        return choice.feed(text) + choice.finish()

    benchmark(answer)


@pytest.mark.parametrize("text", ANSWERS.values(), ids=ANSWERS.keys())
def test_one_detection(benchmark: BenchmarkFixture, detector: Detector, text: str) -> None:
    """The measure of the one before."""
    benchmark(detector.detect, text)
