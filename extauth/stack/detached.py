"""A stack in the background: one process starts it in another and follows until it is ready."""

from __future__ import annotations

import json
import os
import subprocess
from collections import deque
from typing import IO, TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError, StackError
from extauth.stack.child import python
from extauth.stack.demo import Credential
from extauth.stack.progress import replay
from extauth.stack.record import StackRecord

if TYPE_CHECKING:
    from extauth.stack.progress import Progress
    from extauth.stack.wish import Wish
    from extauth.storage.state import StateDir


def start_detached(wish: Wish, progress: Progress) -> tuple[StackRecord, tuple[Credential, ...]]:
    """Start a stack in a session of its own and return when it is ready.

    Raises what `extauth.stack.stack.run` raises. An interrupt stops what was started.
    """
    wish.state.create()
    log = wish.state.logs / "supervisor.log"
    reader, writer = os.pipe()
    with os.fdopen(reader) as events, log.open("ab") as output:
        os.fchmod(output.fileno(), 0o600)
        process = subprocess.Popen(  # noqa: S603  # this very program
            python("-m", "extauth.cli", "supervise", *_options(wish), "--events", str(writer)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[writer],
        )
        os.close(writer)
        try:
            return _follow(events, progress)
        except EOFError:
            raise StackError(f"the supervisor died{_tail(wish.state)}") from None
        except BaseException:
            process.terminate()
            process.wait()
            raise


def _follow(events: IO[str], progress: Progress) -> tuple[StackRecord, tuple[Credential, ...]]:
    for line in events:
        match event := json.loads(line):
            case ["ready", record, keys]:
                return (
                    msgspec.convert(record, StackRecord),
                    msgspec.convert(keys, tuple[Credential, ...]),
                )
            case ["failed", "configuration", str(message)]:
                raise ConfigurationError(message)
            case ["failed", _, str(message)]:
                raise StackError(message)
            case _:
                replay(event, progress)
    raise EOFError


def _options(wish: Wish) -> list[str]:
    options = ["--state-dir", str(wish.state.path), "--config", str(wish.config)]
    if wish.port is not None:
        options += ["--port", str(wish.port)]
    if wish.admin_port is not None:
        options += ["--admin-port", str(wish.admin_port)]
    return options


def _tail(state: StateDir) -> str:
    log = state.logs / "supervisor.log"
    with log.open(errors="replace") as file:
        return "".join(f"\n  {line.rstrip()}" for line in deque(file, 5)) + f"\n  (see {log})"
