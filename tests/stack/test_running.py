"""Whole stacks through the command: nothing is left behind, however they end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from extauth.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
SLUICE = str(Path(sys.executable).with_name("sluice"))
PROCESSES = ["triton", "service", "envoy"]


def free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Site:
    """A state directory, a configuration of its own, and the command on both."""

    state: Path
    config: Path
    ports: tuple[int, int]

    @classmethod
    def make(cls, root: Path) -> Site:
        config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
        for model in config["models"].values():
            for name in {"repository", "tokenizer", "chat_template"} & set(model):
                model[name] = str(REPOSITORY / model[name])
        config["policy"]["directory"] = str(REPOSITORY / config["policy"]["directory"])
        site = cls(root / "state", root / "gateway.yaml", free_ports())
        site.config.write_text(yaml.safe_dump(config, sort_keys=False))
        return site

    def command(self, name: str, *options: str) -> list[str]:
        return [SLUICE, name, *options, "--state-dir", str(self.state)]

    def start_command(self, *options: str) -> list[str]:
        port, admin = map(str, self.ports)
        where = ("--config", str(self.config), "--port", port, "--admin-port", admin)
        return self.command("up", *options, *where)

    def sluice(self, name: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = self.start_command(*options) if name == "up" else self.command(name, *options)
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    def up(self) -> dict[str, Any]:
        done = self.sluice("up", "--detach", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def here(self, name: str, *options: str) -> Result:
        """The command in this process, which is quicker where only its effect matters."""
        return CliRunner().invoke(app, [name, *options, "--state-dir", str(self.state)])

    def status(self) -> dict[str, Any]:
        return json.loads(self.here("status", "--json").stdout)

    def demo_keys(self) -> list[str]:
        """Those that the first start made."""
        made = json.loads((self.state / "demo-keys.json").read_text())
        return [one["key"] for one in made]

    def change(self, **changes: Any) -> None:
        config = yaml.safe_load(self.config.read_text())
        self.config.write_text(yaml.safe_dump(config | changes, sort_keys=False))

    def models(self, key: str) -> int:
        """The status that a key gets for the list of models."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[0], timeout=10)
        try:
            connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def processes(self) -> list[int]:
        """Every process that works in the state directory."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cwd").readlink() == self.state:
                    found.append(int(process.name))
            except OSError:
                continue
        return found


def until(condition: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site.make(tmp_path)
    yield one
    one.sluice("down")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A state directory that several stacks use, one after the other."""
    one = Site.make(tmp_path_factory.mktemp("used"))
    yield one
    one.sluice("down")


def test_nothing_outlives_a_stack_and_the_next_one_prints_the_same_keys(used: Site) -> None:
    with subprocess.Popen(
        used.start_command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line == "Ctrl-C stops everything.\n":
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert used.processes() == []
    printed = list(dict.fromkeys(re.findall(r"\bsk-[\w-]+", "".join(lines))))
    assert printed == used.demo_keys()
    assert len(printed) == 3

    assert [one["key"] for one in used.up()["keys"]] == printed
    os.kill(used.status()["pid"], signal.SIGKILL)
    until(lambda: used.processes() == [])
    assert used.sluice("status").returncode == 3


@pytest.fixture(scope="module")
def shared(used: Site) -> Iterator[tuple[Site, dict[str, Any]]]:
    """A running stack for the tests that leave it running."""
    yield used, used.up()
    assert used.sluice("down").stdout == "stopped\n"
    assert used.processes() == []


def test_the_object_that_is_printed_names_all_there_is(
    shared: tuple[Site, dict[str, Any]],
) -> None:
    site, printed = shared
    assert printed["endpoint"] == f"http://127.0.0.1:{site.ports[0]}"
    assert printed["admin"] == f"http://127.0.0.1:{site.ports[1]}"
    assert printed["state_dir"] == str(site.state)
    assert list(printed["processes"]) == PROCESSES
    assert [(one["tenant"], one["tier"], one["roles"]) for one in printed["keys"]] == [
        ("acme", "premium", ["developer"]),
        ("globex", "free", ["viewer"]),
        ("platform", "internal", ["admin"]),
    ]
    assert [one["key"] for one in printed["keys"]] == site.demo_keys()
    assert {site.models(one["key"]) for one in printed["keys"]} == {200}


def test_status_asks_every_process(shared: tuple[Site, dict[str, Any]]) -> None:
    site, printed = shared
    status = json.loads(site.sluice("status", "--json").stdout)
    assert (status["running"], status["ready"]) == (True, True)
    assert status["digest"] == printed["digest"]
    assert [one["ready"] for one in status["processes"].values()] == [True] * len(PROCESSES)


def test_a_second_stack_on_the_same_directory_is_refused(
    shared: tuple[Site, dict[str, Any]],
) -> None:
    site, _ = shared
    done = site.sluice("up", "--detach")
    assert done.returncode == 1
    assert f"already running on {site.state} (pid {site.status()['pid']})" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--port", "--admin-port"])
def test_a_port_in_use_is_one_line(
    shared: tuple[Site, dict[str, Any]], tmp_path: Path, option: str
) -> None:
    taken = shared[0].ports[["--port", "--admin-port"].index(option)]
    site = Site.make(tmp_path)
    done = subprocess.run(
        [*site.start_command("--detach", "--json"), option, str(taken)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"sluice: port {taken} on 127.0.0.1 is in use; choose another one with {option}\n"
    )
    assert site.processes() == []


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_that_dies_is_started_again(
    shared: tuple[Site, dict[str, Any]], name: str
) -> None:
    site, printed = shared
    before = site.status()["processes"][name]
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: site.status()["processes"].get(name, before)["pid"] != before["pid"])
    until(lambda: site.status()["ready"])
    assert site.status()["processes"][name]["restarts"] == before["restarts"] + 1
    assert site.models(printed["keys"][0]["key"]) == 200


def test_applying_nothing_new_changes_nothing(shared: tuple[Site, dict[str, Any]]) -> None:
    site, _ = shared
    before = site.status()
    done = site.here("apply", "--json")
    assert json.loads(done.stdout) == {
        "digest": before["digest"],
        "changed": False,
        "sequence": before["sequence"],
    }


def test_a_change_is_applied_without_a_restart(shared: tuple[Site, dict[str, Any]]) -> None:
    site, printed = shared
    before = site.status()
    site.change(time_zone="Europe/Vienna")
    done = site.here("apply", "--json")
    assert done.exit_code == 0, done.stderr
    after = site.status()
    assert json.loads(done.stdout) == {
        "digest": after["digest"],
        "changed": True,
        "sequence": before["sequence"] + 1,
    }
    assert after["digest"] != before["digest"]
    assert {one["pid"] for one in after["processes"].values()} == {
        one["pid"] for one in before["processes"].values()
    }
    assert site.models(printed["keys"][0]["key"]) == 200


def test_a_bad_configuration_changes_nothing_and_names_its_line(
    shared: tuple[Site, dict[str, Any]],
) -> None:
    site, printed = shared
    before, text = site.status(), site.config.read_text()
    site.config.write_text(f"{text}colour: blue\n")
    done = site.sluice("apply")
    site.config.write_text(text)
    assert done.returncode == 2
    line = len(text.splitlines()) + 1
    assert done.stderr.splitlines()[-1].startswith(f"sluice: {site.config}:{line}: ")
    assert site.status()["digest"] == before["digest"]
    assert site.models(printed["keys"][0]["key"]) == 200


def test_ctrl_c_while_starting_leaves_nothing(site: Site) -> None:
    with subprocess.Popen(
        site.start_command(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("starting service"):
                break
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert errors.splitlines()[-1] == "sluice: stopped before it was ready"
    assert site.processes() == []
