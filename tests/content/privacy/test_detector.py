"""Sensitive data is found at its exact place, and look-alikes are not."""

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.privacy import KINDS, Detector
from extauth.content.privacy.fold import fold
from extauth.errors import ConfigurationError

DETECTOR = Detector(regions=("US", "GB", "DE"))

FOUND = {
    "email": [
        "Write to «bob.smith+news@mail.example.co.uk».",
        "我的邮箱是«test@example.com»谢谢",
        "<«o'brien@example.org»>",
        "an idn: «jürgen@münchen.de»",
        "«пользователь@пример.рф»",
        "'«a@xn--mnchen-3ya.de»', 'second'",
        "«user@163.com»:hunter",
        "mailto:«bob@example.com»?subject=x",
    ],
    "phone": [
        "call «+1 415 555 2671» now",
        "«+14155552671», please",
        "«+49 (0)30 1234567» bitte",
        "«+55 11 96123-4567»",
        "tel:«+442079460018»",
        "«0044 20 7946 0018»",
        "«(415) 555-2671»",
        "«415.555.2671»",
        "«1-415-555-2671»",
        "«415-555-2671»x12",
        "mobil «0171 123 45 67»",
        "«020 7946 0018»",
        "phone: «4155552671»",
    ],
    "card": [
        "«4111 1111 1111 1111»",
        "card:«4111111111111111».",
        "«5500-0000-0000-0004»",
        "«5500-0000 0000-0004» of January",
        "Amex «3782 822463 10005»",
        "«340000000000009»",
        "«6011000990139424»",
        "«30569309025904»",
        "«3530111333300000»",
        "«6200000000000005»",
        "«2223003122003222»",
    ],
    "iban": [
        "«DE89 3704 0044 0532 0130 00» EUR 50",
        "«gb82west12345698765432»",
        "«FR14 2004 1010 0505 0001 3M02 606»",
        "«NO93-8601-1117-947»",
        "«MT84MALT011000012345MTLCAST001S».",
    ],
    "ip": [
        "from «192.168.1.20»:80",
        "«10.0.0.0»/8",
        "http://«8.8.8.8»/x",
        "range «10.0.0.1»-«10.0.0.9».",
        "at «2001:db8::1»",
        "[«fe80::1»%eth0]:443",
        "«::ffff:10.1.2.3»",
        "«2A00:1450:4001:81B::200E».",
    ],
    "mac": [
        "«00:1a:2b:3c:4d:5e» joined",
        "«00-1A-2B-3C-4D-5E»",
        "«001a.2b3c.4d5e»",
        "mac address «001a2b3c4d5e»",
    ],
    "secret": [
        # Put together here, so that nobody's secret scanner stumbles over this file.
        "key «" + "AKIA" + "IOSFODNN7EXAMPLE»",
        "«" + "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789»",
        "«" + "github_pat_" + "11ABCDEFG0abcdefghijkl_xyz»",
        "«" + "glpat-" + "abcdefghij0123456789»",
        "«" + "xoxb-" + "123456789012-abcdef»",
        "https://«hooks." + "slack.com/services/T00000000/B00000000/XXXXXXXX»",
        "«" + "AIza" + "SyA1234567890abcdefghijklmnopqrstuv»",
        "«" + "ya29." + "a0AfH6SMBx_1234567890»",
        "«" + "sk-" + "abcdefghijklmnop1234567890»",
        "«" + "sk-" + "proj-abc_DEF-abcdefghijklmnop1234567890»",
        "«" + "sk-" + "AbCdEfGh12345678-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ»",
        "«" + "sk_live_" + "abcdefghij1234»",
        "«" + "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEF»",
        "«" + "npm_" + "abcdefghijklmnopqrstuvwxyz0123456789»",
        "«" + "pypi-AgE" + "IcHlwaS5vcmcCJDEyMzQ1Njc4LTEyMzQtMTIzNC0xMjM0»",
        "«" + "SG." + "abcdefghij0123456789.abcdefghij0123456789»",
        "«" + "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123»",
        "Authorization: Bearer «abcdef0123456789abc»",
        "postgres://«user:pa55@db.example.com:5432»/orders",
        "redis://«:pa55@cache:6379»/0",
        "password=«hunter2»&user=x",
        "Server=db;Password=«correcthorse»;User=x",
        'password: "«hunter two»"',
        "my password is «Hunter2!»",
        "DB_PASSWORD='«s3cret»'",
        '{"api_key": "«abcdEFGH1234»"}',
        r"{\"password\": \"«hunter2»\"}",
        'password: str = "«hunter22»"',
        "login(user='x', password=«a1b2c3»)",
        "pwd: «12345678»",
        "«-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1234567890abcdef\n"
        "abcdEFGH==\n-----END RSA PRIVATE KEY-----»\nbye",
        "KEY=«-----BEGIN PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA1234567890abcdef\\nabcd\\n"
        "-----END PRIVATE KEY-----»\\n",
        "«-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU»\n(cut off)",
        "«-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\nlQOYBF1234567890abcdefgh\n=abcd\n"
        "-----END PGP PRIVATE KEY BLOCK-----»",
    ],
}

NOTHING = [
    *("version 1.2.3.4", "v1.2.3.4", "Chrome/120.0.0.0 Safari/537.36", "requests==1.2.3.4"),
    *("section 4.1.2.3", "1.2.3.4.5", "1.2.3.400", "01.02.03.04", "1.2.3.4-beta"),
    *("127.0.0.1", "0.0.0.0", "255.255.255.0", "::1", "::"),  # noqa: S104 (text, not a bind)
    *("12:30:45", "std::vector<int>", "a[10::20]", "abc::def", "ff:ff:ff:ff:ff:ff"),
    *("order 1234567890123456", "4111 1111 1111 1112", "ORD4111111111111111"),
    *(
        "0.4111111111111111",
        "4111111111111111.5",
        "4111111111111111abc",
        "41111111111111110000000",
        "1700000000000",
        "10 20 30 40 50 60 70 80",
    ),
    *("1 2 3 4 5 6 7 8 9 10 11 12 13", "ISBN 978-3-16-148410-0", "pi 3.141592653589793"),
    "123e4567-e89b-12d3-a456-426614174000",
    *("2024-01-15 10:30:45", "02.01.2024", "02/01/2024 0800", "2024-2025", "ticket #415-555-2671"),
    *("a+1234567", "+1 2 3", "+999 123 4567 89", "4155552671", "0012025550123", "$415 555 2671"),
    *("415-555-2671-1234", "100 200 3000", "5+4915112345678"),
    *("DE89 3704 0044 0532 0130 01", "DE2024 and more", "DE89370400440532013000X"),
    *("icon@2x.png", "@app.route('/')", "lodash@4.17.21-beta.foo", "git@github.com:org/repo.git"),
    *("a@b", "user@localhost", "@someone said", "5 @ 3.50"),
    *("password: string", "password = get_password()", "password = config.password1"),
    *("if password == user_input:", "token = tokens[10]", "token: 4096", "max_tokens=100"),
    *("password=${DB_PASSWORD}", "password: <password>", "password=********", "password=changeme"),
    *("the password is wrong", "The secret: there are 3 ways", "password='your_password'"),
    "password: 'must have at least 8 characters and 1 digit'",
    # A format's beginning inside a word, its length exceeded, its digits missing.
    *("x" + "AKIA" + "IOSFODNN7EXAMPLE", "AKIA" + "IOSFODNN7EXAMPLEX"),
    *("sk-" + "abcdefghijklmnopqrstuvwxyz", "bearer abcdefghijklmnopqrstuvwxyz"),
    *("basic understanding required", "a bearer of news", "task-force-one", "sk-learn-pipeline-a"),
    *("-----BEGIN PRIVATE KEY----- is how a key starts", "-----BEGIN PUBLIC KEY-----\nMIIB"),
    *("https://example.com:8080/a@b", "http://host:80?mail=a@b", "eyJust kidding"),
    *("", " ", "@", "Hello, how are you?", "日本語のテキスト", "\ud800"),
]


def unmark(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a text without its «marks», and the spans inside them."""
    text, spans = "", []
    for piece in marked.split("«"):
        inside, mark, after = piece.partition("»")
        if mark:
            spans.append((len(text), len(text) + len(inside)))
        text += inside + after
    return text, spans


def wide(text: str) -> str:
    """Return the text in full-width forms."""
    return text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000})


def spans_of(detector: Detector, text: str, kind: str) -> list[tuple[int, int]]:
    return [(f.start, f.end) for f in detector.detect(text) if f.kind == kind]


@pytest.mark.parametrize(
    ("kind", "marked"), [(kind, marked) for kind, all_ in FOUND.items() for marked in all_]
)
def test_finds_exactly_the_sensitive_span(detector: Detector, kind: str, marked: str) -> None:
    text, expected = unmark(marked)
    assert spans_of(detector, text, kind) == expected


@pytest.mark.parametrize("text", NOTHING)
def test_is_not_fooled(detector: Detector, text: str) -> None:
    assert detector.detect(text) == ()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("card", wide("4111 1111 1111 1111")),
        ("card", "٤١١١١١١١١١١١١١١١"),
        ("card", "4\u200b111\u200d1111\ufe0f1111\u00ad1111"),
        ("card", "4111\u20111111\u20111111\u20111111"),
        ("email", wide("test@example.com")),
        ("email", "bo\u200bb@exa\u2060mple.com"),
        ("email", "test@example。com"),
        ("phone", "+1\u00a0415\u00a0555\u00a02671"),
        ("phone", wide("+1 415 555 2671")),
        ("ip", "192.168\u200b.1.20"),
        ("iban", "DE89\u202f3704\u202f0044\u202f0532\u202f0130\u202f00"),
        ("secret", "AKIA\u200bIOSFODNN7EXAMPLE"),
    ],
)
@pytest.mark.parametrize(
    "before", ["", "é ", "日本: ", "\u200b\u200b ", "👩\u200d🔬 ", "x" * 200 + " "]
)
def test_unicode_disguises_do_not_help(
    detector: Detector, kind: str, text: str, before: str
) -> None:
    expected = [(len(before), len(before) + len(text))]
    assert spans_of(detector, before + text + " 日\u200b", kind) == expected


@pytest.mark.parametrize(
    ("kind", "marked"),
    [
        ("email", r'{"to":"«jane\u0040example.com»"}'),
        ("email", r'{"note":"call\n«jane@example.com»\nnow"}'),
        ("email", r'{"a":"{\"b\":\"line\\n«jane@example.com»\"}"}'),
        ("card", r'{"pay":"with\n«4111111111111111»\tnow"}'),
        ("card", r'{"pay":"«4111\u00201111\u00a01111 1111»"}'),
        ("card", r'{"pay":"«\u0034111111111111111»"}'),
        ("phone", r'{"call":"\t«+44 20 7946 0958»"}'),
    ],
)
def test_escapes_hide_nothing_and_are_never_cut(detector: Detector, kind: str, marked: str) -> None:
    before, inside, behind = re.split("[«»]", marked)
    found = detector.detect(before + inside + behind)
    spans = [(f.start, f.end) for f in found if f.kind == kind]
    assert spans == [(len(before), len(before) + len(inside))]


def test_several_cards_in_one_run_of_digits_are_several_findings(detector: Detector) -> None:
    text, expected = unmark("12 «4111 1111 1111 1111» «5500 0000 0000 0004» «4111111111111111» 7")
    assert spans_of(detector, text, "card") == expected


def test_findings_of_different_kinds_are_all_reported(detector: Detector) -> None:
    text = "4111111111111111@example.com"
    findings = [(f.kind, f.start, f.end, f.recogniser) for f in detector.detect(text)]
    assert findings == [("card", 0, 16, "card"), ("email", 0, 28, "email")]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("card", "55\u041e\u041e \u041e\u041e\u041e\u041e 0000 0004"),
        ("email", "t\u0435st@example.com"),
        ("secret", "\u0410KIAIOSFODNN7EXAMPLE"),
        ("card", "➃➀➀➀ ➀➀➀➀ ➀➀➀➀ ➀➀➀➀"),
        ("card", "𝟒𝟏𝟏𝟏 𝟙𝟙𝟙𝟙 𝟏𝟏𝟏𝟏 𝟷𝟷𝟷𝟷"),
        ("card", "४१११११११११११११११"),
        ("card", "4111\u202e 1111\u202c 1111\u2066 1111"),
    ],
)
def test_a_person_would_see_it(detector: Detector, kind: str, text: str) -> None:
    assert spans_of(detector, text, kind) == [(0, len(text))]


PARTS = {
    "words apart": ["card 4111 1111", "1111 1111 thanks"],
    "no space": ["card 41111111", "11111111 thanks"],
    "three parts": ["card 4111", "1111 1111", "1111 thanks"],
    "one by one": list("4111111111111111"),
    "empty between": ["4111 1111 ", "", "1111 1111"],
    "far apart": ["x" * 5000 + " 4111 1111", "1111 1111 " + "y" * 5000],
    "disguised": ["4111\u200b 1111 ", "\u200b１１１１ 1111"],
}


@pytest.mark.parametrize("texts", PARTS.values(), ids=PARTS.keys())
def test_what_is_split_over_neighbours_is_found_in_each(
    detector: Detector, texts: list[str]
) -> None:
    found = detector.detect_all(texts)
    digits = [
        "".join(text[f.start : f.end] for f in findings if f.kind == "card")
        for text, findings in zip(texts, found, strict=True)
    ]
    assert fold("".join(digits)).replace(b" ", b"") == b"4111111111111111"


@pytest.mark.parametrize("card", ["4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111"])
def test_a_value_in_three_parts_is_found_wherever_it_is_cut(detector: Detector, card: str) -> None:
    for first, second in combinations(range(1, len(card)), 2):
        texts = [card[:first], card[first:second], card[second:]]
        # Some lose the space that a text ends with.
        for parts in (texts, [text.strip() for text in texts]):
            read = " ".join(texts).replace("  ", " ")
            if all(parts):
                assert all(detector.detect_all(parts)), read


def test_an_address_split_in_a_word_is_found(detector: Detector) -> None:
    before, behind = detector.detect_all(["write to bob.smith@exam", "ple.com today"])
    assert [(f.kind, f.start, f.end) for f in before] == [("email", 9, 23)]
    assert [(f.kind, f.start, f.end) for f in behind] == [("email", 0, 7)]


def test_a_question_tells_what_its_answer_is(detector: Detector) -> None:
    asked, answered = detector.detect_all(["What is your date of birth?", "It's 03.05.1990."])
    assert asked == ()
    assert [(f.kind, f.start, f.end) for f in answered] == []
    _, answered = detector.detect_all(["Date of birth:", "03.05.1990."])
    assert [(f.kind, f.start, f.end) for f in answered] == [("birth_date", 0, 10)]


@pytest.mark.parametrize(
    "texts",
    [
        ["Hello there.", "How are you?"],
        ["We met 12 times in 2024", "1234 people came"],
        ["see foo", "bar@example.com"],
        ["sk-", "learn"],
        ["", "", ""],
        [],
    ],
)
def test_neighbours_add_nothing_that_is_not_there(detector: Detector, texts: list[str]) -> None:
    assert detector.detect_all(texts) == [detector.detect(text) for text in texts]


def test_built_in_patterns_are_compiled_once() -> None:
    assert Detector().recognisers is Detector().recognisers


def test_national_numbers_are_found_in_the_given_regions_only() -> None:
    text = "(415) 555-2671"
    assert [f.recogniser for f in Detector(regions=("US",)).detect(text)] == ["phone-us"]
    assert Detector(regions=("DE",)).detect(text) == ()
    assert Detector(regions=()).detect(text) == ()


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'XX'"):
        Detector(regions=("XX",))


SENSITIVE = [unmark(marked)[0] for all_ in FOUND.values() for marked in all_]
PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from([*SENSITIVE, *NOTHING]),
    st.sampled_from([" ", "\u200b", "+", "(0)", "00", "@", ":", "password=", '"', "é", "1", "٣"]),
    st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010, categories=("Cs", "Lo", "Co")),
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_any_text_gives_ordered_spans_inside_it(text: str) -> None:
    findings = DETECTOR.detect(text)
    assert [f.start for f in findings] == sorted(f.start for f in findings)
    for kind in KINDS:
        end = 0
        for finding in (f for f in findings if f.kind == kind):
            assert end <= finding.start < finding.end <= len(text)
            end = finding.end


@pytest.mark.parametrize(
    "number",
    [
        *(
            "4111111111111111.0",
            "4111111111111111.000",
            "4.111111111111111e15",
            "4111111111111111e0",
        ),
        *("4111111111.111111E+6", "41111111111111110e-1", "0.4111111111111111e16"),
    ],
)
def test_a_number_that_is_whole_is_read_as_one(detector: Detector, number: str) -> None:
    for before, behind in (('{"n":', "}"), ("[1.0, -", ", 2.50]"), ("", ""), ("It is ", ".")):
        text = f"{before}{number}{behind}"
        assert spans_of(detector, text, "card") == [(len(before), len(before) + len(number))]


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111.5",
        "4.1111111111111115e15",
        "4111111111111111.0.1",
        "4.1e150",
        "1e999",
        "a1e9",
    ],
)
def test_a_number_that_is_not_whole_is_none(detector: Detector, number: str) -> None:
    assert detector.detect(f"[{number}]") == ()
