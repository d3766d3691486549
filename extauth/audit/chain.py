"""The chain: a place for everything that the audit log holds, each bound to all before it.

    digest = SHA-256(salt ‖ content)
    link   = SHA-256(link before ‖ digest ‖ "place of event number action")

`of` is what the content is (a record or an action) and `number` which one. What is rewritten gets
another place, with the event that tells why; its newest place tells the digest that it must have
now. The salt is random, 16 bytes, and lies beside the content: once both are overwritten, nobody
can find out from the digest that stays behind what the content was. `action` is the number of the
action that ordered an erasure, else 0.

The first place that is there is the anchor: it is taken as it is. A new log's is place 0, retention
moves it on.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.storage.database import Session

RECORD: Final = "record"
ACTION: Final = "action"
WRITTEN, COMPLETED, ERASED, KEPT = "written", "completed", "erased", "kept"
"""Events. `kept`: carried over as it was, by an upgrade or when retention moved the anchor."""

SALT = 16
_DIGEST = 32
# A longer piece would let other threads run, and has to wait for them afterwards.
_PIECE = 2047

_HEAD = "SELECT place, link FROM chain ORDER BY place DESC LIMIT 1"
_COLUMNS = ("place", "of", "event", "number", "action", "digest", "link")


class Head(NamedTuple):
    """A place and its link, which stands for the whole log up to there. Written `12:9f3c…`."""

    place: int
    link: bytes

    def __str__(self) -> str:
        return f"{self.place}:{self.link.hex()}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """Return the head that a text notes; None when the text is not one."""
        match = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text)
        return None if match is None else cls(int(match[1]), bytes.fromhex(match[2]))


class ChainEntry(NamedTuple):
    """The content of a place."""

    of: str
    event: str
    number: int
    action: int
    digest: bytes


def salts(count: int) -> bytes:
    """So many salts, one behind the other."""
    return os.urandom(SALT * count)


def digest(salt: bytes, content: bytes) -> bytes:
    """The digest that a place holds of its content."""
    made = sha256(salt)
    for at in range(0, len(content), _PIECE):
        made.update(content[at : at + _PIECE])
    return made.digest()


def link(before: bytes, place: int, entry: ChainEntry) -> bytes:
    """The link of an entry behind the link `before`."""
    of, event, number, action, content = entry
    return sha256(
        b"%b%b%d %b %b %d %d"
        % (before, content, place, of.encode(), event.encode(), number, action)
    ).digest()


def head(session: Session) -> Head:
    """Return the newest place."""
    ((place, last),) = session.rows(_HEAD)
    return Head(place, last)


def append(session: Session, entries: Sequence[ChainEntry]) -> Head:
    """Add entries behind the newest; return the last of them.

    In a block that writes to the log, so that nobody else adds any in between. Raises StackError.
    """
    place, last = head(session)
    rows = []
    for at, entry in enumerate(entries, place + 1):
        last = link(last, at, entry)
        rows.append((at, *entry, last))
    session.insert("chain", _COLUMNS, rows)
    return Head(place + len(entries), last)
