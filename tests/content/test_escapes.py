"""JSON's escapes are undone, and every offset can be mapped back to the text as written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.escapes import DEPTH, Unescaped, escaped, unescaped

pytestmark = pytest.mark.slow

texts = st.text(st.sampled_from('ab"\\/\n\t\x00é中🙂 '), max_size=30)


def string(text: str, *, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


@given(texts, st.booleans())
def test_reads_what_a_reader_of_json_reads(text: str, ascii_only: bool) -> None:
    written = string(text, ascii_only=ascii_only)
    read = Unescaped.of(written)
    assert (read.text if read else written) == text


@given(texts, texts, texts, st.booleans())
def test_what_stands_somewhere_stood_somewhere(
    before: str, middle: str, behind: str, ascii_only: bool
) -> None:
    pieces = [string(text, ascii_only=ascii_only) for text in (before, middle, behind)]
    read = Unescaped("".join(pieces), depth=1)
    start, end = read.offset(len(before)), read.offset(len(before) + len(middle))
    assert "".join(pieces)[start:end] == pieces[1]
    assert read.whole(start, end) == (start, end)


def test_a_span_is_widened_to_the_escapes_that_it_cuts() -> None:
    text = r"a\u0040b\nc"
    read = Unescaped(text)
    assert read.text == "a@b\nc"
    for start in range(2, 7):
        assert read.whole(start, 8) == (1, 8)
    assert read.whole(0, 9) == (0, 10)
    assert read.whole(7, 8) == (7, 8)


def test_the_escapes_of_inner_layers_are_not_cut_either() -> None:
    text = r"a\\nb"
    read = Unescaped(text)
    assert read.inner is not None
    assert read.inner.text == "a\nb"
    assert read.whole(3, 4) == (1, 4)
    assert Unescaped(text, depth=1).whole(3, 4) == (3, 4)


@pytest.mark.parametrize("text", ["", "plain", "C:\\dir", r"\x41 \u12 \q", "\\"])
def test_what_is_no_escape_stays(text: str) -> None:
    assert Unescaped.of(text) is None
    assert unescaped(text) == (text, 0)


def test_half_of_a_pair_is_unreadable() -> None:
    assert unescaped(r"\ud83d\ude00 \ud83d \ude00") == ("😀 \ufffd \ufffd", 1)


def test_layers_are_counted_and_put_back() -> None:
    inner = 'a "quoted"\nline'
    text = escaped(inner, 2)
    assert json.loads(f'"{json.loads(f"{chr(34)}{text}{chr(34)}")}"') == inner
    assert unescaped(text) == (inner, 2)
    assert unescaped(escaped(inner, DEPTH + 1))[1] == DEPTH


@pytest.mark.parametrize("piece", ["\\", r"\n", r"\u0041", r"\\\"a"])
def test_a_megabyte_of_escapes_takes_linear_time(piece: str) -> None:
    # In more than linear time it would take hours, and a test has minutes.
    unescaped(piece * (1_000_000 // len(piece)))
