"""Folding keeps every offset."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.privacy.fold import fold, offsets


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
    ],
)
@pytest.mark.parametrize("padding", ["", " " * 500], ids=["dense", "sparse"])
def test_folds(text: str, folded: bytes, padding: str) -> None:
    assert fold(padding + text) == padding.encode() + folded


@given(st.text(st.characters(categories=("L", "N", "P", "M", "Z", "C"))))
def test_one_byte_for_each_offset(text: str) -> None:
    folded, kept = fold(text), offsets(text)
    assert len(folded) == len(kept)
    assert kept == sorted(set(kept))
    for byte, at in zip(folded, kept, strict=True):
        if text[at].isascii():
            assert byte == ord(text[at])
        elif text[at].isdecimal():
            assert byte - ord("0") == unicodedata.decimal(text[at])
    assert (len(folded) == len(text)) == (kept == list(range(len(text))))
