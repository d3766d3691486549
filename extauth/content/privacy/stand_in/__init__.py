"""Values of the same format in an original's stead: valid-looking, and nobody's where that can be.

What has a range for tests, documentation or drama is drawn from it: payment cards, e-mail and IP
addresses, telephone numbers of the NANP, the United Kingdom, France and Australia, American and
British national insurance numbers. IBANs are at banks that there are none of. What has a checksum
and no such range (other national and tax ids, wallets) is drawn until the checksum is right, so
that a number may by chance be somebody's. All else has a digit for each digit, and a letter for
each letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.escapes import escaped, unescaped
from extauth.content.privacy.hashing import plain
from extauth.content.privacy.stand_in.birth_date import birth_date
from extauth.content.privacy.stand_in.card import card
from extauth.content.privacy.stand_in.draw import Draw
from extauth.content.privacy.stand_in.email import email
from extauth.content.privacy.stand_in.iban import iban
from extauth.content.privacy.stand_in.network import ip, mac
from extauth.content.privacy.stand_in.number import number
from extauth.content.privacy.stand_in.phone import phone
from extauth.content.privacy.stand_in.secret import secret
from extauth.content.privacy.stand_in.wallet import wallet

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Draw", "stand_in"]

_DRAWN: dict[str, Callable[[str, Draw], str]] = {
    "secret": secret,
    "card": card,
    "iban": iban,
    "bank_account": number,
    "crypto_wallet": wallet,
    "national_id": number,
    "tax_id": number,
    "email": email,
    "phone": phone,
    "birth_date": birth_date,
    "ip": ip,
    "mac": mac,
}


def stand_in(kind: str, original: str, draw: Draw) -> str:
    """A value of the same kind and format, drawn. It may be the original; whoever asks looks.

    Separators and the case of letters stay, and what a form has no use for, such as brackets.
    Digits of other scripts and full-width ones come out as ASCII. What had JSON's escapes has
    those that it needs, so JSON stays JSON. Takes time linear in `original`.
    """
    drawn = _DRAWN.get(kind)
    text, layers = unescaped(original)
    text = plain(text)
    return escaped(drawn(text, draw) if drawn else draw.like(text), layers)
