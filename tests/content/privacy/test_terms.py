"""A policy's own words and patterns."""

import json

import pytest

from extauth.content.privacy import Detector, Terms, term_faults
from extauth.content.privacy.terms import MOST_TERMS, TermList
from extauth.errors import ConfigurationError
from tests.content.privacy.recognisers.marked import found


def detector(**terms: object) -> Detector:
    """Return a detector whose policy data has these terms."""
    return Detector(terms=Terms.of_data(json.dumps({"terms": terms, "other": 1}).encode()))


@pytest.mark.parametrize(
    ("words", "marked"),
    [
        (["Bluebird"], "the «BLUEBIRD» of bluebirds, «Bluebird»: «bluebird»"),
        (["Bluebird"], "«Bluebird» «Bluebird» «Bluebird»"),
        (["Project Falcon"], "«project\n falcon» and «Project Falcon»"),
        (["falcon", "falcon heavy"], "a «falcon», a «Falcon Heavy», falcons"),
        (["проект Ворон"], "это «Проект Ворон», а не проект Воронеж"),
        (["秘密計画", "青い鳥"], "我的«秘密計画»は«青い鳥»です"),
        (["C++"], "«C++», «C++»11"),
        (["Łódź"], "«Łódź», «łódź» and «Ło\u0301dz\u0301»"),
        (["Bluebird"], "«Blue\u200bbird», «Ｂｌｕｅｂｉｒｄ», «Blueb\u0456rd»"),
        (["пароль"], "«пароль» забыт"),
        (["a.b"], "«a.b» but not aXb"),
    ],
)
def test_words_are_found_whole_in_any_case(words: list[str], marked: str) -> None:
    assert found(detector(project={"words": words}), marked, "project") == marked


@pytest.mark.parametrize(
    ("patterns", "marked"),
    [
        ([r"\bKD-\d{6}\b"], "«KD-123456», «kd-654321», KD-1234567"),
        ([r"[а-я]{3}-\d{2,4}"], "«абв-12» и «где-1234»"),
        ([r"a{2}", r"b{2}"], "x«aa»y«bb»z"),
    ],
)
def test_patterns_are_found_anywhere(patterns: list[str], marked: str) -> None:
    assert found(detector(number={"patterns": patterns}), marked, "number") == marked


def test_case_counts_when_told() -> None:
    terms = {"words": ["IT"], "patterns": ["X[a-c]"], "case_sensitive": True}
    assert found(detector(unit=terms), "«IT» uses it: «Xa», xa", "unit") == "«IT» uses it: «Xa», xa"


def test_a_finding_tells_its_kind_and_confidence() -> None:
    (finding,) = detector(project={"words": ["Bluebird"], "confidence": 0.6}).detect("Bluebird")
    assert (finding.kind, finding.recogniser, finding.confidence) == (
        "project",
        "terms-project",
        0.6,
    )


def test_own_terms_stand_beside_the_built_in_kinds() -> None:
    found_ = detector(staff={"words": ["bob"]}).detect("bob@example.com")
    assert {(f.kind, f.start, f.end) for f in found_} == {("email", 0, 15), ("staff", 0, 3)}


def test_no_terms_find_nothing() -> None:
    assert Detector(terms=Terms.of_data(b"{}")).detect("Bluebird") == ()
    assert Terms().kinds == ()


@pytest.mark.parametrize(
    ("terms", "place", "reason"),
    [
        ({"Project": {}}, ("terms", "Project"), "a-z"),
        ({"card": {"words": ["x"]}}, ("terms", "card"), "built-in"),
        ({"x": {"words": ["ok", "  "]}}, ("terms", "x", "words", 1), "characters"),
        ({"x": {"patterns": ["(a"]}}, ("terms", "x", "patterns", 0), "missing )"),
        ({"x": {"patterns": ["ok", "a+"]}}, ("terms", "x", "patterns", 1), "without end"),
        ({"x": {"patterns": ["a.*b"]}}, ("terms", "x", "patterns", 0), "without end"),
        ({"x": {"patterns": ["a{3,}"]}}, ("terms", "x", "patterns", 0), "without end"),
        ({"x": {"patterns": ["a?"]}}, ("terms", "x", "patterns", 0), "empty"),
        ({"x": {"confidence": 2}}, ("terms", "x", "confidence"), "at most 1"),
        ({"x": {"word": ["x"]}}, ("terms",), "word"),
        ({f"k{number}": {} for number in range(65)}, ("terms",), "at most 64"),
        ({"x": {"words": ["w"] * (MOST_TERMS + 1)}}, ("terms",), "10001 words"),
    ],
)
def test_what_can_not_be_used_is_told_with_its_place(
    terms: dict[str, object], place: tuple[str | int, ...], reason: str
) -> None:
    fault = next(iter(term_faults(terms)))
    assert fault.path == place
    assert reason in fault.message
    with pytest.raises(ConfigurationError, match="policy data terms"):
        detector(**terms)


@pytest.mark.parametrize("pattern", [r"a\+b\*", "[*+]x", r"[\]*]y", "[[:alpha:]*]z"])
def test_a_star_that_is_a_character_repeats_nothing(pattern: str) -> None:
    assert list(term_faults({"x": {"patterns": [pattern]}})) == []


@pytest.mark.parametrize(
    ("terms", "spaced"),
    [
        (TermList(words=("one",), patterns=(r"\d{3}-[a-z]{2}",)), False),
        (TermList(words=("one two",)), True),
        (TermList(patterns=(r"a.b",)), True),
        (TermList(patterns=(r"a[^x]b",)), True),
        (TermList(patterns=(r"a\sb",)), True),
    ],
)
def test_it_is_known_whether_a_term_can_have_spaces(terms: TermList, spaced: bool) -> None:
    assert Terms({"x": terms}).has_spaces is spaced


def test_ten_thousand_words_compile_and_are_found() -> None:
    words = [f"customer {number} ltd" for number in range(MOST_TERMS)]
    made = detector(customer={"words": words})
    assert found(made, "for «Customer 9876 Ltd».", "customer") == "for «Customer 9876 Ltd»."
