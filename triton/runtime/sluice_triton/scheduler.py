"""Running several requests at once on one thread, each a step in turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue

Work = Iterator[None]


class Scheduler:
    """Steps through all active work in turn, so that no long answer holds up a short one.

    Work is an iterator that does one step when asked for the next item. Steps run one at a time
    and unbatched: an answer's numbers do not depend on what runs beside it. Work that raises has
    ended; `failed` is told, and the rest goes on.
    """

    def __init__(self, capacity: int, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._free = threading.Semaphore(capacity)
        self._arrivals: SimpleQueue[Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> None:
        """Hand over `work`. Waits while as many as `capacity` are active."""
        self._free.acquire()
        self._arrivals.put(work)

    def close(self) -> None:
        """Let the active work end, then stop."""
        self._arrivals.put(None)
        self._thread.join()

    def _run(self) -> None:
        active: deque[Work] = deque()
        accepting = True
        while accepting or active:
            while accepting and not (active and self._arrivals.empty()):
                arrival = self._arrivals.get()
                if arrival is None:
                    accepting = False
                else:
                    active.append(arrival)
            for _ in range(len(active)):
                work = active.popleft()
                if self._step(work):
                    active.append(work)
                else:
                    self._free.release()

    def _step(self, work: Work) -> bool:
        """Whether `work` goes on after one more step."""
        try:
            next(work)
        except StopIteration:
            return False
        except Exception as error:
            self._failed(error)
            return False
        return True
