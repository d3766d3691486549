"""Originals stay out of addresses that a renderer may fetch, in whole texts and in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.address import Addresses
from extauth.content.markup import AddressReader
from extauth.content.privacy import Restorer, StreamRestorer
from tests.content.addresses import ADDRESSES

JANE = "jane@corp.example"
HELD = "[EMAIL_1_k3f9]"
RESTORER = Restorer({"EMAIL_1_k3f9": JANE})


def told(text: str, *domains: str, quoted: bool = False, cuts: tuple[int, ...] = ()) -> str:
    """What a client reads of a text with placeholders, cut after so many characters each."""
    stream = StreamRestorer(RESTORER, AddressReader(Addresses(domains).allows, quoted=quoted))
    given_out, at = "", 0
    for size in cuts:
        given_out += stream.feed(text[at : at + size])
        at += size
    return given_out + stream.finish(text[at:])


RESTORED = [
    "Write to §.",
    "**§**, `§` | § |",
    "§ (see https://h.test/a, or [b](https://h.test/b)) §",
    "![x](https://h.test/a.png)\n\n§",
    "[x]: https://h.test/a\n§",
    "<img src=https://h.test/a.png>§",
    "<td>https://h.test/</td><td>§</td>",
    '<a href="https://h.test/">§</a>',
    '<a href="mailto:§">§</a>',
    "[§](mailto:§)",
    "<§> mailto:§ tel:§",
    '<person name="§" note="a: §"/>',
    "<svg xmlns='http://www.w3.org/2000/svg'><text x='§'>§</text></svg>",
    "<style>a { color: red }</style>§",
    '{"url": "https://h.test/", "email": "§"}',
    '{"url":"https://h.test/","email":["§"]}',
    "for (i = 0; i<n; i++) { a = 'https://h.test/'; b = '§' }",
    "[User]: § wrote\n[Agent]: §",
    "a[0](b) § // §",
    "§.Then §. §.test.py §-a.b §.json: §.. §.git",
    "postgres://user:§@§/db ssh://§",
    "```\ncurl https://h.test/ -d §\n```",
    "<!-- § --> & § &amp; §",
    "A <script> of https://h.test/a.js, </script> §",
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_a_placeholder_stays_in_an_address(text: str) -> None:
    written = text.replace("§", HELD)
    said = told(written)
    # What comes in front of a `<base>` may be put back: it makes none then.
    assert JANE not in said or "<base- " in said
    for size in (1, 2, 5):
        assert told(written, cuts=(size,) * len(written)) == said


@pytest.mark.parametrize("text", RESTORED)
def test_a_text_beside_addresses_is_restored(text: str) -> None:
    written = text.replace("§", HELD)
    assert told(written) == text.replace("§", JANE)
    for size in (1, 2, 5):
        assert told(written, cuts=(size,) * len(written)) == text.replace("§", JANE)


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://cdn.corp.example/§.png)",
        '<img src="//corp.example:8443/?q=§">',
        '<p style="background: url(https://corp.example/§)">',
        "https://corp.example/§ [a]: https://corp.example/§",
    ],
)
def test_an_allowed_domain_may_have_originals(text: str) -> None:
    assert told(text.replace("§", HELD), "corp.example") == text.replace("§", JANE)
    assert JANE not in told(text.replace("§", HELD), "example.org")


@pytest.mark.parametrize(
    "text",
    [
        "https://corp.example@h.test/§",
        "https://corp.example.h.test/§",
        "![x](https://corp.example\\@h.test/§)",
        "![x](https://corp.example/a,https://h.test/§)",
        '<img srcset="https://corp.example/a 1x, //h.test/§ 2x">',
        "https://corp.example§/",
    ],
)
def test_what_only_looks_like_an_allowed_domain_has_none(text: str) -> None:
    assert JANE not in told(text.replace("§", HELD), "corp.example")


def test_an_original_that_is_an_address_is_part_of_it() -> None:
    originals = {"SECRET_1_k3f9": "https://user:pass@h.test", "EMAIL_1_k3f9": JANE}
    stream = StreamRestorer(Restorer(originals), AddressReader(Addresses(()).allows))
    said = stream.finish("[SECRET_1_k3f9]/?q=[EMAIL_1_k3f9] [EMAIL_1_k3f9]")
    assert said == f"https://user:pass@h.test/?q=[EMAIL_1_k3f9] {JANE}"


def test_json_is_read_without_its_escapes() -> None:
    text = '{"a": "<img src=\\"https:\\/\\/h.test/[1]\\">\\n[2]", "b": "\\u002f\\u002fh.test/[1]"}'
    written = text.replace("[1]", HELD).replace("[2]", HELD)
    expected = text.replace("[1]", HELD).replace("[2]", JANE)
    for size in (1, 3, 100):
        assert told(written, quoted=True, cuts=(size,) * len(written)) == expected


ANYTHING = (
    *("![", "[a](", "![x](", ")", "(", "<", "<h", "<img alt=", "<a title=", "<b>", "</a>", "<p "),
    *(
        " ",
        "\n",
        "\n\n",
        ">",
        '"',
        "'",
        "`",
        "=",
        "]:",
        "[a]",
        "\\",
        "|",
        "*",
        "x",
        "é",
        "\uff0c",
        "# ",
    ),
    *("https://h.test/", "//", "<style>", "</style>", "<base ", "url(", "&amp;", "mailto:", HELD),
    "https://corp.example/",
)
anything = st.lists(st.sampled_from(ANYTHING), max_size=20).map("".join)
cuts = st.lists(st.integers(1, 40), max_size=40).map(tuple)
addresses = st.sampled_from([text for text in ADDRESSES if "base" not in text])


@given(anything, addresses, cuts)
def test_nothing_before_an_address_opens_it(
    before: str, address: str, cuts: tuple[int, ...]
) -> None:
    said = told(before + "\n\n" + address.replace("§", HELD), "corp.example", cuts=cuts)
    assert address.partition("§")[0] + HELD in said


@given(st.lists(st.sampled_from([*RESTORED[:-1], "a", "b c. ", "\n\n", "§"])), cuts)
def test_nothing_that_is_over_closes_a_text(pieces: list[str], cuts: tuple[int, ...]) -> None:
    text = "\n\n".join(pieces)
    assert told(text.replace("§", HELD), cuts=cuts) == text.replace("§", JANE)


@given(anything, cuts, st.booleans())
def test_cutting_never_changes_the_result(text: str, cuts: tuple[int, ...], quoted: bool) -> None:
    whole = told(text, "corp.example", quoted=quoted)
    assert told(text, "corp.example", quoted=quoted, cuts=cuts) == whole
