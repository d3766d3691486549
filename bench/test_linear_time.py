"""No text takes more than time linear in its length, whatever it is made of."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

import pytest

from extauth.content.escapes import unescaped
from extauth.content.guard import LinkFilter
from extauth.content.guard.scorer import Scorer
from extauth.content.guard.unseen import decoded
from extauth.content.markup import AddressReader
from extauth.content.openings import no_domain
from extauth.content.privacy import Detector, Restorer, StreamRestorer
from extauth.content.privacy.fold import fold

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.content.privacy.recogniser import Recogniser

RECOGNISERS = Detector().recognisers

SMALL, LARGE = 1 << 13, 1 << 16
LINEAR = 3.0
"""The factor beyond eight by which eight times the text may take longer, on a busy machine."""

SEEDS = [
    *("a", "1", "1 ", "A ", "a@", "a@a.", "é ", "\x1f", "\n", "-", "{", "'", '"', "://a:b@", "eyJ"),
    *("eyJaaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nA: b\n"),
    *("password", "password=", "password='", "password is ", "token: ", "name: password\nvalue: "),
    *("born ", "born 1", "1 may ", "né le ", "b: ", "1990-01-01 ", "生年月日", "год рождения "),
    *("12 Main ", "1 A ", "1 rue de ", "Calle A ", "Straße 1 ", "ul. A 1 ", "Rua A, ", "Via A "),
    *("curl -u ", "mysql -p", "&sig=", "sk-a", "ghp_", "SG.a.", ".atlasv1.", "12345678:AA"),
    *("+1", "00 1", "4111 ", "4111-", "1.1.1.", "::", "ab:", "DE00 ", "1А", "аa", "4О"),
    *("AB 12 34 ", "1 A 1 ", "A1-", "1.1-1/", "passport A1", "account 123456", "12345678A "),
    *(
        "00:1b:",
        "00-1b-",
        "mac ",
        "1A1zP1eP5Q",
        "bc1q",
        "0x0",
        "btc 1A",
        "P<UTO",
        "7408122F1204159",
    ),
    *("tel 1 ", "t: 1-", "P.O. Box 1 ", "password a1!", "Laan van A ", "aA Street 1 "),
]

PIECES = [
    *(
        "1",
        "1 ",
        "1-",
        "1.",
        "a",
        "aA",
        "A1",
        "A 1 ",
        "1a ",
        "éA ",
        "a.",
        "a@",
        "=a",
        "://a:",
        "a:",
    ),
    *("sk-a", "key ", "1A1z", "<", "A\n", "\\n", "eyJa.", '"a"'),
]
"""Texts that a pattern may be slow at when they are repeated."""


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def seconds(detector: Detector, text: str) -> float:
    begun = time.thread_time()
    detector.detect(text)
    return time.thread_time() - begun


def spent(recogniser: Recogniser, data: bytes) -> float:
    begun = time.thread_time()
    for _ in recogniser.find(data):
        pass
    return time.thread_time() - begun


def assert_linear(detector: Detector, seed: str) -> None:
    short, long = ((seed * (size // len(seed) + 1))[:size] for size in (SMALL, LARGE))
    for _ in range(3):
        spent = min(seconds(detector, short) for _ in "ab")
        if seconds(detector, long) <= LINEAR * LARGE / SMALL * max(spent, 0.001):
            return
    raise AssertionError(f"{seed!r} takes more than linear time in three attempts")


@pytest.mark.parametrize("seed", SEEDS, ids=ascii)
def test_repetition_takes_linear_time(detector: Detector, seed: str) -> None:
    assert_linear(detector, seed)


@pytest.mark.parametrize("recogniser", RECOGNISERS, ids=lambda one: f"{one.kind}-{one.name}")
def test_no_recogniser_takes_more_than_linear_time(recogniser: Recogniser) -> None:
    for piece in PIECES:
        data = fold(piece * (SMALL // len(piece)))
        for _ in range(3):
            once = min(spent(recogniser, data) for _ in range(2))
            twice = min(spent(recogniser, data + data) for _ in range(2))
            # Twice the text: twice the time, where a square would be four times.
            if twice <= 3 * max(once, 0.0005):
                break
        else:
            raise AssertionError(f"{piece!r} takes more than linear time in three attempts")


PROSE = {
    "English": "The committee met on Tuesday, 12 of 20 came; costs fell by 4.5% (page 3). ",
    "German": "Die Besprechung über die neuen Räume ist später, der größte Saal ist belegt. ",
    "French": "L'été dernier, les élèves ont visité le musée où sont des œuvres célèbres. ",
    "Russian": "Заседание комитета было перенесено на вторник, потому что зал занят. ",
    "Chinese": "会议改到了星期二，因为最大的会议室已经被占用了。",
    "code": "for row in rows:\n    total += row['price'] * 1.19  # VAT\n",
}


@pytest.mark.parametrize("prose", PROSE.values(), ids=PROSE.keys())
def test_four_kilobytes_of_prose_take_150_microseconds_at_most(
    detector: Detector, prose: str
) -> None:
    text = (prose * 4096)[: 4096 * len(prose) // len(prose.encode())]
    assert detector.detect(text) == ()
    # The quickest of many: a busy machine makes others slow, and none quicker.
    assert min(seconds(detector, text) for _ in range(500)) <= 150e-6


def test_a_megabyte_of_prose_takes_linear_time(detector: Detector) -> None:
    prose = (PROSE["English"] * (1 << 14))[: 1 << 20]
    small = min(seconds(detector, prose[: 1 << 17]) for _ in range(5))
    assert min(seconds(detector, prose) for _ in range(5)) <= LINEAR * 8 * small


def test_noise_takes_linear_time_too(detector: Detector) -> None:
    random = Random(7)  # noqa: S311 - noise, no secrets
    alphabet = "".join(SEEDS) + "0123456789abcdefghijklmnopqrstuvwxyz \n.,:;=/@-_+"
    assert min(seconds(detector, "".join(random.choices(alphabet, k=LARGE))) for _ in "ab") < 1


def test_many_small_texts_take_as_long_as_one(detector: Detector) -> None:
    words = ["4111 1111 ", "password: ", "born ", "hunter2 ", "12 Main Street "] * 2000
    begun = time.thread_time()
    detector.detect_all(words)
    assert time.thread_time() - begun < 3


def _links(text: str) -> str:
    links = LinkFilter("strip")
    return links.feed(text) + links.finish()


def _marks(text: str) -> str:
    links = LinkFilter("strip", ("example.com",))
    return links.feed(text) + links.finish()


def _restored(text: str) -> str:
    restorer = Restorer({"EMAIL_1_k3f9": "jane@example.com"})
    return StreamRestorer(restorer, AddressReader(no_domain)).finish(text)


@pytest.mark.parametrize(
    ("read", "piece"),
    [
        *[
            (_marks, piece)
            for piece in (
                "<a b='c' ",
                "](",
                "]: <",
                '<n x="',
                "<style>a ",
                "<p a=//h ",
                "&#0",
                "\\",
            )
        ],
        *[
            (_restored, piece)
            for piece in (
                *("<a b='c' ", "](", "]: <", '<n x="', "<style>a ", "https://h/", "&#0"),
                *("[EMAIL_1_k3f9]", "https://h/[EMAIL_1_k3f9]", "](https://h/ [EMAIL_1_k3f9] "),
            )
        ],
        *[
            (Scorer().families, piece)
            for piece in ("ignore all the ", "](", "忽略之前", "<!--", "h3l ")
        ],
        *[
            (_links, piece)
            for piece in ("https://", "](", "[[", "h", "![a](https://e.example/?q=1) ")
        ],
        *[(decoded, piece) for piece in ("A", "01", "%41", "ab ", "&#65;", "-_", "65 ", "A2=")],
        *[(unescaped, piece) for piece in ("\\", r"\n", r"\u0041", r"\\\"a")],
    ],
    ids=lambda value: getattr(value, "__name__", ascii(value)),
)
def test_a_megabyte_is_read_in_linear_time(read: Callable[[str], object], piece: str) -> None:
    def spent(size: int) -> float:
        text = piece * (size // len(piece))
        begun = time.thread_time()
        read(text)
        return time.thread_time() - begun

    for _ in range(3):
        if spent(1 << 20) <= LINEAR * 8 * max(min(spent(1 << 17) for _ in "ab"), 0.001):
            return
    raise AssertionError(f"{piece!r} takes more than linear time in three attempts")
