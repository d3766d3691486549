"""A place of the chain as a line of JSON, so that who receives the log can verify it too."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from extauth.audit.chain import ChainEntry


class Exported(NamedTuple):
    """An entry with its content and salt; `content` is None where a later place has it."""

    place: int
    entry: ChainEntry
    link: bytes
    salt: bytes
    content: bytes | None

    def line(self) -> bytes:
        """JSON, without a line end. The content is a string: its bytes are what was hashed."""
        of, event, number, action, digest = self.entry
        content = None if self.content is None else self.content.decode(errors="replace")
        return msgspec.json.encode(
            _Line(
                self.place,
                of,
                event,
                number,
                action,
                digest.hex(),
                self.link.hex(),
                None if content is None else self.salt.hex(),
                content,
            )
        )

    @classmethod
    def parse(cls, line: bytes) -> Exported:
        """The entry of a line. Raises msgspec.MsgspecError or ValueError for another one."""
        read = msgspec.json.decode(line, type=_Line)
        return cls(
            read.place,
            ChainEntry(read.of, read.event, read.number, read.action, bytes.fromhex(read.digest)),
            bytes.fromhex(read.link),
            bytes.fromhex(read.salt or ""),
            None if read.content is None else read.content.encode(),
        )


class _Line(msgspec.Struct):
    place: int
    of: str
    event: str
    number: int
    action: int
    digest: str
    link: str
    salt: str | None
    content: str | None
