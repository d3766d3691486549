"""Originals come back, however a model spells their placeholder and wherever a stream is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.privacy import Restorer, StreamRestorer

ORIGINALS = {
    "email_1_k3f9": "bob@example.com",
    "email_12_k3f9": "eve@example.com",
    "secret_2_k3f9": "[EMAIL_1_k3f9]",
    "ip_3_k3f9": "",
}
RESTORER = Restorer(ORIGINALS)


@pytest.mark.parametrize(
    ("answer", "restored"),
    [
        ("Write to [EMAIL_1_k3f9].", "Write to bob@example.com."),
        ("**[EMAIL_1_k3f9]**", "**bob@example.com**"),
        ("[email_1_K3F9] `[Email_12_k3f9]`", "bob@example.com `eve@example.com`"),
        ("[ EMAIL_1_k3f9 ] [EMAIL _ 1 _ k3f9]", "bob@example.com bob@example.com"),
        (r"[EMAIL\_1\_k3f9]", "bob@example.com"),
        ("[[EMAIL_1_k3f9]]([EMAIL_1_k3f9])", "[bob@example.com](bob@example.com)"),
        ("[EMAIL_1_k3f9[EMAIL_1_k3f9]", "[EMAIL_1_k3f9bob@example.com"),
        ("[SECRET_2_k3f9]", "[EMAIL_1_k3f9]"),
        ("<[IP_3_k3f9]>", "<>"),
    ],
)
def test_restores(answer: str, restored: str) -> None:
    assert RESTORER.restore(answer) == restored


@pytest.mark.parametrize(
    "answer",
    [
        *("[EMAIL_2_k3f9]", "[EMAIL_1_aaaa]", "[PHONE_1_k3f9]", "[EMAIL]", "EMAIL_1_k3f9"),
        *("[EMAIL_1_k3f9", "EMAIL_1_k3f9]", "[EMAIL_01_k3f9]", "[EMAIL_1_k3f9\n]", "[]", "["),
        "[EMAIL_1_" + " " * 30 + "k3f9]",
    ],
)
def test_leaves_what_it_did_not_issue(answer: str) -> None:
    assert RESTORER.restore(answer) == answer


def streamed(restorer: Restorer, deltas: list[str]) -> str:
    stream = StreamRestorer(restorer)
    return "".join(map(stream.feed, deltas)) + stream.finish()


def test_holds_back_only_what_could_become_a_placeholder() -> None:
    stream = StreamRestorer(RESTORER)
    assert stream.feed("Hello [") == "Hello "
    assert stream.feed("EMA") == ""
    assert stream.feed("NATION] and [em") == "[EMANATION] and "
    assert stream.feed("ail_1") == ""
    assert stream.feed("_k3f9] x[1] [2") == "bob@example.com x[1] [2"
    assert stream.feed(" [EMAIL_1_k3f8") == " [EMAIL_1_k3f8"
    assert stream.feed(" [email") == " "
    assert stream.finish() == "[email"
    assert stream.finish() == ""


def test_holds_back_no_more_than_the_bound() -> None:
    stream = StreamRestorer(RESTORER)
    assert stream.feed("[EMAIL_12") == ""
    fed, given_back = len("[EMAIL_12"), 0
    for _ in range(100):
        given_back += len(stream.feed(" "))
        fed += 1
        assert fed - given_back <= RESTORER.bound
    assert given_back > 0


@pytest.mark.parametrize("gap", range(24))
def test_whole_and_stream_agree_on_how_long_a_placeholder_may_be(gap: int) -> None:
    answer = f"[EMAIL_{' ' * gap}12_k3f9]"
    restored = RESTORER.restore(answer)
    assert streamed(RESTORER, list(answer)) == restored
    assert restored == (ORIGINALS["email_12_k3f9"] if len(answer) <= RESTORER.bound + 1 else answer)


def test_without_placeholders_everything_passes() -> None:
    nothing = Restorer({})
    assert streamed(nothing, ["[", "[EMAIL_1", "_k3f9]"]) == "[[EMAIL_1_k3f9]"
    assert StreamRestorer(nothing).feed("[") == "["


def test_originals_appear_in_no_repr() -> None:
    assert "@" not in repr(RESTORER)


KEYS = st.from_regex(r"(email|ip|secret)_[1-9][0-9]?_[a-c]{2}", fullmatch=True)
TABLES = st.dictionaries(KEYS, st.text(max_size=8), max_size=6)


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, str], list[str]]:
    """A table of originals, and an answer cut into deltas anywhere."""
    table = draw(TABLES)
    known = st.sampled_from(sorted(table)) if table else KEYS
    placeholder = st.one_of(known, known, KEYS).map(lambda key: f"[{key}]")
    spelled = st.one_of(
        placeholder,
        placeholder.map(str.upper),
        placeholder.map(lambda text: text.replace("_", r"\_")),
        st.builds(
            lambda text, gap: text.replace("_", "_" + " " * gap), placeholder, st.integers(1, 9)
        ),
        placeholder.map(lambda text: text[:-1]),
        placeholder.map(lambda text: text[1:]),
    )
    pieces = draw(
        st.lists(st.one_of(spelled, st.text(max_size=4), st.sampled_from("[]_ \\")), max_size=8)
    )
    text = "".join(pieces)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    bounds = [0, *cuts, len(text)]
    return table, [text[start:end] for start, end in pairwise(bounds)]


@given(answers())
def test_a_stream_is_restored_like_the_whole(answer: tuple[dict[str, str], list[str]]) -> None:
    table, deltas = answer
    restorer = Restorer(table)
    assert streamed(restorer, deltas) == restorer.restore("".join(deltas))
    assert streamed(restorer, list("".join(deltas))) == restorer.restore("".join(deltas))
