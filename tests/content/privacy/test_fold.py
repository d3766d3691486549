"""Folding keeps every offset."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.privacy.fold import fold, fold_letters, fold_pages, offsets


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain ASCII\x00\n", b"plain ASCII\x00\n"),
        ("\uff11\uff12٣४\U0001d7d3①", b"123451"),
        ("\uff21\uff5a\uff20\uff0e\uff0d", b"Az@.-"),
        ("a\u200bb\u00adc\ufeffd\ufe0f", b"abcd"),
        ("e\u0301", b"e"),
        ("éЯω", b"\xe9\xe9\xe9"),
        ("10² m", b"10\x1f m"),
        ("日本👍", b"\x1f\x1f\x1f"),
        ("\u00a0\u2003\u2011\u2212", b"  --"),
        ("\ud800\U000e0041\U000f0000", b"\x1f\x1f"),
        ("❶⓵⑴⒈➀", b"11111"),
        ("🅰🅐🄰⒜ᴀ", b"AAAaA"),
        # Look-alikes, in words that mix them with ASCII only.
        ("p\u0430ypal \u0410KIA \u041c\u04201234567", b"paypal AKIA MP1234567"),
        ("4\u041e\u041e\u041e \u041e\u041e\u041e\u041e \u041e\u041e\u041e3", b"4000 0000 0003"),
        ("12\u04173 \u04316\u0431\u0431", b"1233 6666"),
        (
            "Привет АОЕ, 5ος, 10ο, ООО",
            b"\xe9" * 6 + b" \xe9\xe9\xe9, 5\xe9\xe9, 10\xe9, \xe9\xe9\xe9",
        ),
        ("2024г", b"2024\xe9"),
        # Words that tell what stands beside them.
        ("дата рождения: 1", b"         born: 1"),
        ("生年月日1", b"dob:1"),
        ("生年月日 1", b"born 1"),
        ("пароль картел.", b"   pwd " + b"\xe9" * 6 + b"."),
    ],
)
@pytest.mark.parametrize("padding", ["", " " * 5000], ids=["dense", "sparse"])
@pytest.mark.parametrize("plane", ["", "\U0001f600"], ids=["basic", "astral"])
def test_folds(text: str, folded: bytes, padding: str, plane: str) -> None:
    assert fold(padding + text + " " + plane) == padding.encode() + folded + b" " + b"\x1f" * len(
        plane
    )


def test_pages_fold_as_characters_do() -> None:
    for first in range(0, 0x10000, 0x400):
        text = "".join(map(chr, range(first, first + 0x400)))
        one_by_one = b"".join(map(fold_pages, text))
        assert fold_pages(text) == one_by_one


@pytest.mark.parametrize("codec", ["latin-1", "cp1252", "cp1250", "cp1251"])
def test_code_pages_fold_as_characters_do(codec: str) -> None:
    text = bytes(range(256)).decode(codec, "ignore")
    # Ideographs are in none of these pages, so that the other ways are taken.
    assert [fold_letters(char) for char in text] == [
        fold_letters(char + "国")[:-1] for char in text
    ]
    assert fold_letters(text + " ") == fold_letters(text + " 国")[:-1]


@given(st.text(st.characters(categories=("L", "N", "P", "M", "Z", "C"))))
def test_one_byte_for_each_offset(text: str) -> None:
    folded, kept = fold_letters(text), offsets(text)
    assert len(fold(text)) == len(folded)
    assert len(folded) == len(kept)
    assert kept == sorted(set(kept))
    for byte, at in zip(folded, kept, strict=True):
        if text[at].isascii():
            assert byte == ord(text[at])
        elif text[at].isdecimal():
            assert byte - ord("0") == unicodedata.decimal(text[at])
    assert (len(folded) == len(text)) == (kept == list(range(len(text))))
