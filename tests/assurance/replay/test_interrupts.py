"""Ctrl-C waits for the end of a step, whichever thread receives it."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from extauth.assurance.replay.interrupts import held_back


def _step(done: list[str]) -> None:
    with held_back():
        os.kill(os.getpid(), signal.SIGINT)
        # The other thread has to be given time to receive it.
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            pass
        done.append("all of it")


def test_what_another_thread_receives_waits_too() -> None:
    ended = threading.Event()
    done: list[str] = []
    # It does not block the signal, so the kernel hands it to this one.
    other = threading.Thread(target=ended.wait)
    other.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            _step(done)
    finally:
        ended.set()
        other.join()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_one_nothing_happens() -> None:
    with held_back():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
