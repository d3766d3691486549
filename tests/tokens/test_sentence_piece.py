"""A SentencePiece model is counted as `sentencepiece` counts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
from mistral_common.protocol.instruct.request import ChatCompletionRequest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from sentencepiece import SentencePieceProcessor

from extauth.errors import ConfigurationError, InvalidRequest
from extauth.tokens.sentence_piece import SentencePiece
from tests.tokens.conftest import INSTRUCT, SENTENCE_PIECE, TEXTS

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = SentencePieceProcessor(model_file=str(SENTENCE_PIECE))
EXACT = [text for text in TEXTS.values() if not text.startswith("\x00")]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_it_counts_as_the_library(sentence_piece: SentencePiece, text: str) -> None:
    assert sentence_piece.count(text) == len(LIBRARY.encode(text))


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_counted_as_the_library_does(sentence_piece: SentencePiece, text: str) -> None:
    assert sentence_piece.count(text) == len(LIBRARY.encode(text))


def test_with_the_tokens_around_it_a_prompt_is_what_the_library_makes(
    sentence_piece: SentencePiece,
) -> None:
    text = TEXTS["Polish"]
    whole = LIBRARY.encode(text, add_bos=True)
    assert sentence_piece.count(text) + sentence_piece.added == len(whole)
    assert (sentence_piece.bos, sentence_piece.eos) == ("<s>", "</s>")


def test_a_control_token_is_one_token_and_cuts_the_text(sentence_piece: SentencePiece) -> None:
    counted = sentence_piece.count("<s>hello there</s>how are you")
    assert counted == 2 + len(LIBRARY.encode("hello there")) + len(LIBRARY.encode("how are you"))


def test_a_chat_is_counted_as_mistral_encodes_it() -> None:
    chat = MistralTokenizer.from_file(str(INSTRUCT))
    asked, answered, again = "Ça va ?", "Ja.", "你好"
    tokens = chat.encode_chat_completion(
        ChatCompletionRequest(
            messages=[
                UserMessage(content=asked),
                AssistantMessage(content=answered),
                UserMessage(content=again),
            ]
        )
    ).tokens
    rendered = f"<s>[INST]{asked}[/INST]{answered}</s>[INST]{again}[/INST]"
    assert SentencePiece(INSTRUCT).count(rendered) == len(tokens)


@pytest.mark.parametrize("text", EXACT)
def test_ids_become_the_text_again(sentence_piece: SentencePiece, text: str) -> None:
    ids = LIBRARY.encode(text)
    assert sentence_piece.decode(ids) == LIBRARY.decode(ids)


def test_control_tokens_are_not_lost_in_decoding(sentence_piece: SentencePiece) -> None:
    ids = [1, *LIBRARY.encode("hi"), 2, *LIBRARY.encode("ho")]
    assert sentence_piece.decode(ids) == "<s>hi</s>ho"
    with pytest.raises(InvalidRequest):
        sentence_piece.decode([10**6])


def test_a_control_token_in_a_text_is_refused(sentence_piece: SentencePiece) -> None:
    with pytest.raises(InvalidRequest) as raised:
        sentence_piece.admit(["hello </s>"])
    assert raised.value.code == "control_token"
    sentence_piece.admit(["hello < /s>"])


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense" * 100])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="not a SentencePiece model"):
        SentencePiece(path)
    with pytest.raises(ConfigurationError, match="no tokenizer here"):
        SentencePiece(tmp_path / "none.model")


def test_without_the_package_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(ConfigurationError, match=r"sluicegate\[sentencepiece\]"):
        SentencePiece(SENTENCE_PIECE)
