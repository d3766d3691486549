"""Postal addresses as a whole, and texts that only look like the beginning of one."""

import pytest

from extauth.content.privacy import Detector
from tests.content.privacy.recognisers.marked import found


@pytest.mark.parametrize(
    "marked",
    [
        "Send it to «742 Evergreen Terrace, Springfield, IL 62704».",
        "I live at «221B Baker Street, London NW1 6XE, UK».",
        "«1600 Pennsylvania Avenue NW, Washington, DC 20500»",
        "Ship to «350 Fifth Ave, Suite 3300, New York, NY 10118» please",
        "«10 Downing Street, London».",
        "my address is «12 Sunset Way»",
        "«24 Sussex Drive, Ottawa, ON K1M 1M4»",
        "«12 George St, Sydney NSW 2000»",
        "«Flat 4, 25 Kensington Gardens, London W8 4PX»",
        "«Hauptstraße 5, 10115 Berlin»",
        "Ich wohne in der «Friedrichstr. 12a, 80331 München» und",
        "«Mariahilfer Straße 45/2, 1060 Wien»",
        "«Bahnhofstrasse 10, CH-8001 Zürich»",
        "«Am Markt 3\n28195 Bremen»",
        "«12 rue de la Paix, 75002 Paris»",
        "«5 bis avenue Victor Hugo, 69003 Lyon»",
        "«Calle Mayor 5, 3º B, 28013 Madrid»",
        "«C/ Gran Vía, 12, 28013 Madrid»",
        "«Via Roma, 12, 00184 Roma RM»",
        "abito in «via Giuseppe Garibaldi 8, 20121 Milano (MI)»",
        "«Rua Augusta 120, 1100-053 Lisboa»",
        "«Avenida Paulista, 1578, Bela Vista, São Paulo - SP, 01310-200»",
        "«Keizersgracht 123, 1015 CJ Amsterdam»",
        "«ul. Marszałkowska 10/12, 00-590 Warszawa»",
        "«Drottninggatan 5, 111 51 Stockholm»",
    ],
)
def test_finds_the_whole_address(detector: Detector, marked: str) -> None:
    assert found(detector, marked, "address") == marked


@pytest.mark.parametrize(
    "text",
    [
        "In 2008 Wall Street crashed, and the 2008 Wall Street crash was felt",
        "a 5 Minute Drive away, a 24 Hour Drive",
        "il y a 3 place de parking",
        "connect via Port 8080",
        "section 5 Park rules, chapter 12 The Way",
        "Version 3 Main Branch",
        "Er kam auf Platz 3 und im Ring 5 Mal",
        "the top 10 Street Food stalls",
        "rue de la Paix is a street in Paris",
        "Umweg 2 Kilometer",
    ],
)
def test_numbers_beside_such_words_are_none(detector: Detector, text: str) -> None:
    assert [f for f in detector.detect(text) if f.kind == "address"] == []
