"""What happened, entry by entry, as the journal has it.

The book is changed by entries alone, while it serves and when the journal of a killed process is
read, so there is one meaning of an entry.
"""

from __future__ import annotations

import msgspec

from extauth.ledger.ledger import Counter
from extauth.types import Account, Usage
from extauth.types.pseudonyms import Pseudonyms


class Reserved(msgspec.Struct, frozen=True, array_like=True, tag="reserved"):
    """Claims were set aside, each with its amount; `known` counts if nothing else is heard."""

    id: str
    time: float
    account: Account
    claims: list[tuple[Counter, int]]
    known: Usage


class Progressed(msgspec.Struct, frozen=True, array_like=True, tag="progressed"):
    """So much of a reservation is known to be used."""

    id: str
    time: float
    usage: Usage


class Settled(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """A reservation ended with this usage."""

    id: str
    time: float
    usage: Usage


class Released(msgspec.Struct, frozen=True, array_like=True, tag="released"):
    """A reservation ended and nothing was used."""

    id: str
    time: float


class Lost(msgspec.Struct, frozen=True, array_like=True, tag="lost"):
    """The process was killed before a reservation ended: what is known to be used counts."""

    id: str
    time: float


class Granted(msgspec.Struct, frozen=True, array_like=True, tag="granted"):
    """An operator lets that much more be used in the current window."""

    time: float
    counter: Counter
    amount: int


class Cleared(msgspec.Struct, frozen=True, array_like=True, tag="cleared"):
    """An operator had everything forgotten that was booked under a key."""

    time: float
    key: str


class Renamed(msgspec.Struct, frozen=True, array_like=True, tag="renamed"):
    """A person was erased: what is counted under the old names goes on under the new ones."""

    time: float
    names: dict[str, str]


Entry = Reserved | Progressed | Settled | Released | Lost | Granted | Cleared | Renamed


def renamed(entry: Reserved, pseudonyms: Pseudonyms) -> Reserved:
    """The same reservation under other names."""
    account = msgspec.structs.replace(
        entry.account, principal=pseudonyms.of(entry.account.principal)
    )
    claims = [
        (counter._replace(key=pseudonyms.of(counter.key)), amount)
        for counter, amount in entry.claims
    ]
    return msgspec.structs.replace(entry, account=account, claims=claims)


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Entry).decode
