"""The output of Triton 2.51's metrics port, with the numbers of a test."""

from __future__ import annotations

from pathlib import Path
from string import Template

_TEXT = Template(Path(__file__).with_name("triton.txt").read_text())
_GPUS = Template(Path(__file__).with_name("gpus.txt").read_text())


def printed(*, pending: int = 0, done: int = 0, queue_us: int = 0) -> bytes:
    """Return the metrics of a server without a GPU, with these numbers for `chat`, version 1."""
    return _TEXT.substitute(pending=pending, done=done, queue_us=queue_us).encode()


def printed_with_gpus(first: float, second: float) -> bytes:
    """Return the metrics of an idle server with two GPUs."""
    return printed() + _GPUS.substitute(first=first, second=second).encode()
