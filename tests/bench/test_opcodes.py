"""Opcodes of another process, counted from outside of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.gate.opcodes import STARTUP, THREADS, read

LOOP = "def loop(n):\n    for _ in range(n): pass\n"
MAIN = LOOP + "loop({})"
THREAD = (
    LOOP + "import threading\nt = threading.Thread(target=loop, args=({},))\nt.start(); t.join()"
)
COROUTINE = (
    "import asyncio\n"
    + LOOP
    + (
        "async def main(n):\n    await asyncio.sleep(0)\n    for _ in range(n): pass\n"
        "asyncio.run(main({}))"
    )
)
SEVERAL = (
    LOOP
    + "import sys, threading\n"
    + "sys.setswitchinterval(1e-6)\n"
    + "ts = [threading.Thread(target=loop, args=({},)) for _ in range(4)]\n"
    + "for t in ts: t.start()\n"
    + "for t in ts: t.join()"
)


@pytest.mark.parametrize("program", [MAIN, THREAD, COROUTINE], ids=["main", "thread", "coroutine"])
def test_each_round_of_a_loop_adds_the_same(program: str, tmp_path: Path) -> None:
    one, two, three = (counted(program.format(1000 * n), tmp_path) for n in (1, 2, 3))
    assert two - one == three - two
    assert (two - one) % 1000 == 0
    assert two > one


def test_threads_at_once_lose_nothing(tmp_path: Path) -> None:
    one, many = (counted(SEVERAL.format(n), tmp_path) for n in (1_000, 6_000))
    # Waiting for a lock takes a few of its own.
    each = counted(MAIN.format(2_000), tmp_path) - counted(MAIN.format(1_000), tmp_path)
    assert many - one == pytest.approx(4 * 5 * each, abs=500)


def test_each_thread_has_a_count_of_its_own(tmp_path: Path) -> None:
    few, many = (read_of(THREAD.format(n), tmp_path) for n in (1_000, 5_000))
    main, other = few
    assert many[main] == few[main]
    assert many[other] > 4 * few[other]


def test_what_c_does_adds_nothing(tmp_path: Path) -> None:
    assert counted("sum(range(10))", tmp_path) == counted("sum(range(100_000))", tmp_path)


def counted(program: str, tmp_path: Path) -> int:
    """The opcodes that a process of its own takes for this."""
    return sum(read_of(program, tmp_path).values())


def read_of(program: str, tmp_path: Path) -> Mapping[int, int]:
    """The same, by thread."""
    counts = tmp_path / "opcodes"
    counts.write_bytes(bytes(8 * THREADS))
    variables = {"PYTHONPATH": str(STARTUP), "OPCODES": str(counts), "PYTHONHASHSEED": "0"}
    subprocess.run(
        [sys.executable, "-P", "-c", program], check=True, env={**os.environ, **variables}
    )
    return read(counts)
