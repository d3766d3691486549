"""Stand-ins for national, tax and bank numbers: with a valid checksum, or never issued."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final

from extauth.content.privacy.stand_in.draw import DIGITS, bare, laid_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.content.privacy.stand_in.draw import Draw

_FIRST_BIRTHDAY: Final = datetime.date(1940, 1, 1)
_BIRTHDAYS: Final = 58 * 365


@dataclass(frozen=True, slots=True)
class _Form:
    """A number that python-stdnum checks, and the beginning of one that it may accept.

    In `begins`, `%` stands for parts of a date of birth as in strftime, `#` for a digit, `@` for a
    letter, `^` for the original's character. The rest is drawn like the original.
    """

    module: str
    begins: str = ""


# By the number of letters and digits. Forms that accept almost anything come last.
_FORMS: Final[dict[int, tuple[_Form, ...]]] = {
    8: (_Form("dk.cvr"), _Form("ie.pps"), _Form("cl.rut"), _Form("hu.anum")),
    9: (
        *(_Form("es.nie", "^"), _Form("es.dni"), _Form("es.cif", "^"), _Form("ie.pps")),
        *(_Form("at.tin"), _Form("nl.bsn"), _Form("pt.nif"), _Form("ca.sin"), _Form("il.idnr")),
        *(_Form("gr.vat"), _Form("fr.siren"), _Form("au.tfn"), _Form("cl.rut"), _Form("no.orgnr")),
        *(_Form("us.rtn", "00"), _Form("us.ein", "^^")),
    ),
    10: (
        *(_Form("fi.hetu", "%d%m%y"), _Form("se.personnummer", "%y%m%d")),
        *(_Form("bg.egn", "%y%m%d"), _Form("cz.rc", "%y%m%d"), _Form("pl.nip", "1")),
        *(_Form("in_.pan", "@@@P"), _Form("gb.nhs"), _Form("gb.utr"), _Form("at.vnr")),
        *(_Form("co.nit"), _Form("dk.cpr", "%d%m%y1")),
    ),
    11: (
        *(_Form("pl.pesel", "%y%m%d"), _Form("no.fodselsnummer", "%d%m%y1")),
        *(_Form("ee.ik", "3%y%m%d"), _Form("lt.asmens", "3%y%m%d"), _Form("be.nn", "%y%m%d")),
        *(_Form("gr.amka", "%d%m%y"), _Form("tr.tckimlik"), _Form("br.cpf"), _Form("hr.oib")),
        *(_Form("de.idnr"), _Form("it.iva", "0"), _Form("ar.cuit", "20"), _Form("no.kontonr")),
        *(_Form("au.abn"), _Form("lv.pvn", "%d%m%y1")),
    ),
    12: (
        *(_Form("se.personnummer", "%Y%m%d"), _Form("in_.aadhaar"), _Form("jp.in_")),
        *(_Form("my.nric", "%y%m%d10"), _Form("mx.rfc", "^^^%y%m%d")),
    ),
    13: (
        *(_Form("ro.cnp", "1%y%m%d01"), _Form("kr.rrn", "%y%m%d1"), _Form("ch.ssn", "756")),
        *(_Form("za.idnr", "%y%m%d####08"), _Form("th.pin"), _Form("jp.cn"), _Form("fr.nif")),
        _Form("mx.rfc", "^^^^%y%m%d"),
    ),
    14: (_Form("br.cnpj"), _Form("fr.siret")),
    15: (_Form("fr.nir", "1%y%m75"), _Form("in_.gstin", "27@@@P@####@1Z")),
    16: (_Form("it.codicefiscale", "@@@@@@%yA%d@###@"), _Form("id.nik", "317401%d%m%y")),
    18: (_Form("cn.ric", "110101%Y%m%d"), _Form("mx.curp", "@@@@%y%m%dHDF@@@")),
    20: (_Form("es.ccc"),),
}
_VAT = _Form("eu.vat", "^^")

# Areas from 900 on are not issued as social security numbers, and there groups below 50 are not
# issued to taxpayers.
_AMERICAN = re.compile(r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}")
_NEVER_AMERICAN: Final = "9##1"
# HMRC issues no number that begins with QQ, and writes its examples so.
_BRITISH = re.compile(r"[A-Z]{2}[0-9]{6}[A-D]")
_NEVER_BRITISH: Final = "QQ######^"


def number(text: str, draw: Draw) -> str:
    """Return a number of the same country's form if its check is known, else the same shape."""
    value = bare(text)
    if _AMERICAN.fullmatch(text):
        return laid_out(_drawn(_NEVER_AMERICAN, value, draw), text)
    if _BRITISH.fullmatch(value):
        return laid_out(_drawn(_NEVER_BRITISH, value, draw), text)
    form = _form(text, value) if text.isascii() else None
    if form is None:
        return draw.like(text)
    valid = _validator(form.module)
    while draw.tries > 0:
        draw.tries -= 1
        drawn = _identifier(draw) if form.module == "de.idnr" else _drawn(form.begins, value, draw)
        made = laid_out(drawn, text)
        if valid(made):
            return made
    return draw.like(text)


def _form(text: str, value: str) -> _Form | None:
    forms = _FORMS.get(len(value), ())
    if value[:2].isalpha():
        forms = (_VAT, *forms)
    return next((form for form in forms if _validator(form.module)(text)), None)


@cache
def _validator(module: str) -> Callable[[str], bool]:
    valid: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return valid


def _drawn(begins: str, value: str, draw: Draw) -> str:
    """Return a value as long as `value` that begins as its form does."""
    if "%" in begins:
        day = _FIRST_BIRTHDAY + datetime.timedelta(days=draw.below(_BIRTHDAYS))
        # Days up to 28 exist in every month; Italy adds 40 to a woman's.
        begins = day.replace(day=1 + draw.below(28)).strftime(begins)
    pieces = []
    for char, original in zip(begins, value, strict=False):
        if char == "#":
            pieces.append(draw.one_of(DIGITS))
        elif char == "@":
            pieces.append(draw.like("A"))
        else:
            pieces.append(original if char == "^" else char)
    rest = value[len(begins) :]
    return "".join(pieces) + draw.like(rest)


def _identifier(draw: Draw) -> str:
    """Draw a German Identifikationsnummer: among its first ten digits exactly one occurs twice."""
    left = list(DIGITS)
    chosen = [left.pop(draw.below(len(left))) for _ in range(9)]
    chosen.insert(draw.below(10), draw.one_of(chosen))
    return "".join(chosen) + draw.one_of(DIGITS)
