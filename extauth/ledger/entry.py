"""Entries of the journal, one for each change of the book.

The book changes through entries only, while it serves and when the journal of a killed process is
read, so that an entry has one meaning. `time` is the ledger's own: see `Wall`.
"""

from __future__ import annotations

import msgspec

from extauth.ledger.ledger import Counter
from extauth.types import Account, Usage
from extauth.types.pseudonyms import Pseudonyms


class Opened(msgspec.Struct, frozen=True, array_like=True, tag="reserved"):
    """A reservation of amounts in counters; `known` counts if its end is never reported."""

    id: str
    time: float
    account: Account
    claims: list[tuple[Counter, int]]
    known: Usage


class Progressed(msgspec.Struct, frozen=True, array_like=True, tag="progressed"):
    """The usage of a reservation so far."""

    id: str
    time: float
    usage: Usage


class Settled(msgspec.Struct, frozen=True, array_like=True, tag="settled"):
    """The end of a reservation, with its usage."""

    id: str
    time: float
    usage: Usage


class Released(msgspec.Struct, frozen=True, array_like=True, tag="released"):
    """The end of a reservation without usage."""

    id: str
    time: float


class Lost(msgspec.Struct, frozen=True, array_like=True, tag="lost"):
    """The end of a reservation whose process was killed; the usage known of it counts."""

    id: str
    time: float


class Granted(msgspec.Struct, frozen=True, array_like=True, tag="granted"):
    """An operator's grant of more usage in the current window."""

    time: float
    counter: Counter
    amount: int


class Cleared(msgspec.Struct, frozen=True, array_like=True, tag="cleared"):
    """An operator's reset of all counters under a key."""

    time: float
    key: str


class Stepped(msgspec.Struct, frozen=True, array_like=True, tag="stepped"):
    """The wall clock was set by so many seconds: negative, if it was set back."""

    time: float
    by: float


class Renamed(msgspec.Struct, frozen=True, array_like=True, tag="renamed"):
    """The erasure of a person: counters under the old names continue under the new ones."""

    time: float
    names: dict[str, str]


JournalEntry = (
    Opened | Progressed | Settled | Released | Lost | Granted | Cleared | Renamed | Stepped
)


def renamed(entry: Opened, pseudonyms: Pseudonyms) -> Opened:
    """Return the reservation under other names."""
    account = msgspec.structs.replace(
        entry.account, principal=pseudonyms.of(entry.account.principal)
    )
    claims = [
        (counter._replace(key=pseudonyms.of(counter.key)), amount)
        for counter, amount in entry.claims
    ]
    return msgspec.structs.replace(entry, account=account, claims=claims)


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(JournalEntry).decode
