"""Logs of unexpected failures: their types and places, never their messages.

The message of an exception may hold what was worked on, a piece of a prompt say.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

    ExcInfo = (
        tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    )

logger = logging.getLogger(__name__)

_CHAIN = 10
"""Causes of one failure that are told."""


class Formatter(logging.Formatter):
    """The format of log lines, with exceptions as `described` writes them."""

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - the library's name
        """Describe the exception below its log line."""
        return described(ei[1])


def described(error: BaseException | None) -> str:
    """Write the type and the places of an error and of its causes, a line each."""
    lines = []
    for _ in range(_CHAIN):
        if error is None:
            break
        lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        lines += [
            f"  {frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(lines)


def keep_quiet(loop: asyncio.AbstractEventLoop) -> None:
    """Have the interpreter and `loop` log every failure in this way."""
    loop.set_exception_handler(_of_loop)
    sys.excepthook = lambda _, error, __: _write("the process failed", error)
    threading.excepthook = lambda given: _write("a thread failed", given.exc_value)
    sys.unraisablehook = lambda given: _write("something failed", given.exc_value)


def _of_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The rest of the context are representations of tasks and what they hold.
    _write(str(context["message"]), context.get("exception"))


def _write(what: str, error: BaseException | None) -> None:
    logger.error("%s\n%s", what, described(error))
