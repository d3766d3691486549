"""Verification of the chain: nothing was changed, removed or put in since it was written.

A log that is wholly rewritten, or cut at its end, is consistent in itself. Only a head that was
noted elsewhere tells: `Head` of an earlier verification must still be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.audit.action import Action
from extauth.audit.chain import (
    ACTION,
    COMPLETED,
    ERASED,
    KEPT,
    RECORD,
    WRITTEN,
    ChainEntry,
    Head,
    digest,
    link,
)
from extauth.audit.exported import Exported
from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.audit.log import AuditLog
    from extauth.storage.database import Session

ERASURE = "privacy.erase"
MOST = 20
"""Problems that are told apart; further ones are counted."""

_AT_ONCE = 2000
_FIRST = "SELECT place, link FROM chain ORDER BY place LIMIT 1"
# Whoever tampers with a file may put other types in: they are taken for what belongs there.
_PIECE = """
SELECT chain.place, CAST(of AS TEXT), CAST(event AS TEXT), CAST(chain.number AS BIGINT),
  CAST(chain.action AS BIGINT), CAST(digest AS {blob}), CAST(link AS {blob}),
  CAST(CASE chain.place WHEN records.place THEN records.salt
                        WHEN actions.place THEN actions.salt END AS {blob}),
  CAST(CASE chain.place WHEN records.place THEN record
                        WHEN actions.place THEN actions.action END AS {blob}),
  records.request_id, records.time, tenant, outcome
FROM chain
LEFT JOIN records ON chain.of = 'record' AND records.number = chain.number
LEFT JOIN actions ON chain.of = 'action' AND actions.number = chain.number
WHERE chain.place > ? ORDER BY chain.place LIMIT ?
"""
_STRAY = """
SELECT {of}s.number FROM {of}s
LEFT JOIN chain ON chain.place = {of}s.place AND chain.number = {of}s.number AND chain.of = '{of}'
WHERE chain.place IS NULL ORDER BY {of}s.number LIMIT ?
"""


class Problem(msgspec.Struct, frozen=True):
    """A place where the chain does not hold; `place` is None for a fault of the whole."""

    place: int | None
    message: str


class Verified(msgspec.Struct, frozen=True):
    """The result of a verification.

    `records` and `actions` have the content that the chain promises; `erased` places tell of
    records or actions that an erasure rewrote. The chain goes from the place `first`, which is
    taken as it is, to `head`.
    """

    valid: bool
    records: int
    actions: int
    erased: int
    first: int
    head: str
    problems: tuple[Problem, ...]
    more_problems: int


class _Principal(msgspec.Struct):
    tenant: str


class _Columns(msgspec.Struct):
    """The fields of a record that the log's columns repeat."""

    request_id: str
    time: float
    outcome: str
    principal: _Principal | None = None


class Verification:
    """Takes the entries of one chain, the oldest first, and looks at each."""

    def __init__(self, anchor: Head, noted: Head | None, *, whole: bool) -> None:
        """`noted` is a head that must be among the entries, or be the anchor.

        A log that is not `whole` need not have the actions that its erasures name.
        """
        self._whole = whole
        self.last = self._anchor = anchor
        self._noted = noted
        self._problems: list[Problem] = []
        self._count = {RECORD: 0, ACTION: 0}
        self._newest = {RECORD: 0, ACTION: 0}
        self._erased = 0
        self._more = 0
        # Contents that have to come further on, by what they are: their first place.
        self._open: dict[tuple[str, int], int] = {}
        self._actions: dict[int, bytes] = {}
        self._completed: set[int] = set()
        self._kinds: dict[int, str] = {}
        self._ordered: dict[int, int] = {}
        self._note(anchor)

    def problem(self, place: int | None, message: str) -> None:
        """Something is wrong."""
        if len(self._problems) < MOST:
            self._problems.append(Problem(place, message))
        else:
            self._more += 1

    def anchor(self, anchor: Head) -> None:
        """Go on here: retention has moved the anchor past what was looked at."""
        self.last = self._anchor = anchor
        self._open.clear()

    def take(self, exported: Exported) -> None:
        """The next entry, with its content where this is the newest place of it."""
        entry, place = exported.entry, exported.place
        if place != self.last.place + 1:
            self.problem(place, f"entries between place {self.last.place} and this are missing")
        elif link(self.last.link, place, entry) != exported.link:
            self.problem(place, "the link does not follow from the entry and the link before it")
        self.last = Head(place, exported.link)
        self._note(self.last)
        self._follow(place, entry)
        key = (entry.of, entry.number)
        if exported.content is None:
            self._open.setdefault(key, place)
            return
        self._open.pop(key, None)
        if digest(exported.salt, exported.content) != entry.digest:
            self.problem(place, f"{entry.of} {entry.number} was changed")
            return
        self._count[entry.of] += 1
        if entry.of == ACTION:
            self._read_action(place, entry, exported.content)

    def done(self) -> Verified:
        """The result, when there are no more entries."""
        for (of, number), place in self._open.items():
            self.problem(place, f"{of} {number} was removed")
        for action, place in self._ordered.items():
            if self._kinds.get(action, None if self._whole else ERASURE) != ERASURE:
                self.problem(place, f"no erasure is on record as action {action}")
        noted = self._noted
        if noted is not None and noted.place < self._anchor.place:
            self.problem(noted.place, "the log does not reach back to this head any more")
        elif noted is not None and noted.place > self.last.place:
            self.problem(noted.place, f"the log ends at place {self.last.place}, before this head")
        return Verified(
            valid=not self._problems,
            records=self._count[RECORD],
            actions=self._count[ACTION],
            erased=self._erased,
            first=self._anchor.place,
            head=str(self.last),
            problems=tuple(self._problems),
            more_problems=self._more,
        )

    def _note(self, head: Head) -> None:
        if self._noted is not None and head.place == self._noted.place and head != self._noted:
            self.problem(head.place, "the log has another link than the head that was noted")

    def _follow(self, place: int, entry: ChainEntry) -> None:
        """Return whether this event may follow those of the same content."""
        of, event, number = entry.of, entry.event, entry.number
        if of not in self._count or event not in {WRITTEN, COMPLETED, ERASED, KEPT}:
            self.problem(place, "the entry is of no kind that there is")
            self._count.setdefault(of, 0)
            self._newest.setdefault(of, 0)
        elif event == WRITTEN:
            if number <= self._newest[of]:
                self.problem(place, f"{of} {number} was written before")
            self._newest[of] = number
        elif event == ERASED:
            self._erased += 1
            self._ordered.setdefault(entry.action, place)
        elif event == COMPLETED and (of != ACTION or number in self._completed):
            self.problem(place, f"{of} {number} was completed before")
        elif event == KEPT and self._actions.get(number, entry.digest) != entry.digest:
            self.problem(place, f"{of} {number} was not kept as it was")
        if of == ACTION:
            self._actions[number] = entry.digest
        if event == COMPLETED:
            self._completed.add(number)

    def _read_action(self, place: int, entry: ChainEntry, content: bytes) -> None:
        try:
            self._kinds[entry.number] = msgspec.json.decode(content, type=Action).kind
        except msgspec.MsgspecError:
            self.problem(place, f"action {entry.number} can't be read")


def verify(log: AuditLog, noted: Head | None = None) -> Verified:
    """Verify a log, also while a gateway writes to it. Raises StackError when it can't be read."""
    with log.reading() as session:
        verification = Verification(_anchor(session, log), noted, whole=True)
        for entry, columns in _entries(session, log, verification.last.place):
            if entry.place != verification.last.place + 1:
                # Retention may have gone past this meanwhile.
                anchor = _anchor(session, log)
                if anchor.place > verification.last.place:
                    verification.anchor(anchor)
            if entry.place > verification.last.place:
                verification.take(entry)
                _compare(verification, entry, columns)
        for of in (RECORD, ACTION):
            # Of this file's own words.
            for (number,) in session.rows(_STRAY.format(of=of), MOST):
                verification.problem(None, f"{of} {number} is not in the chain")
    return verification.done()


def verify_exported(path: Path, noted: Head | None = None) -> Verified:
    """Verify a chain that was exported to a file. Raises StackError when it is none."""
    verification: Verification | None = None
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    entry = Exported.parse(line)
                except (msgspec.MsgspecError, ValueError) as error:
                    raise StackError(
                        f"{path}:{number}: is not an entry of a chain: {error}"
                    ) from None
                if verification is None:
                    anchor = Head(entry.place, entry.link)
                    verification = Verification(anchor, noted, whole=not entry.place)
                else:
                    verification.take(entry)
    except OSError as error:
        raise StackError(f"{path}: can't be read: {error.strerror}") from None
    if verification is None:
        raise StackError(f"{path}: is empty; `sluice audit export --chain` writes one")
    return verification.done()


def export_chain(log: AuditLog, after: Head | None = None) -> Iterator[bytes]:
    """Yield a log's chain as lines of JSON without their ends, from the anchor or a head on.

    The first line is taken as it is by who verifies. Raises StackError when the log can't be read,
    or does not have that head.
    """
    with log.snapshot() as session:
        begin = _anchor(session, log) if after is None else after
        entries = (exported for exported, _ in _entries(session, log, begin.place - 1))
        first = next(entries, None)
        if first is None or (first.place, first.link) != begin:
            raise StackError(
                f"{log.name}: has no head {begin}: it is older than what is kept, or another log's"
            )
        yield first._replace(content=None).line()
        yield from (entry.line() for entry in entries)


def _anchor(session: Session, log: AuditLog) -> Head:
    first = session.rows(_FIRST)
    if not first:
        raise StackError(f"{log.name}: has no chain")
    return Head(*first[0])


def _entries(
    session: Session, log: AuditLog, after: int
) -> Iterator[tuple[Exported, tuple[object, ...]]]:
    """Yield the entries after a place, each with what the log's columns repeat of its content.

    No statement stays open between two pieces: a gateway that writes is not held up.
    """
    query, last = _PIECE.format(blob=log.blob), after
    while rows := session.rows(query, last, _AT_ONCE):
        for last, of, event, number, action, made, linked, salt, content, *columns in rows:
            entry = ChainEntry(of, event, number, action, made)
            yield Exported(last, entry, linked, salt or b"", content), tuple(columns)


def _compare(verification: Verification, exported: Exported, columns: tuple[object, ...]) -> None:
    """Return whether the columns that records are found by agree with the content."""
    entry = exported.entry
    if entry.of != RECORD or exported.content is None:
        return
    try:
        read = msgspec.json.decode(exported.content, type=_Columns)
    except msgspec.MsgspecError:
        verification.problem(exported.place, f"record {entry.number} can't be read")
        return
    tenant = read.principal.tenant if read.principal else None
    if columns != (read.request_id, read.time, tenant, read.outcome):
        verification.problem(
            exported.place, f"record {entry.number} is filed under what it does not say"
        )
