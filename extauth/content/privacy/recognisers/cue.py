"""Cue words that name a number, in the languages of the countries that issue it."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

from extauth.content.pattern import compile_pattern
from extauth.content.privacy.fold import fold_letters

if TYPE_CHECKING:
    from extauth.content.pattern import Match, Pattern

REACH: Final = 64
"""Bytes before a number in which its cue may stand."""

_BEFORE = rb"(?:\A|[^A-Za-z0-9\xe9])"
_SUFFIX = (
    rb"(?:e?s|en|a|u|y)?"
    rb"(?:[ _\-]?(?:s?nummern?|nro?|numbers?|num(?:ero)?|n[o\xe9]|nr|codes?|id|#)\.?)?"
)
_AFTER = rb"(?:[^A-Za-z\xe9]|\z)"
# A number behind one of these words belongs to it, whatever cue stands in front.
_OTHER_THINGS = compile_pattern(
    rb"(?i)\b(?:orders?|invoices?|tracking|tickets?|case|ref(?:erence)?|versions?|serial|isbn|ean"
    rb"|imei|sku|upc|asin|commit|build|hash|uuid|timestamps?|parcel|shipment|booking|article|batch"
    rb"|request|session|transaction|receipt|bestell\w*|auftrag\w*|rechnung\w*|sendung\w*|artikel\w*"
    rb"|commande|facture|colis|suivi|pedido|factura|seguimiento|encomenda|fatura|rastreio|ordine"
    rb"|fattura|spedizione|bestelling|factuur|zam\xe9wieni\w*|faktur\w*|ordre|best\xe9llning\w*"
    rb"|tilaus\w*|sipari\xe9|kargo|objedn\w*|comand\w*)\b"
)
_NUMBER = compile_pattern(rb"\d{3}")
_WORDS = re.compile(rb"[A-Za-z\xe9]+")
_MOST_WORDS = 2


class Cues:
    """Cue words: with and without accents, in any case, `taxId` and `tax_id` for `tax id`.

    `words` are separated by `|`; a space stands for anything that joins words.
    """

    __slots__ = ("_pattern", "source")

    def __init__(self, words: str) -> None:
        spellings = dict.fromkeys(
            spelling for word in words.split("|") for spelling in _spellings(word.strip())
        )
        self.source = rb"(?:" + b"|".join(spellings) + rb")" + _SUFFIX
        self._pattern: Pattern | None = None

    def before(self, data: bytes, start: int, *, close: bool = False) -> bool:
        """Return whether one of the words names the number that begins at `start`.

        With `close`, neither another number nor more than two words may stand between.
        """
        if self._pattern is None:
            self._pattern = _compiled(self.source)
        window = data[max(0, start - REACH) : start]
        last: Match | None = None
        for match in self._pattern.finditer(window):
            last = match
        if last is None:
            return False
        # The byte behind the word is left in the gap: the next word needs it in front.
        gap = window[last.end() :]
        if close and (_NUMBER.search(gap) or len(_WORDS.findall(gap)) > _MOST_WORDS):
            return False
        return _OTHER_THINGS.search(gap) is None


@cache
def _compiled(source: bytes) -> Pattern:
    return compile_pattern(rb"(?i)" + _BEFORE + source + _AFTER)


@cache
def _spellings(word: str) -> tuple[bytes, ...]:
    plain = "".join(
        char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char)
    )
    folded = dict.fromkeys(map(fold_letters, (word, plain)))
    return tuple(
        re.escape(spelling).replace(rb"\ ", rb"[ _\-]{0,2}").replace(rb"\.", rb"\.?")
        for spelling in folded
    )
