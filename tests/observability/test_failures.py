"""What is written of a failure holds nothing of what was worked on."""

from __future__ import annotations

import subprocess
import sys

from extauth.observability.failures import described

CANARY = "canary-4711"

PROGRAM = """
import asyncio, gc, logging, sys, threading
from extauth.observability.failures import Formatter, keep_quiet

CANARY = "canary-" + "4711"

def fail():
    held = CANARY
    raise KeyError(held)

async def forgotten():
    fail()

class Unraisable:
    def __del__(self):
        fail()

async def main():
    keep_quiet(asyncio.get_running_loop())
    try:
        try:
            fail()
        except KeyError as error:
            raise ValueError(CANARY) from error
    except ValueError:
        logging.getLogger("x").exception("request %s failed", "r1")
    task = asyncio.create_task(forgotten(), name=CANARY)
    await asyncio.sleep(0.01)
    del task
    gc.collect()
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)
    thread = threading.Thread(target=fail, name=CANARY)
    thread.start()
    thread.join()
    Unraisable()
    gc.collect()
    fail()

handler = logging.StreamHandler(sys.stderr)
handler.setFormatter(Formatter("%(levelname)s %(message)s"))
logging.basicConfig(handlers=[handler])
asyncio.run(main())
"""


def test_every_way_to_fail_is_told_without_its_message() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert CANARY not in done.stderr + done.stdout
    for told in (
        "request r1 failed",
        "Task exception was never retrieved",
        "Exception in callback",
        "a thread failed",
        "something failed",
        "the process failed",
        "builtins.ValueError",
    ):
        assert told in done.stderr, done.stderr
    assert done.stderr.count("builtins.KeyError") == 6
    assert "in fail" in done.stderr


def test_an_endless_chain_of_causes_ends() -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one

    assert len(described(one).splitlines()) == 10
