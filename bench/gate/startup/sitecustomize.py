"""Count the opcodes that a Python process runs, in a file that others can read meanwhile.

Python imports this by itself when its directory is on PYTHONPATH. The file that OPCODES names
holds a number of 8 bytes, in this machine's order, for each thread. The count is exact: what
happens in here is not counted.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType


def _shared() -> memoryview[int]:
    descriptor = os.open(os.environ["OPCODES"], os.O_RDWR)
    shared = memoryview(mmap.mmap(descriptor, 0)).cast("Q")
    os.close(descriptor)
    return shared


class _Thread(threading.local):
    """Has the number of the thread that asks."""

    def __init__(self) -> None:
        self.number = next(_numbers)


_counted = _shared()
_numbers = count()
_thread = _Thread()


def _count() -> None:
    # Python 3.12 leaves out some frames when it traces, and has something better.
    if sys.version_info >= (3, 12):

        def instruction(code: CodeType, offset: int) -> None:
            _counted[_thread.number] += 1

        tool, event = sys.monitoring.PROFILER_ID, sys.monitoring.events.INSTRUCTION
        sys.monitoring.use_tool_id(tool, "opcodes")
        sys.monitoring.register_callback(tool, event, instruction)
        sys.monitoring.set_events(tool, event)
    else:

        def opcode(frame: FrameType, event: str, argument: object) -> Any:
            if event == "opcode":
                _counted[_thread.number] += 1
            return opcode

        def call(frame: FrameType, event: str, argument: object) -> Any:
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
            return opcode

        threading.settrace(call)
        sys.settrace(call)


_count()
