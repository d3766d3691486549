"""Stand-ins for dates of birth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extauth.content.privacy.stand_in.draw import Draw

_NUMBER = re.compile(r"\d+")
_YEAR, _SHORT_YEAR = 4, 2
_FIRST, _YEARS = 1940, 65


def birth_date(text: str, draw: Draw) -> str:
    """Return another date written the same way, of the years 1940 to 2004. Words stay."""
    numbers = _NUMBER.findall(text)
    long = any(len(number) >= _YEAR for number in numbers)

    def other(at: int, number: str) -> str:
        year = len(number) == _YEAR or (not long and at == len(numbers) - 1 and len(numbers) > 1)
        if len(number) not in {1, _SHORT_YEAR, _YEAR}:
            return draw.like(number)
        if year:
            return str(_FIRST + draw.below(_YEARS))[-len(number) :]
        # One to twelve is valid as a day and as a month, whichever this is.
        return str(1 + draw.below(12 if len(number) == _SHORT_YEAR else 9)).zfill(len(number))

    places = iter(range(len(numbers)))
    return _NUMBER.sub(lambda match: other(next(places), match.group()), text)
