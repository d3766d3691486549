"""A browser that renders an answer asks no host for an original, and none off the list."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import markdown
import pytest
from markdown_it import MarkdownIt

from extauth.content.privacy import AnswerFilters, Detector, KeyedHash, Masker, Substitutes
from extauth.gateway.choices import ChoiceFilters
from extauth.obligations import AnswerGuard
from extauth.types import Delta
from tests.content.addresses import ADDRESSES
from tests.e2e.browser import PAGES, asked_for

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e

JANE = "jane@example.com"
DETECTOR = Detector()
RENDERERS: dict[str, Callable[[str], str]] = {
    "markdown-it": MarkdownIt("commonmark", {"html": True}).render,
    "markdown": markdown.markdown,
    "extra": lambda text: markdown.markdown(text, extensions=["extra"]),
    "html": str,
}


def written(number: int, answer: str) -> str:
    """The answer with a host of its own, which a proxy sees the paths of."""
    return (
        answer.replace("https", "http")
        .replace("&#104;ttps", "http")
        .replace("h.test", f"h{number}.test")
    )


def rendered(answer: Callable[[str], str]) -> list[str]:
    """All that a browser asks for, once every answer has passed `answer` and a renderer."""
    pages = {
        f"{number}-{name}": render(answer(written(number, text)))
        for number, text in enumerate(ADDRESSES)
        for name, render in RENDERERS.items()
    }
    return asked_for(pages)


def filtered(*guards: AnswerGuard) -> Callable[[str], str]:
    """The answer as a client reads it, of a model that saw a placeholder, streamed in pieces."""

    def answer(text: str) -> str:
        masker = Masker([JANE], Substitutes(KeyedHash(bytes(32), "acme")))
        (found,) = DETECTOR.detect_all([JANE])
        held = masker.mask(JANE, found, kinds={"email"}, treatment="placeholder").text
        choices = ChoiceFilters(AnswerFilters(DETECTOR, {}, masker, {}), guards)
        said, at = "", 0
        text = f"{held}\n\n" + text.replace("§", held)
        while at < len(text):
            size = 1 + secrets.randbelow(9)
            said += choices.feed(Delta(0, text[at : at + size])).text
            at += size
        said += choices.feed(Delta(0, "", "stop")).text
        assert said.startswith(JANE)
        return said

    return answer


def leaks(asked: list[str]) -> list[str]:
    return [one for one in asked if "jane" in unquote(one).lower()]


def test_without_a_filter_the_browser_tells_the_original() -> None:
    asked = rendered(lambda text: text.replace("§", JANE))
    hosts = {urlsplit(one).hostname for one in leaks(asked)}
    # What is fetched without a click, and without a scheme that no proxy serves.
    assert len(hosts) > 30


def test_masking_alone_tells_no_original() -> None:
    asked = rendered(filtered())
    assert len(asked) > 30
    assert leaks(asked) == []


def test_with_a_list_no_other_host_is_asked() -> None:
    asked = rendered(filtered(AnswerGuard(links="strip", allowed_domains=("corp.example",))))
    ours = {urlsplit(PAGES).hostname}
    assert [one for one in asked if urlsplit(one).hostname not in ours] == []
