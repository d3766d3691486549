"""What may be shown of a growing answer: whole characters, and nothing of a stop string."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_triton.output import StopFilter, Utf8Stream

pytestmark = pytest.mark.slow

# Few letters, so that stop strings, and their beginnings, turn up often.
TEXT = st.text("abc", max_size=30)
STOPS = st.lists(st.text("abc", min_size=1, max_size=4), max_size=3)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


@given(st.binary(max_size=40), st.lists(st.integers(0, 40)))
def test_the_characters_are_those_of_all_bytes_at_once(data: bytes, cuts: list[int]) -> None:
    stream = Utf8Stream()
    text = "".join(stream.feed(piece) for piece in pieces(data, cuts)) + stream.close()
    assert text == data.decode("utf-8", "replace")


@given(st.text(max_size=20))
def test_a_character_is_released_with_its_last_byte(text: str) -> None:
    stream = Utf8Stream()
    released = [stream.feed(bytes([byte])) for byte in text.encode()]
    assert [piece for piece in released if piece] == list(text)
    assert stream.close() == ""


def expected(text: str, stops: list[str]) -> tuple[str, bool]:
    """The text up to the stop string that is complete first; of two, the longer one."""
    for end in range(len(text) + 1):
        lengths = [len(stop) for stop in stops if text[:end].endswith(stop)]
        if lengths:
            return text[: end - max(lengths)], True
    return text, False


@given(TEXT, STOPS, st.lists(st.integers(0, 30)))
def test_text_is_released_up_to_the_first_stop_string_however_it_is_cut(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    guard = StopFilter(stops)
    shown = "".join(guard.feed(piece.decode()) for piece in pieces(text.encode(), cuts))
    stopped = guard.stopped
    assert (shown + guard.close(), stopped) == expected(text, stops)


@given(TEXT, STOPS)
def test_nothing_is_held_back_that_cannot_become_a_stop_string(text: str, stops: list[str]) -> None:
    guard = StopFilter(stops)
    shown = guard.feed(text)
    held = guard.close()
    if not guard.stopped:
        assert shown + held == text
        assert not held or any(stop.startswith(held) for stop in stops)


def test_after_a_stop_string_nothing_is_released() -> None:
    guard = StopFilter(["."])
    assert guard.feed("One. Two") == "One"
    assert guard.feed(" Three") == ""
    assert guard.close() == ""
