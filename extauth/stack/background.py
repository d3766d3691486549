"""A stack in the background: one process starts it in another and follows it until it is ready."""

from __future__ import annotations

import json
import os
import subprocess
from collections import deque
from typing import IO, TYPE_CHECKING

import msgspec

from extauth.errors import ConfigurationError, SluiceError, StackError
from extauth.stack.demo import Credential
from extauth.stack.process.child import python
from extauth.stack.process.record import StackRecord
from extauth.stack.progress import EventProgress, replay
from extauth.stack.run import run

if TYPE_CHECKING:
    from extauth.stack.activation.compilation import StackOptions
    from extauth.stack.progress import Progress
    from extauth.storage.state import StateDir


def start_detached(
    options: StackOptions, progress: Progress
) -> tuple[StackRecord, tuple[Credential, ...]]:
    """Start a stack in a session of its own and wait until it is ready.

    Raises what `extauth.stack.run.run` raises. An interrupt stops what was started.
    """
    options.state.create()
    log = options.state.logs / "supervisor.log"
    reader, writer = os.pipe()
    with os.fdopen(reader) as events, log.open("ab") as output:
        os.fchmod(output.fileno(), 0o600)
        process = subprocess.Popen(  # noqa: S603  # this very program
            python("-m", "extauth.cli", "supervise", *_arguments(options), "--events", str(writer)),
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
            raise StackError(f"the supervisor died{_tail(options.state)}") from None
        except BaseException:
            process.terminate()
            process.wait()
            raise


def supervise(options: StackOptions, events: IO[str], log: IO[str]) -> None:
    """Run the stack that `start_detached` waits for, and report its start to `events`.

    Raises what `extauth.stack.run.run` raises, after reporting it.
    """
    teller = EventProgress(events, log)

    def announce(record: StackRecord, keys: tuple[Credential, ...]) -> None:
        teller.send("ready", msgspec.to_builtins(record), msgspec.to_builtins(keys))
        teller.close()

    try:
        run(options, teller, announce)
    except SluiceError as error:
        kind = "configuration" if isinstance(error, ConfigurationError) else "stack"
        teller.send("failed", kind, error.message)
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


def _arguments(options: StackOptions) -> list[str]:
    arguments = ["--state-dir", str(options.state.path), "--config", str(options.config)]
    if options.port is not None:
        arguments += ["--port", str(options.port)]
    if options.admin_port is not None:
        arguments += ["--admin-port", str(options.admin_port)]
    return arguments


def _tail(state: StateDir) -> str:
    log = state.logs / "supervisor.log"
    with log.open(errors="replace") as file:
        return "".join(f"\n  {line.rstrip()}" for line in deque(file, 5)) + f"\n  (see {log})"
