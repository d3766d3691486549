"""Originals are restored however a model spells their placeholder and wherever a stream is cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.privacy import Restorer, StreamRestorer
from extauth.content.privacy.restorer import SLACK

ORIGINALS = {
    "email_1_k3f9": "bob@example.com",
    "email_12_k3f9": "eve@example.com",
    "secret_2_k3f9": "[EMAIL_1_k3f9]",
    "ip_3_k3f9": "",
    "bank_account_4_k3f9": "12345678",
}
RESTORER = Restorer(ORIGINALS)


SPELLED = [
    ("Write to [EMAIL_1_k3f9].", "Write to bob@example.com."),
    ("**[EMAIL_1_k3f9]**", "**bob@example.com**"),
    ("[email_1_K3F9] `[Email_12_k3f9]`", "bob@example.com `eve@example.com`"),
    ("[ EMAIL_1_k3f9 ] [EMAIL _ 1 _ k3f9]", "bob@example.com bob@example.com"),
    (r"[EMAIL\_1\_k3f9] \[EMAIL\_1\_k3f9\]", "bob@example.com bob@example.com"),
    ("[EMAIL_1_\nk3f9] [EMAIL-1-k3f9] [EMAIL 1 k3f9]", " ".join(["bob@example.com"] * 3)),
    ("[**EMAIL_1_k3f9**] [`EMAIL_1_k3f9`]", "bob@example.com bob@example.com"),
    ("[E\u200bMAIL\u00ad_1_k3f9]", "bob@example.com"),
    ("\uff3bEMAIL_1_k3f9\uff3d \u3010EMAIL_1_k3f9\u3011", "bob@example.com bob@example.com"),
    ("［ＥＭＡＩＬ＿１＿ｋ３ｆ９］", "bob@example.com"),
    ("&#91;EMAIL_1_k3f9&#93; &lsqb;EMAIL&#95;1_k3f9&rsqb;", "bob@example.com bob@example.com"),
    (
        "EMAIL_1_k3f9, (EMAIL_1_k3f9) <EMAIL_12_k3f9>",
        "bob@example.com, (bob@example.com) <eve@example.com>",
    ),
    (
        "_EMAIL_1_k3f9_ *EMAIL_1_k3f9* `EMAIL_1_k3f9`",
        "_bob@example.com_ *bob@example.com* `bob@example.com`",
    ),
    ("[EMAIL_1_k3f9 and EMAIL_1_k3f9]", "[bob@example.com and bob@example.com]"),
    ("[[EMAIL_1_k3f9]]([EMAIL_1_k3f9])", "[bob@example.com](bob@example.com)"),
    ("[EMAIL_1_k3f9](mailto:EMAIL_1_k3f9)", "[bob@example.com](mailto:bob@example.com)"),
    ("[EMAIL_1_k3f9](EMAIL_12_k3f9)", "[bob@example.com](eve@example.com)"),
    ("[EMAIL_1_k3f9[EMAIL_1_k3f9]", "[bob@example.combob@example.com"),
    ("[BANK_ACCOUNT_4_k3f9] bank account 4 k3f9", "12345678 12345678"),
    ("[SECRET_2_k3f9]", "[EMAIL_1_k3f9]"),
    ("<[IP_3_k3f9]>", "<>"),
]


@pytest.mark.parametrize(("answer", "restored"), SPELLED)
def test_restores_however_it_is_spelled(answer: str, restored: str) -> None:
    assert RESTORER.restore(answer) == restored
    for size in range(1, len(answer)):
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
        assert streamed(RESTORER, pieces) == restored


@pytest.mark.parametrize(
    "answer",
    [
        *("[EMAIL_2_k3f9]", "[EMAIL_1_aaaa]", "[PHONE_1_k3f9]", "[EMAIL]", "EMAIL_3_k3f9"),
        *("[EMAIL_01_k3f9]", "[EMAIL_1]", "[EMAIL_1_k3f]", "[]", "[", "&", "&#9", "\\", "k3f9"),
        *("EMAIL_1_k3f9a", "mEMAIL_1_k3f9", "EMAIL_1_k3f92", "[EMAIL_1_k3f99]", "[1_k3f9]"),
        "[EMAIL_1_" + " " * 60 + "k3f9]",
    ],
)
def test_leaves_what_it_did_not_issue(answer: str) -> None:
    assert RESTORER.restore(answer) == answer
    assert streamed(RESTORER, list(answer)) == answer


@pytest.mark.parametrize(
    "text",
    [
        *(
            "bob@example.com(home)",
            "[bob@example.com]",
            r"\bob@example.com\]",
            "[ bob@example.com ]",
        ),
        *("bob@example.com(mailto:bob@example.com)", "xbob@example.comx", "[bob@example.com"),
        *("EMAIL 1 bob@example.com", "[EMAIL_1_bob@example.com]", "&#91;bob@example.com&#93;"),
    ],
)
def test_what_a_masker_wrote_is_restored_exactly(text: str) -> None:
    masked = text.replace("bob@example.com", "[EMAIL_1_k3f9]")
    assert RESTORER.restore(masked) == text
    assert streamed(RESTORER, list(masked)) == text


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
    assert stream.feed(" and so on, EMAIL_1") == " and so on, "
    assert stream.feed("_k3f9") == ""
    assert stream.feed(" [email") == "bob@example.com "
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


@pytest.mark.parametrize("gap", range(SLACK + 2))
def test_whole_and_stream_agree_on_how_much_may_stand_inside(gap: int) -> None:
    restorer = Restorer({"EMAIL_12_k3f9": "eve@example.com"})
    answer = f"[EMAIL_12{' ' * gap}k3f9]"
    restored = restorer.restore(answer)
    assert streamed(restorer, list(answer)) == restored
    fits = len(answer.strip("[]")) <= len("email12k3f9") + SLACK
    assert restored.strip("[]") == ("eve@example.com" if fits else answer.strip("[]"))


def test_long_answers_without_placeholders_are_passed_at_a_glance() -> None:
    answer = "Every email in the example is escaped. " * 60
    assert RESTORER.restore(answer) == answer
    assert RESTORER.restore(answer + "[EMAIL_1_k3f9") == answer + "[bob@example.com"


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
    """Draw a table of originals, and an answer cut into deltas anywhere."""
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
        placeholder.map(lambda text: text[1:-1]),
        placeholder.map(lambda text: f"\\[{text[1:-1]}\\]"),
        placeholder.map(lambda text: f"&#91;{text[1:-1]}&#93;"),
        placeholder.map(lambda text: f"{text}(mailto:{text[1:-1]})"),
        placeholder.map(lambda text: f"{text}({text})"),
    )
    pieces = draw(
        st.lists(st.one_of(spelled, st.text(max_size=4), st.sampled_from("[]_ \\&(a")), max_size=8)
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
