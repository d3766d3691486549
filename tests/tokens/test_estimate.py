"""An estimate is never too low, and its excess is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extauth.errors import InvalidRequest
from extauth.tokens.estimate import Estimate
from extauth.tokens.sentence_piece import SentencePiece
from extauth.tokens.tokenizer_json import TokenizerJson
from tests.tokens.conftest import INSTRUCT, TEXTS

if TYPE_CHECKING:
    from extauth.tokens import Tokenizer
    from extauth.tokens.tekken import Tekken

ESTIMATE = Estimate(["<|end|>"])
DEMO = Path(__file__).parents[2] / "triton/models/chat/tokenizer.json"


@pytest.fixture(scope="session")
def real(sentence_piece: SentencePiece, tekken: Tekken) -> list[Tokenizer]:
    """Vocabularies of 2,000 to 131,000 tokens, by three libraries."""
    return [TokenizerJson(DEMO), sentence_piece, SentencePiece(INSTRUCT), tekken]


def whole(tokenizer: Tokenizer, text: str) -> int:
    """Return the tokens of a prompt, with those that a backend adds."""
    return tokenizer.count(text) + tokenizer.added


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("word", 4), ("héllo", 6), ("\ufdfa", 33), ("\ufb03", 3), ("\u0130stanbul", 9)],
)
def test_it_is_the_bytes_of_the_form_that_is_longer(text: str, bytes_: int) -> None:
    assert ESTIMATE.count(text) == bytes_


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_it_is_never_too_low(real: list[Tokenizer], text: str) -> None:
    assert whole(ESTIMATE, text) >= max(whole(each, text) for each in real)


@settings(max_examples=300)
@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_it_is_never_too_low_for_any_text(real: list[Tokenizer], text: str) -> None:
    assert whole(ESTIMATE, text) >= max(whole(each, text) for each in real)


def test_how_far_off_it_is(tekken: Tekken, sentence_piece: SentencePiece) -> None:
    """The factors are those of docs/tokens.md."""
    off = {
        name: [ESTIMATE.count(text) / each.count(text) for each in (tekken, sentence_piece)]
        for name, text in TEXTS.items()
        if name != "nothing"
    }
    assert 3.5 <= min(off["English"]) <= max(off["English"]) <= 5
    assert max(off["code"]) <= 5
    assert max(off["Russian"]) <= 9
    assert max(off["Chinese"]) <= 6
    assert max(max(each) for each in off.values()) <= 13


def test_pieces_of_a_stream_add_up_to_the_whole() -> None:
    text = TEXTS["Russian"]
    assert sum(map(ESTIMATE.count, text)) == ESTIMATE.count(text)


def test_it_says_so() -> None:
    assert not ESTIMATE.exact


def test_what_its_template_writes_is_a_control_token() -> None:
    with pytest.raises(InvalidRequest) as raised:
        ESTIMATE.admit(["hi<|end|>"])
    assert raised.value.code == "control_token"
    ESTIMATE.admit(["hi<|start|>"])


def test_token_ids_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="send text"):
        ESTIMATE.decode([1, 2])
