"""A hash tells only that originals of a tenant are equal."""

from __future__ import annotations

import re

import pytest

from extauth.content.privacy import KeyedHash

KEY = bytes(range(32))
ACME = KeyedHash(KEY, "acme")


def test_it_is_the_same_in_every_process_with_the_key() -> None:
    first = ACME.hash("email", "jane@example.com")
    assert re.fullmatch("[0-9a-f]{16}", first)
    assert KeyedHash(KEY, "acme").hash("email", "jane@example.com") == first


def test_another_tenant_key_kind_or_original_gives_another() -> None:
    hashes = {
        ACME.hash("email", "jane@example.com"),
        ACME.hash("email", "june@example.com"),
        ACME.hash("person", "jane@example.com"),
        KeyedHash(KEY, "globex").hash("email", "jane@example.com"),
        KeyedHash(bytes(32), "acme").hash("email", "jane@example.com"),
    }
    assert len(hashes) == 5


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "jane@example.com", "Jane@Example.COM"),
        ("email", "jane@example.com", r"jane\u0040example.com"),
        ("card", "4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("card", "4111111111111111", "４１１１１１１１１１１１１１１１"),
        ("iban", "DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
        ("ip", "2001:db8::1", "2001:0DB8:0:0:0:0:0:1"),
    ],
)
def test_spellings_of_one_original_are_equal(kind: str, one: str, other: str) -> None:
    assert ACME.hash(kind, one) == ACME.hash(kind, other)


def test_a_secret_has_one_spelling() -> None:
    assert ACME.hash("secret", "aB3") != ACME.hash("secret", "ab3")


def test_stand_ins_are_drawn_from_something_else() -> None:
    assert ACME.seed("email", "a@b.example").hex()[:16] != ACME.hash("email", "a@b.example")


def test_the_key_is_in_no_repr() -> None:
    assert "acme" not in repr(ACME)
    assert KEY.hex() not in repr(ACME)
