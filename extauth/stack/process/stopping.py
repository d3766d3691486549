"""Stopping a stack from another process."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from extauth.errors import StackError
from extauth.stack.process.record import StackRecord, birth

if TYPE_CHECKING:
    from extauth.storage.state import StateDir

POLL_SECONDS = 0.05
# Longer than the sum of what the processes are given to stop.
STOP_SECONDS = 60.0


def stop(state: StateDir) -> bool:
    """Stop the stack of a state directory and wait until nothing is left; False if none runs.

    Raises StackError when it belongs to another user.
    """
    record = StackRecord.running(state)
    if record is None:
        return False
    lives = [(record.pid, record.born)] + [
        (one.pid, born) for one in record.processes.values() if (born := birth(one.pid))
    ]
    deadline = time.monotonic() + STOP_SECONDS
    try:
        os.kill(record.pid, signal.SIGTERM)
        while any(birth(pid) == born for pid, born in lives):
            if time.monotonic() > deadline:
                # Its children die with it.
                os.kill(record.pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise StackError(f"the stack (pid {record.pid}) belongs to another user") from None
    return True
