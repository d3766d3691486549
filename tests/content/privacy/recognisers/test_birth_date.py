"""A date is a date of birth only beside a word for birth."""

import pytest

from extauth.content.privacy import Detector
from tests.content.privacy.recognisers.marked import found


@pytest.mark.parametrize(
    "marked",
    [
        "born «3 May 1990»",
        "DOB: «03/05/1990»",
        "Date of birth (DD/MM/YYYY): «03/05/1990»",
        "Date of birth\n«03/05/1990»",
        '{"date_of_birth": "«1990-05-03»"}',
        '"birthDate":"«1990-05-03»T00:00:00Z"',
        "born on «May 3rd, 1990» in Paris",
        "born in Paris on «3 May 1990»",
        "my birthday is «05-03-1990»",
        "DOB «19900503»",
        "geboren am «3. Mai 1990»",
        "geb. «03.05.90»",
        "née le «3 mai 1990»",
        "né le «1er janvier 1985»",
        "Date de naissance : «03/05/1990»",
        "nacido el «3 de mayo de 1990»",
        "nata il «3 maggio 1990»",
        "nato a Roma il «03/05/1990»",
        "nascida em «3 de maio de 1990»",
        "geboren op «3 mei 1990»",
        "ur. «3 maja 1990»",
        "född «1990-05-03»",
        "født «3. mai 1990»",
        "syntynyt «3.5.1990»",
        "narozen «3. května 1990»",
        "született: «1990. 05. 03»",
        "doğum tarihi: «03.05.1990»",
        "生年月日: «1990年5月3日»",
        "«1990年5月3日»生まれ",
        "生年月日：«１９９０/０５/０３»",
        "出生日期：«1990-05-03»",
        "생년월일 «1990년 5월 3일»",
        "дата рождения: «03.05.1990»",
        "родилась «3 мая 1990»",
        "«12.03.1985» г.р.",
        "год рождения: «1985»",
        "תאריך לידה: «03/05/1990»",
        "تاريخ الميلاد: «٠٣/٠٥/١٩٩٠»",
        "ημερομηνία γέννησης: «03/05/1990»",
        "Geburtsjahr: «1985»",
    ],
)
def test_finds_the_date(detector: Detector, marked: str) -> None:
    assert found(detector, marked, "birth_date") == marked


@pytest.mark.parametrize(
    "text",
    [
        "the meeting is on 3 May 1990",
        "released 1990-05-03",
        "He was born in London. On 3 May 2024 we met",
        "born 99.99.1990",
        "born in 1990",
        "an idea born of 12/5 votes",
        "NATO 03.05.1990",
        "date of birth: unknown, file 12345678901",
        "a newborn app, version 1.2.3",
        "due 03/05/1990, order 4711",
    ],
)
def test_other_dates_are_none(detector: Detector, text: str) -> None:
    assert [f for f in detector.detect(text) if f.kind == "birth_date"] == []
