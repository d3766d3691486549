"""A stand-in looks like its original, has a valid checksum, and is another value."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban, luhn

from extauth.content.privacy import KINDS, Detector, KeyedHash, Substitutes

HASHING = KeyedHash(bytes(32), "acme")
DETECTOR = Detector()
DOCUMENTATION = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


def made(kind: str, original: str) -> str:
    return Substitutes(HASHING).substitute(kind, original, "stand_in")


def shape(text: str) -> str:
    return re.sub("[A-Z]", "A", re.sub("[a-z]", "a", re.sub(r"\d", "0", text)))


@pytest.mark.parametrize(
    ("kind", "original"),
    [
        ("card", "4111 1111 1111 1111"),
        ("card", "3782-822463-10005"),
        ("phone", "+44 20 7946 0958"),
        ("phone", "(415) 555-2671"),
        ("birth_date", "1984-05-17"),
        ("secret", "ghp_" + "a1B2" * 9),
        ("passport", "C01X00T47"),
    ],
)
def test_it_has_the_format_of_the_original(kind: str, original: str) -> None:
    stand_in = made(kind, original)
    assert stand_in != original
    assert re.sub("[A-Za-z]", "x", shape(stand_in)) == re.sub("[A-Za-z]", "x", shape(original))


def test_a_card_is_valid_and_is_found_as_one() -> None:
    stand_in = made("card", "4111 1111 1111 1111")
    assert luhn.is_valid(stand_in.replace(" ", ""))
    assert [finding.kind for finding in DETECTOR.detect(f"pay with {stand_in}")] == ["card"]


def test_an_iban_is_valid() -> None:
    assert iban.is_valid(made("iban", "DE89 3704 0044 0532 0130 00"), check_country=False)


def test_addresses_are_of_documentation() -> None:
    assert made("email", "jane.roe@corp.test").rpartition("@")[2].startswith("example.")
    assert any(ip_address(made("ip", "8.8.8.8")) in network for network in DOCUMENTATION)


@pytest.mark.parametrize(
    ("kind", "original", "nobodys"),
    [
        ("card", "4539 1488 0343 6467", r"4000 00\d\d \d{4} \d{4}"),
        ("card", "5555555555554444", r"555555\d{10}"),
        ("card", "3714-496353-98431", r"3782-82\d{4}-\d{5}"),
        ("phone", "+1 (415) 867-2671", r"\+1 \(\d{3}\) 555-01\d\d"),
        ("phone", "+44 7911 123456", r"\+44 7700 900\d{3}"),
        ("phone", "06 12 34 56 78", r"06 39 98 \d\d \d\d"),
        ("national_id", "536-22-8726", r"9\d\d-1\d-\d{4}"),
        ("national_id", "AB 12 34 56 C", r"QQ \d\d \d\d \d\d C"),
        ("iban", "DE89 3704 0044 0532 0130 00", r"DE\d\d 0000 .*"),
        ("iban", "GB82WEST12345698765432", r"GB\d\dXXXX\d{14}"),
        ("mac", "00:1B:44:11:3A:B7", r"[0-9A-F][26AE](:[0-9A-F]{2}){5}"),
        ("ip", "2a00:1450:4001::1", r"2001:db8:.*"),
        ("email", "jane.roe@corp.test", r"[a-z]{4}\.[a-z]{3}@example\.(com|org|net)"),
    ],
)
def test_it_is_from_a_range_that_nobody_has(kind: str, original: str, nobodys: str) -> None:
    for tenant in ("acme", "globex", "initech", "umbrella"):
        drawn = Substitutes(KeyedHash(bytes(32), tenant)).substitute(kind, original, "stand_in")
        assert re.fullmatch(nobodys, drawn), drawn


def test_it_is_stable_for_a_tenant() -> None:
    assert made("email", "jane@corp.test") == made("email", "jane@corp.test")
    elsewhere = Substitutes(KeyedHash(bytes(32), "globex"))
    other = elsewhere.substitute("email", "jane@corp.test", "stand_in")
    assert made("email", "jane@corp.test") != other


def test_no_two_originals_of_a_request_share_one_while_there_are_others() -> None:
    substitutes = Substitutes(HASHING)
    originals = [f"10.9.{number // 250}.{number % 250 + 1}" for number in range(600)]
    stand_ins = [substitutes.substitute("ip", original, "stand_in") for original in originals]
    left = [stand_in for stand_in in stand_ins if stand_in != "[IP]"]
    assert len(set(left)) == len(left)
    assert len(left) > 400


@given(st.sampled_from(KINDS), st.text(min_size=1, max_size=40))
def test_it_is_never_the_original(kind: str, original: str) -> None:
    assert made(kind, original) != original
