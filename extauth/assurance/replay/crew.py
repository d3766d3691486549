"""Worker processes that judge pieces; their batches come back in the order of the trace."""

from __future__ import annotations

import multiprocessing
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from extauth.assurance.replay.batch import decode
from extauth.assurance.replay.interrupts import held_back
from extauth.assurance.replay.worker import begin, judge
from extauth.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from extauth.assurance.replay.batch import Batch
    from extauth.assurance.replay.trace import Piece
    from extauth.assurance.replay.worker import Job, ReplayWorker

AHEAD = 3
"""Pieces for each worker that are handed out ahead of the one that is awaited."""


def batches(
    job: Job, own: ReplayWorker, pieces: Iterable[Piece], workers: int
) -> Generator[tuple[Piece, Batch], None, None]:
    """Yield each piece with its batch, in order. Processes are spawned, so they inherit nothing.

    `own` is a worker of the same job in this process. It judges when there is only one worker or
    one piece, and is closed otherwise. No other process is left when the iterator is closed,
    however it ends. Raises StackError when a worker dies, and what `pieces` raises.
    """
    source = iter(pieces)
    ahead = list(islice(source, 2))
    source = chain(ahead, source)
    if workers == 1 or len(ahead) < 2:
        for piece in source:
            yield piece, own.batch(piece)
        return
    own.close()
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    # It lets Ctrl-C through while it starts, so it starts before that is held back.
    resource_tracker.ensure_running()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=begin, initargs=(job, stop))
    waiting: deque[tuple[Piece, Future[bytes]]] = deque()
    failure = None
    try:
        while True:
            while failure is None and len(waiting) < AHEAD * workers:
                try:
                    piece = next(source)
                except StopIteration:
                    break
                except Exception as error:
                    # Raised again when the pieces before it are done.
                    failure = error
                    break
                with held_back():
                    waiting.append((piece, pool.submit(judge, piece)))
            if not waiting:
                break
            piece, future = waiting.popleft()
            yield piece, decode(future.result())
        if failure is not None:
            raise failure
    except BrokenProcessPool:
        raise StackError("a worker process of the replay died") from None
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
