"""Stand-ins: values of the same format as an original, that are nobody's wherever possible.

They are drawn from ranges reserved for tests, documentation or drama: payment cards, e-mail and IP
addresses, telephone numbers of the NANP, the United Kingdom, France and Australia, American and
British national insurance numbers. IBANs are at a bank that does not exist. Numbers with a checksum
and no such range (other national and tax ids, wallets) are drawn until the checksum is valid, so
that one may by chance be somebody's. All others have a digit for each digit, and a letter for each
letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extauth.content.escapes import escaped, unescaped
from extauth.content.privacy.hashing import plain
from extauth.content.privacy.stand_in.birth_date import birth_date
from extauth.content.privacy.stand_in.draw import Draw
from extauth.content.privacy.stand_in.network import email, ip, mac
from extauth.content.privacy.stand_in.number import number
from extauth.content.privacy.stand_in.payment import card, iban
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
    """Return a value of the same kind and format. It may equal the original: the caller checks.

    Separators, the case of letters, and characters outside the form, such as brackets, stay. Digits
    become ASCII, and full-width characters plain ones. JSON's escapes are undone and made again, so
    JSON stays JSON. Linear in `original`.
    """
    drawn = _DRAWN.get(kind)
    text, layers = unescaped(original)
    text = plain(text)
    return escaped(drawn(text, draw) if drawn else draw.like(text), layers)
