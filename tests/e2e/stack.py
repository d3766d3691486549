"""Real stacks: started, asked, operated and stopped."""

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
from typer.testing import CliRunner

from extauth.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

REPOSITORY = Path(__file__).parents[2]
SLUICE = str(Path(sys.executable).with_name("sluice"))
# Nothing here speaks TLS, and each client that loads certificates takes as long as ten requests.
CERTIFICATES = False
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
            verify=CERTIFICATES,
        )
        self.clients.append(client)
        return client

    def openai(self, tenant: str = "acme", *, key: str | None = None) -> openai.OpenAI:
        """The official client, unchanged."""
        return openai.OpenAI(
            base_url=f"{self.endpoint}/v1",
            api_key=key or self.key(tenant),
            max_retries=0,
        )

    def sluice(self, *arguments: str) -> str:
        """Run a command on this stack's state directory and return what it prints."""
        return sluice(*arguments, "--state-dir", str(self.state_dir))

    def fails(self, *arguments: str) -> Result:
        """Run a command that has to fail, with a line that says why and no traceback."""
        done = command(*arguments, "--state-dir", str(self.state_dir))
        assert done.exit_code != 0
        assert "Traceback" not in done.stderr
        return done

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
        headers = {"authorization": f"Bearer {token}"}
        response = httpx.get(f"{self.admin}/metrics", headers=headers, verify=CERTIFICATES)
        return response.raise_for_status().text

    def asked(self) -> int:
        """How many requests Triton has seen, whatever became of them."""
        told = httpx.get(f"{self.triton}/v2/models/stats", verify=CERTIFICATES)
        counts = [
            line["inference_stats"][outcome]["count"]
            for line in told.json()["model_stats"]
            for outcome in ("success", "fail")
        ]
        return sum(counts)

    @property
    def processes(self) -> dict[str, int]:
        """The process ids of what runs now."""
        record = self.state_dir / "run/stack.json"
        found = json.loads(record.read_text())["processes"] if record.exists() else {}
        return {name: process["pid"] for name, process in found.items()}

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


def command(*arguments: str) -> Result:
    """Run a command in this process: what starts it as users do is in test_docs.py."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def sluice(*arguments: str) -> str:
    """Run a command that has to succeed; its error output is the assertion's message."""
    done = command(*arguments)
    assert done.exit_code == 0, done.stderr
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
    """Start a stack beside any other, as a user would: its processes outlive the command."""
    done = subprocess.run(
        [
            *(SLUICE, "up", "--detach", "--json"),
            *("--config", str(config), "--state-dir", str(state_dir)),
            *("--port", str(free_port()), "--admin-port", str(free_port())),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    return Stack(
        endpoint=printed["endpoint"],
        admin=printed["admin"],
        state_dir=Path(printed["state_dir"]),
        keys=printed["keys"],
    )


def down(stack: Stack) -> None:
    """Stop it, and look that nothing is left."""
    for client in stack.clients:
        client.close()
    processes = stack.processes
    sluice("down", "--state-dir", str(stack.state_dir))
    assert not [name for name, pid in processes.items() if Path(f"/proc/{pid}").exists()]
