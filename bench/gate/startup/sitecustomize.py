"""Count the opcodes that a Python process runs, in a file that others can read meanwhile.

Python imports this by itself when its directory is on PYTHONPATH. The file that OPCODES names
holds the number, in 8 bytes of this machine's order. It is exact, for all threads: CPython lets
another thread run at calls and at jumps back, and to add one takes neither. What happens in here is
not counted.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType


def _shared() -> memoryview[int]:
    descriptor = os.open(os.environ["OPCODES"], os.O_RDWR)
    shared = memoryview(mmap.mmap(descriptor, 0)).cast("Q")
    os.close(descriptor)
    return shared


_counted = _shared()


def _count() -> None:
    # Python 3.12 leaves out some frames when it traces, and has something better.
    if sys.version_info >= (3, 12):

        def instruction(code: CodeType, offset: int) -> None:
            _counted[0] += 1

        tool, event = sys.monitoring.PROFILER_ID, sys.monitoring.events.INSTRUCTION
        sys.monitoring.use_tool_id(tool, "opcodes")
        sys.monitoring.register_callback(tool, event, instruction)
        sys.monitoring.set_events(tool, event)
    else:

        def opcode(frame: FrameType, event: str, argument: object) -> Any:
            if event == "opcode":
                _counted[0] += 1
            return opcode

        def call(frame: FrameType, event: str, argument: object) -> Any:
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
            return opcode

        threading.settrace(call)
        sys.settrace(call)


_count()
