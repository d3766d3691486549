"""A stream is held back while a finding is open, and cutting it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.privacy import KINDS, Detector, Restorer
from extauth.content.privacy.scanner import LIMIT, LONGEST, StreamScanner
from extauth.content.privacy.terms import TermList, Terms
from tests.content.privacy.labelled import labelled
from tests.content.privacy.planted import PLANTED, PRIVATE_KEY, SIGNED_TOKEN, cut, every, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.content.privacy.scanner import Scanned

pytestmark = pytest.mark.slow

Found = list[tuple[str, int, int]]

DETECTOR = Detector()
EVERYTHING = tuple(kind for kind in KINDS if kind not in ("person", "location"))


def scan(
    pieces: Iterable[str], kinds: Iterable[str] = EVERYTHING, restorer: Restorer | None = None
) -> tuple[str, Found]:
    """Return all released text and all findings, at offsets in it."""
    scanner = StreamScanner(DETECTOR, tuple(kinds), restorer)
    return joined([*map(scanner.feed, pieces), scanner.finish()])


def joined(scanned: Iterable[Scanned]) -> tuple[str, Found]:
    text, found = "", []
    for piece in scanned:
        found += [(f.kind, len(text) + f.start, len(text) + f.end) for f in piece.findings]
        text += piece.text
    return text, found


def detected(text: str) -> Found:
    return [(f.kind, f.start, f.end) for f in DETECTOR.detect(text)]


@pytest.mark.parametrize("kind", PLANTED)
def test_finds_every_kind_one_character_at_a_time(kind: str) -> None:
    for planted in PLANTED[kind]:
        text = f"As you asked: {planted} is what I know. Anything else?"
        found = detected(text)
        assert kind in [name for name, _, _ in found], planted
        assert scan(text) == (text, found)


@given(cut(texts()))
def test_finds_what_a_detector_finds_in_the_whole(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert scan(pieces) == (text, detected(text))


@given(
    cut(
        st.lists(
            st.sampled_from([*'{"a":1,[]}@.-/ 4', "4111111111111111", "x" * 90]), max_size=60
        ).map("".join)
    )
)
def test_cutting_changes_nothing_where_a_text_has_no_breaks(pieces: list[str]) -> None:
    assert scan(pieces) == scan(["".join(pieces)])


def test_lets_go_all_but_the_last_word_of_prose() -> None:
    scanner = StreamScanner(DETECTOR, ("secret", "card", "iban", "email", "phone", "ip"))
    fed = given_back = 0
    for piece in every("The committee met again and agreed on the points below. " * 20, 4):
        fed += len(piece)
        given_back += len(scanner.feed(piece).text)
        assert fed - given_back <= len("committee") + 4


def test_holds_back_what_could_still_become_a_finding() -> None:
    scanner = StreamScanner(DETECTOR, ("card",))
    assert scanner.feed("Your card 4111 1111 ").text == "Your card "
    assert scanner.feed("1111 11").text == ""
    scanned = scanner.feed("11 is charged. ")
    assert scanned.text == "4111 1111 1111 1111 is charged. "
    assert [(f.kind, f.start, f.end) for f in scanned.findings] == [("card", 0, 19)]


def test_holds_back_no_more_than_the_bound() -> None:
    scanner = StreamScanner(DETECTOR, EVERYTHING)
    fed = given_back = 0
    for piece in every('{"key":"value","numbers":[1,2,3]},' * 100, 5):
        fed += len(piece)
        given_back += len(scanner.feed(piece).text)
        assert fed - given_back <= LIMIT
    assert given_back > 0


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("long", [PRIVATE_KEY, PRIVATE_KEY.replace("\n", "\\n"), SIGNED_TOKEN])
def test_keys_and_tokens_are_held_until_they_end(long: str, size: int) -> None:
    text = f"Here it is:\n{long}\nDon't tell."
    assert len(long) > LIMIT
    assert scan(every(text, size), ("secret",)) == (text, detected(text))


def test_a_block_that_never_ends_is_held_no_longer_than_its_bound() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" + ("A1b2C3d4" * 8 + "\n") * 400
    whole = scan([text], ("secret",))
    assert whole == scan(every(text, 61), ("secret",))
    (kind, start, end), *_ = whole[1]
    assert (kind, start) == ("secret", 0)
    assert end <= LONGEST < len(text)


def test_compact_json_is_scanned_past_its_bound() -> None:
    record = '{"id":12345,"note":"nothing","tags":["a","b","c"]},' * 40
    text = "[" + record + '{"mail":"jane.roe@example.com"},' + record + "]"
    assert scan(every(text, 3)) == (text, detected(text))


ADDRESSES = [
    "12 bis rue de l'Orme, 75011 Paris",
    "12 rue de l´Orme, 75011 Paris",
    "12 rue d`Alésia, 75014 Paris",
    "Flat 6, 12 Baker Street, London NW1 6XE",
    "Rua Augusta 1500, apto 12, Bairro Centro, CEP: 01304-001 São Paulo",
    "Rua Augusta, nº 1500, perto da padaria, 01304-001 São Paulo",
    "Via Massimo d´Azeglio 5, 40123 Bologna",
    "Via Giulio Cesare, n. 5 / b, 00192 Roma (RM)",
    "Via Roma, n.º 5, 00192 Roma",
    "calle Mayor, n.º 5, 28013 Madrid",
    "calle Mayor, núm. 5, 28013 Madrid",
    "ul. Marszałkowska 10 m. 5, 00-590 Warszawa",
    "Ring 5 / 3, 1010 Wien",
    "dorpsstraat 5 hs, 1012 AB Amsterdam",
    "gata 6 b, 2. sal, 0150 Oslo",
    "Unit 4 Box 12, APO AE 09012",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_held_until_it_ends(address: str) -> None:
    start = len("Here: ")
    text, found = scan(f"Here: {address}. Thanks.", ("address",))
    assert text == f"Here: {address}. Thanks."
    assert found == [("address", start, start + len(address))]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_held_behind_text_without_breaks(address: str) -> None:
    for length in range(LIMIT - len(address) - 8, LIMIT + 1):
        dense = "," * length
        assert scan([f"{dense}{address}. Thanks."], ("address",))[1] == [
            ("address", length, length + len(address))
        ]


def test_two_addresses_are_two() -> None:
    brazil, portugal = "Rua Augusta 1500, 01304-001", "Avenida da Liberdade 110, 1250-146 Lisboa"
    for between in ("\nmorada: ", "\n", ". "):
        two = f"{brazil}.{between}{portugal}"
        assert [two[start:end] for _, start, end in detected(two)] == [brazil, portugal]


def test_placeholders_are_no_findings() -> None:
    restorer = Restorer({"EMAIL_1_k3f9": "jane@example.com", "SECRET_2_k3f9": "s3cr3t"})
    text = "Write to [EMAIL_1_k3f9], not to bob@example.com; password=hunter2![SECRET_2_k3f9]. "
    for pieces in ([text], list(text)):
        whole, found = scan(pieces, restorer=restorer)
        assert whole == text
        covered = [text[start:end] for _, start, end in found]
        assert "bob@example.com" in covered
        assert not any("k3f9" in piece for piece in covered)


TERMS = Detector(terms=Terms({"project": TermList(words=("blue heron", "机密文件", "Zephyr"))}))


@pytest.mark.parametrize(
    "text", ["The blue heron flies.", "这是机密文件，请保密。", "On zephyr, now"]
)
def test_own_terms_are_found_however_they_are_cut(text: str) -> None:
    found = [(f.kind, f.start, f.end) for f in TERMS.detect(text)]
    assert len(found) == 1
    for size in range(1, len(text) + 1):
        scanner = StreamScanner(TERMS, ("project",))
        assert joined([*map(scanner.feed, every(text, size)), scanner.finish()]) == (text, found)


def test_shows_no_text() -> None:
    scanner = StreamScanner(DETECTOR, ("email",))
    assert "jane" not in repr(scanner.feed("jane@example.com is ")) + repr(scanner)


def longest_run(text: str) -> int:
    return max(map(len, text.split()), default=0)


STREAMED = [text for each in labelled() if longest_run(text := each.text) < LIMIT]


def test_the_labelled_set_is_found_one_character_at_a_time() -> None:
    differing = [text for text in STREAMED if scan(text) != (text, detected(text))]
    assert differing == []


@given(
    st.lists(st.sampled_from(STREAMED), min_size=1, max_size=6), st.sampled_from("\n ."), st.data()
)
def test_the_labelled_set_is_found_however_it_is_cut(
    texts: list[str], joint: str, data: st.DataObject
) -> None:
    pieces = data.draw(cut(st.just(joint.join(texts))))
    text = "".join(pieces)
    assert scan(pieces) == (text, detected(text))
