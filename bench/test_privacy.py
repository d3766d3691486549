"""What privacy costs a request: detecting in a clean prompt, masking, restoring a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.content.privacy import KINDS, Detector, Finding, KeyedHash, Masker, Substitutes

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PROSE = (
    "In 2024 the committee met 12 times (see https://example.com/minutes?year=2024) and agreed on "
    "the 3 points below: costs fell by 4.5%, support answers within 24 hours; nobody left. "
)
GERMAN = "Die schnelle Füchsin springt über den faulen Hund \u2013 „wirklich“ sehr schön. "
SENSITIVE = (
    "Mail bob@example.com, call +1 415 555 2671, card 4111 1111 1111 1111, "
    "IBAN DE89 3704 0044 0532 0130 00, host 10.1.2.3, password=hunter2. "
)


def fill(text: str, size: int) -> str:
    return (text * (size // len(text) + 1))[:size]


PROMPTS = {
    "clean-1k": fill(PROSE, 1024),
    "clean-4k": fill(PROSE, 4096),
    "german-1k": fill(GERMAN, 1024),
    "six-findings-4k": fill(PROSE, 4096 - len(SENSITIVE)) + SENSITIVE,
}


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS.keys())
def test_detect(benchmark: BenchmarkFixture, detector: Detector, prompt: str) -> None:
    findings = benchmark(detector.detect, prompt)
    assert len(findings) == (6 if SENSITIVE in prompt else 0)


def mask(text: str, findings: tuple[Finding, ...]) -> tuple[Masker, str]:
    masker = Masker([text], Substitutes(KeyedHash(bytes(32), "acme")))
    result = masker.mask(text, findings, kinds=KINDS, treatment="placeholder")
    return masker, result.text


def test_mask(benchmark: BenchmarkFixture, detector: Detector) -> None:
    text = PROMPTS["six-findings-4k"]
    masker, masked = benchmark(mask, text, detector.detect(text))
    assert masker.restore(masked) == text


def test_restore_a_stream(benchmark: BenchmarkFixture, detector: Detector) -> None:
    text = PROMPTS["six-findings-4k"]
    masker, masked = mask(text, detector.detect(text))
    deltas = [masked[at : at + 4] for at in range(0, len(masked), 4)]

    def restore() -> str:
        stream = masker.restorer()
        return "".join(map(stream.feed, deltas)) + stream.finish()

    assert benchmark(restore) == text
