"""What Triton 2.51 prints at its metrics port, where tests give the numbers."""

from __future__ import annotations

from pathlib import Path
from string import Template

_TEXT = Template(Path(__file__).with_name("triton.txt").read_text())
_GPUS = Template(Path(__file__).with_name("gpus.txt").read_text())


def printed(*, pending: int = 0, done: int = 0, queue_us: int = 0) -> bytes:
    """A server without a GPU; the numbers are those of `chat`, version 1.

    One more request of `chat` waits for version 2.
    """
    return _TEXT.substitute(pending=pending, done=done, queue_us=queue_us).encode()


def printed_with_gpus(first: float, second: float) -> bytes:
    """An idle server with two GPUs."""
    return printed() + _GPUS.substitute(first=first, second=second).encode()
