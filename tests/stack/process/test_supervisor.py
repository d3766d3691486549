"""Real small processes: started in order, watched, restarted, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.settings import LogSettings
from extauth.stack.process.child import Child, Command
from extauth.stack.process.logs import LogFile
from extauth.stack.process.record import birth
from extauth.stack.process.shared_memory import DIRECTORY, prefix
from extauth.stack.process.supervisor import LONGEST_DELAY, Supervisor, delay
from extauth.stack.progress import Silent
from extauth.storage.state import StateDir

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

pytestmark = pytest.mark.slow

SLEEP = "import time; time.sleep(60)"
STUBBORN = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("grandchild").write_text(str(grandchild.pid))
pathlib.Path("ready").touch()
time.sleep(60)
"""


NEGLIGENT = STUBBORN.replace("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "")


class Notes(Silent):
    """Progress that remembers what was worth a line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


async def yes() -> bool:
    return True


def exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return path.exists()

    return ready


def command(
    name: str,
    program: str,
    *,
    ready: Callable[[], Awaitable[bool]] = yes,
    within: float = 10.0,
    grace: float = 5.0,
) -> Command:
    return Command(name, [sys.executable, "-c", program], ready, within=within, grace=grace)


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
async def supervisor(tmp_path: Path, notes: Notes) -> AsyncIterator[Supervisor]:
    (tmp_path / "logs").mkdir()
    one = Supervisor(tmp_path, LogSettings(), notes, lambda: None)
    yield one
    await one.stop()


async def test_a_process_runs_in_the_state_directory_and_logs_to_its_file(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    program = f"import os; print(os.getcwd(), flush=True); open('up', 'w').close(); {SLEEP}"
    await supervisor.start(command("one", program, ready=exists(tmp_path / "up")))
    log = tmp_path / "logs" / "one.log"
    await until(lambda: log.read_text().strip() == str(tmp_path))
    assert log.stat().st_mode & 0o777 == 0o600


async def test_a_stop_leaves_nothing(supervisor: Supervisor) -> None:
    for name in ("one", "two"):
        await supervisor.start(command(name, SLEEP))
    pids = [one.pid for one in supervisor.processes.values()]
    await supervisor.stop()
    assert [birth(pid) for pid in pids] == [None, None]
    assert supervisor.processes == {}


async def test_several_start_and_stop_side_by_side(supervisor: Supervisor, tmp_path: Path) -> None:
    waits = "import pathlib, time; pathlib.Path('{0}').touch()\n"
    waits += "while not pathlib.Path('{1}').exists(): time.sleep(0.01)\n"
    waits += "pathlib.Path('{0}-met').touch(); time.sleep(60)"
    await supervisor.start(
        *(
            command(name, waits.format(name, other), ready=exists(tmp_path / f"{name}-met"))
            for name, other in (("one", "two"), ("two", "one"))
        )
    )
    pids = [one.pid for one in supervisor.processes.values()]
    assert list(supervisor.processes) == ["one", "two"]
    await supervisor.stop()
    assert [birth(pid) for pid in pids] == [None, None]


async def test_when_one_of_several_fails_the_others_are_stopped_with_it(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match="two ended with 3"):
        await supervisor.start(
            command("one", SLEEP, ready=exists(tmp_path / "never")),
            command("two", "import sys; sys.exit(3)", ready=exists(tmp_path / "never")),
        )
    pids = [one.pid for one in supervisor.processes.values()]
    await supervisor.stop()
    assert [birth(pid) for pid in pids] == [None]


async def test_the_last_one_started_is_stopped_first(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    program = """
import pathlib, signal, sys, time
def stop(*_):
    with open("order", "a") as file:
        file.write(sys.argv[1])
    sys.exit()
signal.signal(signal.SIGTERM, stop)
pathlib.Path("up" + sys.argv[1]).touch()
time.sleep(60)
"""
    for name in "abc":
        one = Command(
            name, [sys.executable, "-c", program, name], ready=exists(tmp_path / f"up{name}")
        )
        await supervisor.start(one)
    await supervisor.stop()
    assert (tmp_path / "order").read_text() == "cba"


async def test_one_that_ignores_the_request_is_killed_with_its_children(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(command("one", STUBBORN, ready=exists(tmp_path / "ready"), grace=0.1))
    pid = supervisor.processes["one"].pid
    grandchild = int((tmp_path / "grandchild").read_text())
    await supervisor.stop()
    await until(lambda: birth(pid) is None and birth(grandchild) is None)


async def test_one_that_goes_when_asked_leaves_no_child_either(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(command("one", NEGLIGENT, ready=exists(tmp_path / "ready")))
    grandchild = int((tmp_path / "grandchild").read_text())
    await supervisor.stop()
    await until(lambda: birth(grandchild) is None)


async def test_a_process_that_dies_is_started_again(supervisor: Supervisor, notes: Notes) -> None:
    await supervisor.start(command("one", SLEEP))
    first = supervisor.processes["one"].pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: bool(supervisor.processes) and supervisor.processes["one"].pid != first)
    assert supervisor.processes["one"].restarts == 1
    assert notes.lines == ["one was killed by SIGKILL; starting it again in 0.5 s"]


async def test_a_process_that_dies_at_its_start_is_an_error_with_its_last_words(
    supervisor: Supervisor,
) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StackError, match=r"^one ended with 7\n  no space left\n  \(see .*one\.log"):
        await supervisor.start(
            command("one", "import sys; print('no space left'); sys.exit(7)", ready=never)
        )


async def test_a_process_that_dies_while_another_answers_in_its_place_is_an_error(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    async def after_its_death() -> bool:
        return not supervisor.processes

    with pytest.raises(StackError, match=r"^one ended with 3"):
        await supervisor.start(command("one", "import sys; sys.exit(3)", ready=after_its_death))


async def test_a_process_that_never_gets_ready_is_an_error(supervisor: Supervisor) -> None:
    async def never() -> bool:
        return False

    with pytest.raises(StackError, match=r"^one was not ready within 0\.1 s"):
        await supervisor.start(command("one", SLEEP, ready=never, within=0.1))


async def test_a_binary_that_is_not_there_is_an_error(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match=r"^cannot start one \(/nowhere\): No such file"):
        await supervisor.start(Command("one", ["/nowhere"], yes))


async def test_the_log_of_the_previous_start_is_kept(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    (tmp_path / "logs" / "one.log").write_text("before\n")
    await supervisor.start(command("one", SLEEP))
    assert (tmp_path / "logs" / "one.log.1").read_text() == "before\n"


async def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib, sys
from extauth.settings import LogSettings
from extauth.stack.process.child import Child, Command
from extauth.stack.progress import Silent
from extauth.stack.process.supervisor import Supervisor
async def yes(): return True
async def main():
    root = pathlib.Path({str(tmp_path)!r})
    (root / "logs").mkdir()
    one = Supervisor(root, LogSettings(), Silent(), lambda: None)
    await one.start(Command("one", [sys.executable, "-c", {SLEEP!r}], yes))
    print(one.processes["one"].pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert birth(child) is not None
    parent.kill()
    await parent.communicate()
    await until(lambda: birth(child) is None)


def test_restarts_are_ever_slower_up_to_a_bound() -> None:
    delays = [delay(deaths) for deaths in range(1, 12)]
    assert delays[:4] == [0.5, 1.0, 2.0, 4.0]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY == delay(10_000)


SHARING = """
import os, pathlib, sys
name = os.environ["SHARED"] + "_region"
pathlib.Path("/dev/shm", name).write_text("a prompt")
os.chmod(pathlib.Path("/dev/shm", name), 0o644)
pathlib.Path("ready").touch()
import time; time.sleep(60)
"""


async def test_shared_memory_is_private_and_gone_with_its_process(
    tmp_path: Path,
) -> None:
    """Also when it is killed, and when nobody was left to tidy up."""
    shared = prefix(StateDir.at(tmp_path))
    region, earlier = (DIRECTORY / f"{shared}_{name}" for name in ("region", "earlier"))
    earlier.write_text("a prompt of one that was killed with its supervisor")
    child = Child(
        Command(
            "sharing",
            [sys.executable, "-c", SHARING],
            exists(tmp_path / "ready"),
            {"SHARED": shared},
            shared_memory=shared,
        ),
        tmp_path,
        LogFile(tmp_path / "sharing.log", LogSettings()),
    )
    try:
        await child.spawn()
        assert not earlier.exists()
        await child.wait_ready()
        assert stat.S_IMODE(region.stat().st_mode) == 0o600
        child.kill()
        await child.wait()
        assert not region.exists()
    finally:
        region.unlink(missing_ok=True)


SHELL = {
    # What would have texts of requests logged, what is a secret, and what a GPU is found by.
    "GRPC_TRACE": "all",
    "PYTHONASYNCIODEBUG": "1",
    "AWS_SECRET_ACCESS_KEY": "s3cret",
    "PGPASSWORD": "s3cret",
    "CUDA_VISIBLE_DEVICES": "0",
}


@pytest.mark.parametrize("inherits", [(), ("CUDA_",)])
async def test_a_child_sees_what_it_needs_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inherits: tuple[str, ...]
) -> None:
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    command = ["/bin/sh", "-c", "env && touch ready && sleep 60"]
    child = Child(
        Command("told", command, exists(tmp_path / "ready"), {"OWN": "1"}, inherits),
        tmp_path,
        LogFile(tmp_path / "told.log", LogSettings()),
    )
    await child.spawn()
    await child.wait_ready()
    child.kill()
    await child.wait()
    told = dict(line.split("=", 1) for line in (tmp_path / "told.log").read_text().splitlines())
    assert (told["OWN"], told["PATH"]) == ("1", os.environ["PATH"])
    assert SHELL.keys() & told.keys() == ({"CUDA_VISIBLE_DEVICES"} if inherits else set())
