"""Real stacks, started and stopped as a user would: `sluice up --detach`, `sluice down`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import openai
import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[2]
SLUICE = str(Path(sys.executable).with_name("sluice"))
PROMPT = [{"role": "user", "content": "What is Sluice?"}]


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass(slots=True)
class Stack:
    """A running stack, as `sluice up --detach --json` describes it."""

    endpoint: str
    admin: str
    state_dir: Path
    processes: dict[str, int]
    keys: list[dict[str, Any]]
    clients: list[httpx.Client] = field(default_factory=list)
    model_server: str | None = None

    def key(self, tenant: str) -> str:
        """The demo key of a tenant."""
        return str(next(key["key"] for key in self.keys if key["tenant"] == tenant))

    def http(self, tenant: str | None = "acme", *, key: str | None = None) -> httpx.Client:
        """A plain HTTP client with a tenant's demo key, or with `key`, or with none."""
        key = key or (self.key(tenant) if tenant else None)
        client = httpx.Client(
            base_url=self.endpoint,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=30,
        )
        self.clients.append(client)
        return client

    def openai(self, tenant: str = "acme", *, key: str | None = None) -> openai.OpenAI:
        """The official client, unchanged."""
        return openai.OpenAI(
            base_url=f"{self.endpoint}/v1", api_key=key or self.key(tenant), max_retries=0
        )

    def sluice(self, *arguments: str) -> str:
        """Run a command on this stack's state directory and return what it prints."""
        return sluice(*arguments, "--state-dir", str(self.state_dir))

    def json(self, *arguments: str) -> Any:
        """The same with --json, parsed."""
        return json.loads(self.sluice(*arguments, "--json"))

    def create_key(self, name: str, tenant: str, tier: str, *roles: str, **options: str) -> str:
        """Create an API key as an operator would, and return it."""
        chosen = [item for role in roles for item in ("--role", role)]
        chosen += [item for name, value in options.items() for item in (f"--{name}", value)]
        created = self.json("keys", "create", name, "--tenant", tenant, "--tier", tier, *chosen)
        return str(created["key"])

    def audit(self, request_id: str) -> dict[str, Any]:
        """The record of a request, once it is written: within a moment of the answer."""
        return eventually(lambda: self.json("audit", "show", request_id)["records"][-1])

    def metrics(self) -> str:
        """What Prometheus would scrape."""
        token = (self.state_dir / "admin.token").read_text().strip()
        response = httpx.get(f"{self.admin}/metrics", headers={"authorization": f"Bearer {token}"})
        return response.raise_for_status().text

    def kill(self, process: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to one of the stack's processes."""
        os.kill(self.processes[process], number)

    @property
    def triton(self) -> str:
        """Triton's own address, past the gateway."""
        if self.model_server is not None:
            return self.model_server
        record = json.loads((self.state_dir / "run/stack.json").read_text())
        return f"http://127.0.0.1:{record['ports']['triton_http']}"


def sluice(*arguments: str) -> str:
    """Run the command line; its error output is the assertion's message."""
    done = subprocess.run(
        [SLUICE, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def eventually(attempt: Callable[[], Any], within: float = 10.0) -> Any:
    """What `attempt` returns once it stops failing an assertion."""
    deadline = time.monotonic() + within
    while True:
        try:
            return attempt()
        except (AssertionError, httpx.HTTPError, openai.APIError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def up(state_dir: Path, config: Path = REPOSITORY / "gateway.yaml") -> Stack:
    """Start a stack beside any other."""
    printed = json.loads(
        sluice(
            "up",
            "--detach",
            "--json",
            *("--config", str(config), "--state-dir", str(state_dir)),
            *("--port", str(free_port()), "--admin-port", str(free_port())),
        )
    )
    return Stack(
        endpoint=printed["endpoint"],
        admin=printed["admin"],
        state_dir=Path(printed["state_dir"]),
        processes=printed["processes"],
        keys=printed["keys"],
    )


def down(stack: Stack) -> None:
    """Stop it, and look that nothing is left."""
    for client in stack.clients:
        client.close()
    sluice("down", "--state-dir", str(stack.state_dir))
    assert not [name for name, pid in stack.processes.items() if Path(f"/proc/{pid}").exists()]


def share_triton(config: dict[str, Any], url: str) -> None:
    """Have a configuration use a model server that runs already."""
    del config["backends"]["triton"]["embedded"]
    config["backends"]["triton"]["url"] = url
    for model in config["models"].values():
        del model["repository"]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The demo, shared: tests change nothing that another one relies on."""
    running = up(tmp_path_factory.mktemp("stack") / "state")
    yield running
    down(running)


@pytest.fixture
def private_stack(tmp_path: Path, stack: Stack) -> Iterator[Callable[..., Stack]]:
    """Starts a stack with a changed configuration, for tests that break things.

    Its model server is the shared one, which is quicker, unless the test wants `own_triton`.
    """
    started: list[Stack] = []

    def start(
        change: Callable[[dict[str, Any]], None] = lambda _: None, *, own_triton: bool = False
    ) -> Stack:
        config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
        for model in config["models"].values():
            for name in ("repository", "tokenizer", "chat_template"):
                if name in model:
                    model[name] = str(REPOSITORY / model[name])
        config["policy"]["directory"] = str(REPOSITORY / config["policy"]["directory"])
        if not own_triton:
            share_triton(config, stack.triton)
        change(config)
        path = tmp_path / "gateway.yaml"
        path.write_text(yaml.safe_dump(config))
        running = up(tmp_path / "state", path)
        running.model_server = None if own_triton else stack.triton
        started.append(running)
        return running

    yield start
    for running in started:
        down(running)
