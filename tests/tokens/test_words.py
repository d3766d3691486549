"""Counted word by word, a text has as many tokens as it has for the model as a whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, models, pre_tokenizers, trainers

from extauth.tokens.tokenizer_json import TokenizerJson
from extauth.tokens.words import Words, splits_at_spaces

CHAT = Path(__file__).parents[2] / "triton/models/chat/tokenizer.json"
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = LLAMA_3.replace("{1,3}", "")
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def split(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), BYTES])


KNOWN: dict[str, pre_tokenizers.PreTokenizer] = {
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "llama-3": split(LLAMA_3),
    "qwen-2": split(QWEN_2),
    "digits": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    ),
}


def trained(cuts: pre_tokenizers.PreTokenizer) -> tokenizers.Tokenizer:
    """A model with tokens for runs of spaces, line ends and digits."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cuts
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|end|>", "<|user|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = "it's  a   11 222 3333 \n\n  test \t é\u00a0é ...\n\n don't  \u3000 say\r\n\r\n so! "
    tokenizer.train_from_iterator([text] * 4, trainer)
    return tokenizer


@pytest.fixture(scope="module", params=KNOWN)
def counted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tokenizers.Tokenizer, TokenizerJson]:
    whole = trained(KNOWN[request.param])
    path = tmp_path_factory.mktemp("tokens") / "tokenizer.json"
    whole.save(str(path))
    assert splits_at_spaces(path.read_text())
    return whole, TokenizerJson(path)


PIECES = [
    *(
        "<|end|>",
        "<|user|>",
        "<|",
        " ",
        "  ",
        " \n",
        "\n ",
        "\t",
        "\r\n",
        "\x1c",
        "\u00a0",
        "\u3000",
    ),
    *("'s", " 's", "'", "it", " it", "1", "22", "333", "4444", " 1", "é", "\u0301", " \u0301"),
    *("...", " ...", "!", "\0", " \0it", "日本", "👩‍🔬"),
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20)), max_size=30))
def test_words_add_up_to_the_whole(
    counted: tuple[tokenizers.Tokenizer, TokenizerJson], pieces: list[str]
) -> None:
    text = "".join(pieces)
    whole, tokenizer = counted
    exact = len(whole.encode(text, add_special_tokens=False).ids)
    assert [tokenizer.count(text), tokenizer.count(text)] == [exact, exact]


@pytest.fixture
def asked() -> list[str]:
    """Texts that a tokenizer was asked to count."""
    return []


@pytest.fixture
def words(asked: list[str]) -> Words:
    """Words with a tokenizer for which each character is a token."""

    def tokenize(text: str) -> int:
        asked.append(text)
        return len(text)

    return Words(tokenize)


def test_a_long_text_of_new_words_is_counted_at_once_and_learned(
    words: Words, asked: list[str]
) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    assert words.count(text) == len(text)
    assert text in asked
    asked.clear()
    assert words.count(f"word0 {text}") == len(f"word0 {text}")
    assert asked == [f" word{number}" for number in (0, *range(32, 40))]
    asked.clear()
    assert words.count(f"word0 word1 {text}") == len(f"word0 word1 {text}")
    assert not asked


def test_a_text_that_comes_again_is_not_read_again(words: Words, asked: list[str]) -> None:
    text = " ".join(f"said{number}" for number in range(40))
    words.count(text)
    for number in range(20_000):
        words.count(f"other{number}")
    asked.clear()
    assert words.count(text) == len(text)
    assert not asked


def test_what_is_remembered_is_bounded_and_no_text(words: Words) -> None:
    for number in range(20_000):
        words.count(f"secret{number}")
        words.count(f"{number:064}")
    assert 0 < len(words._counts) <= 16_384
    assert 0 < len(words._texts) <= 4_096
    assert all(isinstance(name, int) for name in (*words._counts, *words._texts))


@pytest.mark.parametrize(
    "cuts",
    [
        None,
        pre_tokenizers.ByteLevel(add_prefix_space=True),
        BYTES,
        pre_tokenizers.Digits(),
        pre_tokenizers.Metaspace(),
        pre_tokenizers.Split(Regex(r"\s+"), "isolated"),
        pre_tokenizers.Split(Regex(LLAMA_3), "merged_with_next"),
        pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
    ],
)
def test_another_kind_of_tokenizer_counts_the_whole(
    cuts: pre_tokenizers.PreTokenizer | None,
) -> None:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    if cuts is not None:
        tokenizer.pre_tokenizer = cuts
    assert not splits_at_spaces(tokenizer.to_str())


@pytest.mark.parametrize(
    ("field", "value"),
    [("normalizer", {"type": "NFC"}), ("model", {"type": "Unigram"})],
)
def test_neither_does_one_that_changes_text_or_is_no_byte_pair_model(
    field: str, value: object
) -> None:
    tokenizer = json.loads(trained(KNOWN["gpt-2"]).to_str())
    assert splits_at_spaces(json.dumps(tokenizer))
    assert not splits_at_spaces(json.dumps(tokenizer | {field: value}))


def test_the_models_that_ship_are_counted_by_words() -> None:
    assert splits_at_spaces(CHAT.read_text())
