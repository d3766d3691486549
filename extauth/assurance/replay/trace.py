"""Traces of recorded decisions, cut into pieces that workers read by themselves.

An audit log is cut by time, a file of JSON lines by bytes. A compressed file can only be read
from its beginning, so its pieces hold their lines.
"""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import msgspec

from extauth.audit.reader import START, AuditReader, LogPosition
from extauth.errors import ConfigurationError, StackError
from extauth.settings import StoreSettings
from extauth.stores import open_audit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EMBEDDED = StoreSettings()
RECORDS = 512
BYTES = 1 << 20

_SQLITE = b"SQLite format 3\0"
_GZIP = b"\x1f\x8b"


class Cursor(msgspec.Struct, frozen=True):
    """A position in a trace: records read, and bytes of the plain text or the place in the log."""

    records: int = 0
    offset: int = 0
    time: float | None = None
    number: int = -1


class Piece(Protocol):
    """Some records in the order of the trace. Picklable; read by a worker."""

    def rows(self) -> Sequence[bytes]:
        """Return the records as JSON. Raises StackError when they can't be read."""

    def after(self, cursor: Cursor, records: int) -> Cursor:
        """Return the cursor behind this piece, which held `records`."""


class Trace(Protocol):
    """Recorded decisions, the oldest first."""

    def identity(self) -> tuple[str | int, ...]:
        """Return what tells this trace from every other, and from itself before a change."""

    def pieces(self, cursor: Cursor) -> Iterator[Piece]:
        """Yield everything behind the cursor. Raises ConfigurationError when it can't be read."""

    def share(self, cursor: Cursor) -> float:
        """Return the share of the trace that lies before the cursor, from 0 to 1."""

    def where(self, number: int) -> str:
        """Return the place of record `number` of the trace, counted from 1, for people."""


def open_trace(
    path: Path,
    since: float | None = None,
    until: float | None = None,
    store: StoreSettings = EMBEDDED,
) -> Trace:
    """Open the trace in a file: an audit log, or JSON lines, plain or compressed by gzip.

    With a `store` that is not embedded, the trace is the audit log there, and no file. The range
    spares reading an audit log; of a file, every record is read, and the range is the worker's.
    Raises ConfigurationError when there is no such trace, or it can't be read.
    """
    if store.kind != "embedded":
        return LogTrace(path, since, until, store)
    try:
        with path.open("rb") as file:
            magic = file.read(len(_SQLITE))
    except FileNotFoundError:
        raise ConfigurationError("no decisions are recorded here", file=path) from None
    except OSError as error:
        raise ConfigurationError(error.strerror or "unreadable", file=path) from None
    if magic == _SQLITE:
        return LogTrace(path, since, until)
    return GzipTrace(path) if magic.startswith(_GZIP) else LinesTrace(path)


class LogPiece(msgspec.Struct, frozen=True):
    """The records of an audit log after a place, up to another one."""

    path: str
    store: StoreSettings
    begin: LogPosition
    end: LogPosition
    newest: int

    def rows(self) -> Sequence[bytes]:
        """See Piece."""
        records = _reader(self.path, self.store).records(self.begin, self.end, self.newest)
        return [record for _, _, record in records]

    def after(self, cursor: Cursor, records: int) -> Cursor:
        """See Piece."""
        return Cursor(cursor.records + records, 0, self.end.time, self.end.number)


class LogTrace:
    """An audit log, up to the record that is the newest when it is opened."""

    def __init__(
        self, path: Path, since: float | None, until: float | None, store: StoreSettings = EMBEDDED
    ) -> None:
        """Open it. Raises ConfigurationError when it can't be read."""
        self._path = path
        self._store = store
        self._until = float("inf") if until is None else until
        self._since = START if since is None else LogPosition(since, -1)
        try:
            self._log = open_audit(store, path)
            self._reader = AuditReader(self._log)
            self._newest = self._reader.newest()
            self._total = self._reader.count(self._since, self._until, self._newest)
        except StackError as error:
            raise ConfigurationError(error.message) from None

    def identity(self) -> tuple[str | int, ...]:
        """See Trace. The log only ever grows, so its size is not part of it."""
        return self._log.identity()

    def pieces(self, cursor: Cursor) -> Iterator[Piece]:
        """See Trace."""
        begin = self._since if cursor.time is None else LogPosition(cursor.time, cursor.number)
        while (end := self._reader.piece(begin, self._until, self._newest, RECORDS)) is not None:
            yield LogPiece(str(self._path), self._store, begin, end, self._newest)
            begin = end

    def share(self, cursor: Cursor) -> float:
        """See Trace."""
        return min(1.0, cursor.records / self._total) if self._total else 1.0

    def where(self, number: int) -> str:
        """See Trace."""
        return f"{self._log.name}: record {number} of the range"


class BytesPiece(msgspec.Struct, frozen=True):
    """Whole lines of a file, by their bytes."""

    path: str
    begin: int
    end: int

    def rows(self) -> Sequence[bytes]:
        """See Piece."""
        try:
            with Path(self.path).open("rb") as file:
                file.seek(self.begin)
                return file.read(self.end - self.begin).splitlines()
        except OSError as error:
            raise StackError(f"{self.path}: can't be read: {error.strerror}") from None

    def after(self, cursor: Cursor, records: int) -> Cursor:
        """See Piece."""
        return Cursor(cursor.records + records, self.end)


class LinesTrace:
    """A file of JSON lines, as `sluice audit export` writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size

    def identity(self) -> tuple[str | int, ...]:
        """See Trace. The size and time of the file are part of it."""
        state = self._path.stat()
        return ("lines", str(self._path.resolve()), state.st_size, state.st_mtime_ns)

    def pieces(self, cursor: Cursor) -> Iterator[Piece]:
        """See Trace."""
        begin = cursor.offset
        try:
            with self._path.open("rb") as file:
                while begin < self._size:
                    file.seek(min(begin + BYTES, self._size) - 1)
                    file.readline()
                    end = file.tell()
                    yield BytesPiece(str(self._path), begin, end)
                    begin = end
        except OSError as error:
            raise ConfigurationError(error.strerror or "unreadable", file=self._path) from None

    def share(self, cursor: Cursor) -> float:
        """See Trace."""
        return cursor.offset / self._size if self._size else 1.0

    def where(self, number: int) -> str:
        """See Trace."""
        return f"{self._path}:{number}"


class TextPiece(msgspec.Struct, frozen=True):
    """Whole lines of a compressed file."""

    text: bytes

    def rows(self) -> Sequence[bytes]:
        """See Piece."""
        return self.text.splitlines()

    def after(self, cursor: Cursor, records: int) -> Cursor:
        """See Piece."""
        return Cursor(cursor.records + records, cursor.offset + len(self.text))


class GzipTrace:
    """A compressed file of JSON lines. What lies before a cursor is read again, and skipped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = path.stat().st_size
        self._read = 0

    def identity(self) -> tuple[str | int, ...]:
        """See Trace. The size and time of the file are part of it."""
        state = self._path.stat()
        return ("gzip", str(self._path.resolve()), state.st_size, state.st_mtime_ns)

    def pieces(self, cursor: Cursor) -> Iterator[Piece]:
        """See Trace. Text that was read before the file turned out to be cut is yielded first."""
        with self._path.open("rb") as raw, gzip.open(raw) as text:
            try:
                text.seek(cursor.offset)
            except (EOFError, OSError, zlib.error) as error:
                raise self._broken(error) from None
            while True:
                read, failure = self._more(raw, text)
                if read:
                    yield TextPiece(read)
                if failure is not None:
                    raise self._broken(failure)
                if not read:
                    return

    def share(self, cursor: Cursor) -> float:
        """See Trace: how much of the file was read, which runs a little ahead."""
        del cursor
        return min(1.0, self._read / self._size)

    def where(self, number: int) -> str:
        """See Trace."""
        return f"{self._path}:{number}"

    def _more(self, raw: BinaryIO, text: gzip.GzipFile) -> tuple[bytes, Exception | None]:
        parts: list[bytes] = []
        size = 0
        try:
            while size < BYTES and (line := text.readline()):
                parts.append(line)
                size += len(line)
        except (EOFError, OSError, zlib.error) as error:
            return b"".join(parts), error
        finally:
            self._read = raw.tell()
        return b"".join(parts), None

    def _broken(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(f"is truncated or not gzip: {error}", file=self._path)


@lru_cache(maxsize=1)
def _reader(path: str, store: StoreSettings) -> AuditReader:
    """Return the reader of this process, which lives as long as it does."""
    return AuditReader(open_audit(store, Path(path)))
