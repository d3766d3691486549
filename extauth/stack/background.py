"""What `start_detached` leaves running: a stack that tells another process how its start goes."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError, SluiceError
from extauth.stack.progress import Events
from extauth.stack.stack import run

if TYPE_CHECKING:
    from extauth.stack.demo import Credential
    from extauth.stack.record import StackRecord
    from extauth.stack.wish import Wish


def supervise(wish: Wish, events: IO[str], log: IO[str]) -> None:
    """The other side of `start_detached`: run a stack and tell `events` how it goes.

    Raises what `extauth.stack.stack.run` raises, after telling.
    """
    teller = Events(events, log)

    def announce(record: StackRecord, keys: tuple[Credential, ...]) -> None:
        teller.send("ready", msgspec.to_builtins(record), msgspec.to_builtins(keys))
        teller.close()

    try:
        run(wish, teller, announce)
    except SluiceError as error:
        kind = "configuration" if isinstance(error, ConfigurationError) else "stack"
        teller.send("failed", kind, error.message)
        raise
