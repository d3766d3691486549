"""The compiled numbering plans agree with `phonenumbers`, the source of their rules."""

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from extauth.content.privacy import Detector
from extauth.content.privacy.recognisers.numbering import is_international

TYPES = (
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.VOIP,
)
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize("form", [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL])
def test_numbers_of_every_country_are_found_in_international_form(
    detector: Detector, form: int
) -> None:
    missed = []
    for region in REGIONS:
        for type_ in TYPES:
            number = phonenumbers.example_number_for_type(region, type_)
            if number is None:
                continue
            written = phonenumbers.format_number(number, form)
            text = f"Call {written}, please."
            spans = [text[f.start : f.end] for f in detector.detect(text) if f.kind == "phone"]
            if spans != [written]:
                missed.append((region, written, spans))
    assert missed == []


def test_agrees_about_numbers_in_use() -> None:
    disagreed = []
    for region in REGIONS:
        example = phonenumbers.example_number(region)
        national = phonenumbers.national_significant_number(example)
        code = str(example.country_code)
        for first in "0123456789":
            digits = code + first + national[1:]
            parsed = phonenumbers.parse("+" + digits)
            if phonenumbers.is_valid_number(parsed) and not is_international(digits.encode()):
                disagreed.append(digits)
    assert disagreed == []


@pytest.mark.parametrize(
    "region", ["US", "GB", "DE", "FR", "ES", "IT", "BR", "IN", "JP", "AU", "CH", "RU"]
)
def test_numbers_as_the_country_itself_writes_them(region: str) -> None:
    detector = Detector(regions=(region,))
    for type_ in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        number = phonenumbers.example_number_for_type(region, type_)
        written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        if " " not in written and "-" not in written:
            written = f"phone {written}"
        findings = detector.detect(written)
        assert [written[f.start : f.end] for f in findings] == [written.removeprefix("phone ")]
