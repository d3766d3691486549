"""The progress of long steps: a spinner on a terminal, lines elsewhere, events to a parent."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.status import Status

QUIET_SECONDS = 10.0


class Progress(Protocol):
    """A receiver of progress. Steps do not nest."""

    def begin(self, text: str) -> None:
        """Begin a step."""

    def update(self, text: str) -> None:
        """Show news of the step."""

    def end(self, seconds: float, *, ok: bool) -> None:
        """End the step, after `seconds`."""

    def note(self, text: str) -> None:
        """Show a line of its own."""


@contextmanager
def step(progress: Progress, text: str) -> Iterator[None]:
    """Show `text` while the body runs, and how long it took."""
    progress.begin(text)
    began = time.monotonic()
    ok = False
    try:
        yield
        ok = True
    finally:
        progress.end(time.monotonic() - began, ok=ok)


class Terminal:
    """Progress for people: on a terminal a spinner, elsewhere a line at the begin and the end."""

    def __init__(self, stream: IO[str]) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._status: Status | None = None
        self._text = ""
        self._spoke = 0.0

    def begin(self, text: str) -> None:
        """Begin a step."""
        self._text = text
        self._spoke = time.monotonic()
        if self._console.is_terminal:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._console.print(f"{text} ...", markup=False)

    def update(self, text: str) -> None:
        """Show news of the step, elsewhere than on a terminal at most once in ten seconds."""
        if self._status:
            self._status.update(f"{self._text}: {text}")
        elif time.monotonic() - self._spoke >= QUIET_SECONDS:
            self._spoke = time.monotonic()
            self._console.print(f"  {text}", markup=False)

    def end(self, seconds: float, *, ok: bool) -> None:
        """End the step, after `seconds`."""
        if self._status:
            self._status.stop()
            self._status = None
            mark = "[green]✓[/green]" if ok else "[red]✗[/red]"
            self._console.print(f"{mark} {self._text} [dim]{seconds:.1f} s[/dim]")
        elif ok:
            self._console.print(f"  done in {seconds:.1f} s", markup=False)

    def note(self, text: str) -> None:
        """Show a line of its own."""
        self._console.print(text, markup=False)


class Silent:
    """Progress that is not shown, where a program reads the output."""

    def begin(self, text: str) -> None:
        """Begin a step."""

    def update(self, text: str) -> None:
        """Show news of the step."""

    def end(self, seconds: float, *, ok: bool) -> None:
        """End the step, after `seconds`."""

    def note(self, text: str) -> None:
        """Show a line of its own."""


class EventProgress:
    """Progress as JSON lines, for the process that started this one to show; see `replay`.

    It goes on when the reader has gone.
    """

    def __init__(self, stream: IO[str], log: IO[str]) -> None:
        self._stream: IO[str] | None = stream
        self._log = log

    def begin(self, text: str) -> None:
        """Begin a step."""
        self._say(text)
        self.send("begin", text)

    def update(self, text: str) -> None:
        """Show news of the step."""
        self.send("update", text)

    def end(self, seconds: float, *, ok: bool) -> None:
        """End the step, after `seconds`."""
        self.send("end", seconds, ok)

    def note(self, text: str) -> None:
        """Show a line of its own."""
        self._say(text)
        self.send("note", text)

    def send(self, event: str, *values: object) -> None:
        """Send an event of any other kind."""
        if self._stream:
            try:
                self._stream.write(json.dumps([event, *values]) + "\n")
                self._stream.flush()
            except OSError:
                self._stream = None

    def close(self) -> None:
        """Close the stream."""
        if self._stream:
            self._stream.close()
            self._stream = None

    def _say(self, text: str) -> None:
        self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")
        self._log.flush()


def replay(event: list[object], progress: Progress) -> bool:
    """Show an event of the other process. False if it is not about progress."""
    match event:
        case ["begin", str(text)]:
            progress.begin(text)
        case ["update", str(text)]:
            progress.update(text)
        case ["end", float(seconds), bool(ok)]:
            progress.end(seconds, ok=ok)
        case ["note", str(text)]:
            progress.note(text)
        case _:
            return False
    return True
