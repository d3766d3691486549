"""Dates of birth: a date of any usual form beside a word for birth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.recogniser import Span

if TYPE_CHECKING:
    from collections.abc import Iterator
# Twenty languages in Latin letters; `privacy.cue` translates other scripts into `born`.
_CUE = (
    rb"(?:date|day)[ _\-]?of[ _\-]?birth|birth[ _\-]?(?:date|day)s?|\bborn\b|\bd\.?o\.?b\b\.?"
    rb"|\bbirth\b"
    rb"|\(b\.|\bb:|\byob\b|geboren|geburts?(?:datum|tag)|\bgeb\.|\bn[\xe9e]{1,2}e?\(?e?\)? (?:le"
    rb"|en)\b"
    rb"|(?:date|jour|lieu) de naissance|\bnaissance\b|naci(?:do|da)|\bnac\xe9[^\w\xe9]"
    rb"|fecha (?:de )?nac\w{0,8}\.?"
    rb"|nascimiento|\bnat[oa]\b(?: \w{1,20}){0,3}? (?:il|l.)|data di nascita|nascita|nascid[oa]"
    rb"|(?:data (?:de )?)?nascimento|\bnasc\.|geboortedatum|geboortedag|\bur\.|urodzon[yaei]"
    rb"|(?:data )?urodzeni[ae]|\bf\xe9dd\b|f\xe9delse(?:datum|dag)|\bf\xe9dt\b|f\xe9dsels(?:dato"
    rb"|dag)"
    rb"|\bsyntynyt|syntym\xe9(?:aika|p\xe9iv\xe9)|sz\xe9letett|sz\xe9let\xe9si|\bsz\xe9l\."
    rb"|narozen|narodzen|\bnar\.|naroden|do\xe9um|ro\xe9en[ia]?\b|rojen|na\xe9ter|n\xe9scut"
    rb"|cumplea\xe9os|compleanno|anivers\xe9rio"
)
_YEAR_CUE = (
    rb"year[ _]of[ _]birth|birth[ _]?year|\byob\b|geburtsjahr|\bjahrgang\b|ann\xe9e de naissance"
    rb"|a\xe9o de nacimiento|anno di nascita|ano de nascimento|geboortejaar|rok urodzenia"
    rb"|f\xe9delse\xe9r|f\xe9dsels\xe9r|rok narozen\xe9"
)
_GAP = rb"(?:[^\d.;!?\n\r]|[:=]\s{1,4}){0,40}(?:\r?\n[ \t]{0,4})?"
# The names of months, from their first letters: English and its neighbours, then those that differ.
_MONTHS = (
    rb"jan|ene|gen|sty|ocak|led|sije|tammi",
    rb"feb|f\xe9v|fev|lut|\xe9ubat|\xe9nor|velj|helmi",
    rb"mar|m\xe9r|maa?r|mrt|mart|b\xe9ez|o\xe9uj",
    rb"apr|avr|abr|kwi|nisan|dub|trav|huhti",
    rb"may|mai|mag|maj|mei|m\xe9j|m\xe9y|kv\xe9|svib|touko",
    rb"jun|jui?n|giu|cze|haziran|\xe9erven|lip|kes\xe9",
    rb"jul|juil|lug|lip|temmuz|\xe9erven|srp|hein",
    rb"aug|ao\xe9t|aout|ago|sie|a\xe9u|srp|kol|elo",
    rb"sep|set|wrz|eyl|z\xe9\xe9|ruj|syys",
    rb"o[ck]t|out|ott|pa\xe9|ekim|\xe9\xe9j|lis|loka",
    rb"nov|lis|kas|stu|marras",
    rb"de[czs]|d\xe9c|dic|dez|gru|ara|pro|joulu",
)
_MONTH = rb"(?:(?:" + b"|".join(_MONTHS) + rb")[a-z\xe9]{0,9}|\xe9{3,12})\.?"
_DAY = rb"\d{1,2}(?:st|nd|rd|th|er|\.|\xe9|\x1f| ?de)?"
_DATE = (
    rb"\d{4}(?:-\d{1,2}-|/\d{1,2}/|\.\d{1,2}\.|\x1f ?\d{1,2}\x1f ?|\. \d{1,2}\. ?)\d{1,2}\x1f?"
    rb"|\d{1,2}(?:-\d{1,2}-|/\d{1,2}/|\.\d{1,2}\.| \d{1,2} |\. ?\d{1,2}\. ?| / \d{1,2} / )(?:\d{4}"
    rb"|\d{2})"
    rb"|"
    + _DAY
    + rb"[ \-/.]{0,2}(?:of |de |d.)?"
    + _MONTH
    + rb"[ ,\-/]{0,2}(?:del? |of )?(?:\d{4}|.?\d{2})"
    rb"|" + _MONTH + rb"[ \-]" + _DAY + rb",?[ \-](?:\d{4}|.\d{2})"
    rb"|\d{4}[ .\-]{0,2}" + _MONTH + rb"[ \-]" + _DAY + rb"|(?:19|20)\d{6}"
)
_OLDEST, _LATEST = 1880, 2099


class BirthDateRecogniser:
    """The date behind its cue, or in front of it in languages that write so; without the cue.

    Day, month and year may stand in any order that makes a date, months by number or by name, years
    with four digits or two. A year alone counts only behind a word for a year of birth.
    """

    kind = "birth_date"
    confidence = 0.7
    name = "birth-date"
    prefilter = rb"(?i)" + _CUE + rb"|" + _YEAR_CUE
    # A day, a month and a year that are still being written, then the word that may follow.
    opens = (
        rb"(?i)\d{1,4}[a-z\xe9\x1f.]{0,3}[ \-/.]{0,3}(?:de |of |d.)?(?:[\d\xe9a-z]{0,12}\.?"
        rb"[ ,\-/.\x1f]{0,3}(?:del? |of )?(?:\d{1,4}[\x1f,]?[ ,(]{0,3}[a-z\xe9]{0,10})?)?"
        rb"|(?i)"
        + _MONTH
        + rb"[ \-]?[\d]{0,2}[a-z.]{0,2},?[ \-]?.?\d{0,4}[ ,(]{0,3}[a-z\xe9]{0,10}"
    )

    def __init__(self) -> None:
        self._pattern = compile_pattern(
            rb"(?i)(?:" + _CUE + rb")" + _GAP + rb"(" + _DATE + rb")"
            rb"|\b("
            + _DATE
            + rb")[ ,(]{0,3}(?:born\b|dob\b|b:|geboren\b|f\xe9dd\b|f\xe9dt\b|do\xe9umlu|sz\xe9let)"
            rb"|(?:" + _YEAR_CUE + rb")[^\d\n]{0,12}((?:18|19|20)\d\d)"
            rb"|\b((?:18|19|20)\d\d)[ ,(]{0,3}yob\b"
        )

    def find(self, data: bytes) -> Iterator[Span]:
        """Yield dates that exist."""
        for match in self._pattern.finditer(data):
            group = next(number for number in (1, 2, 3, 4) if match.group(number) is not None)
            start, end = match.start(group), match.end(group)
            if data[end : end + 1].isdigit() or data[max(0, start - 1) : start].isdigit():
                continue
            if group > 2 or _exists(data[start:end]):
                yield Span(start, end)


_NUMBERS = re.compile(rb"\d+")


def _exists(date: bytes) -> bool:
    numbers = [int(digits) for digits in _NUMBERS.findall(date)]
    if len(numbers) == 1:
        return _is_day(numbers[0] // 10_000, numbers[0] // 100 % 100, numbers[0] % 100)
    if len(numbers) == 2:
        # The month has a name.
        day, year = numbers if numbers[0] < 100 else reversed(numbers)
        return _is_day(year, 1, day)
    first, second, third = numbers
    if first > 31:
        return _is_day(first, second, third)
    return _is_day(third, second, first) or _is_day(third, first, second)


def _is_day(year: int, month: int, day: int) -> bool:
    in_use = year < 100 or _OLDEST <= year <= _LATEST
    return in_use and 1 <= month <= 12 and 1 <= day <= 31
