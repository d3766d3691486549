"""No text takes more than time linear in its length, whatever it is made of."""

import time
from random import Random

import pytest

from extauth.privacy import Detector

SMALL, LARGE = 1 << 14, 1 << 17
LINEAR = 3.0
"""How much longer than eight times as long eight times the text may take, on a busy machine."""

SEEDS = [
    *("a", "1", "1 ", "A ", "a@", "a@a.", "é ", "\x1f", "\n", "-", "{", "'", '"', "://a:b@", "eyJ"),
    *("eyJaaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nA: b\n"),
    *("password", "password=", "password='", "password is ", "token: ", "name: password\nvalue: "),
    *("born ", "born 1", "1 may ", "né le ", "b: ", "1990-01-01 ", "生年月日", "год рождения "),
    *("12 Main ", "1 A ", "1 rue de ", "Calle A ", "Straße 1 ", "ul. A 1 ", "Rua A, ", "Via A "),
    *("curl -u ", "mysql -p", "&sig=", "sk-a", "ghp_", "SG.a.", ".atlasv1.", "12345678:AA"),
    *("+1", "00 1", "4111 ", "4111-", "1.1.1.", "::", "ab:", "DE00 ", "1А", "аa", "4О"),
]


def seconds(detector: Detector, text: str) -> float:
    begun = time.perf_counter()
    detector.detect(text)
    return time.perf_counter() - begun


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


def test_noise_takes_linear_time_too(detector: Detector) -> None:
    random = Random(7)  # noqa: S311 - noise, no secrets
    alphabet = "".join(SEEDS) + "0123456789abcdefghijklmnopqrstuvwxyz \n.,:;=/@-_+"
    assert min(seconds(detector, "".join(random.choices(alphabet, k=LARGE))) for _ in "ab") < 2


def test_many_small_texts_take_as_long_as_one(detector: Detector) -> None:
    words = ["4111 1111 ", "password: ", "born ", "hunter2 ", "12 Main Street "] * 2000
    begun = time.perf_counter()
    detector.detect_all(words)
    assert time.perf_counter() - begun < 3
