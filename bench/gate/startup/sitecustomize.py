"""Count the opcodes that a Python process runs, in a file that others can read meanwhile.

Python imports this by itself when its directory is on PYTHONPATH. The file that OPCODES names
holds a number of 8 bytes, in this machine's order, for each thread. The count is exact: each thread
has a number of its own, and what happens in here is not traced.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType


def _trace() -> None:
    descriptor = os.open(os.environ["OPCODES"], os.O_RDWR)
    counts = memoryview(mmap.mmap(descriptor, 0)).cast("Q")
    os.close(descriptor)
    slots = count()

    def begin(frame: FrameType, event: str, argument: object) -> Any:
        """Called for the first frame of a thread: from then on the thread has its own."""
        slot = next(slots)

        def opcode(frame: FrameType, event: str, argument: object) -> Any:
            if event == "opcode":
                counts[slot] += 1
            return opcode

        def call(frame: FrameType, event: str, argument: object) -> Any:
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
            return opcode

        sys.settrace(call)
        return call(frame, event, argument)

    threading.settrace(begin)
    sys.settrace(begin)


_trace()
