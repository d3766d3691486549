"""Snapshots change under load, and no request is lost or decided by two of them."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from extauth.stack.activation.apply import options_of
from extauth.stack.activation.compilation import compile_for
from extauth.stack.activation.switching import switch
from extauth.stack.engines.opa import find_opa
from extauth.stack.process.locks import switching
from extauth.stack.process.record import StackRecord
from extauth.stack.progress import Silent
from tests.e2e.site import CHAT
from tests.e2e.stack import eventually

if TYPE_CHECKING:
    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


class Load:
    """Requests as fast as the gateway takes them, for as long as the block lasts.

    `answers` counts them, `broken` tells of every connection that broke or timed out. wrk makes
    them where it is installed, else a few threads.
    """

    def __init__(self, stack: Stack, key: str, directory: Path) -> None:
        self._stack, self._key = stack, key
        script = directory / "chat.lua"
        script.write_text(
            f"""
wrk.method = "POST"
wrk.body = [[{json.dumps(CHAT)}]]
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {key}"
"""
        )
        self._command = [
            *("wrk", "--threads", "1", "--connections", "8", "--duration", "10m"),
            *("--timeout", "30s", "--script", str(script)),
            f"{stack.endpoint}/v1/chat/completions",
        ]
        self._wrk: subprocess.Popen[str] | None = None
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]
        self.answers = 0
        self.broken: list[str] = []

    def __enter__(self) -> Load:
        if shutil.which("wrk"):
            self._wrk = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        else:
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._wrk is None:
            self._stop.set()
            for thread in self._threads:
                thread.join()
            return
        self._wrk.send_signal(signal.SIGINT)
        printed, _errors = self._wrk.communicate(timeout=60)
        self.broken = [line for line in printed.splitlines() if "Socket errors" in line]
        self.answers = int(re.search(r"(\d+) requests in", printed)[1])

    def _ask(self) -> None:
        headers = {"authorization": f"Bearer {self._key}"}
        with httpx.Client(base_url=self._stack.endpoint, headers=headers, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    client.post("/v1/chat/completions", json=CHAT)
                    self.answers += 1
                except httpx.HTTPError as error:
                    self.broken.append(repr(error))


CHANGES = 25


def test_changes_under_load(site: Site, tmp_path: Path) -> None:
    """No request is lost, and none is decided by rules of another snapshot than it is told by."""
    key = site.stack.create_key("load", "load", "internal", "viewer")
    record = StackRecord.ready(site.state)
    options = options_of(record, site.state)
    allowing, _ = compile_for(options, record.ports, envoy=None, opa=find_opa())
    site.rename_role()
    denying, _ = compile_for(options, record.ports, envoy=None, opa=find_opa())
    with Load(site.stack, key, tmp_path) as load:
        for change in range(CHANGES):
            with switching(site.state):
                new = (denying, allowing)[change % 2]
                assert switch(new, "apply", site.state, Silent()).changed
    # Some at every change, though nobody says how many.
    assert load.answers > CHANGES
    assert load.broken == []
    seen = {allowing.digest: 0, denying.digest: 0}
    for one in eventually(lambda: _records(site.stack, load.answers)):
        seen[one["snapshot"]] += 1
        if one["snapshot"] == allowing.digest:
            assert (one["status"], one["rules"]) == (200, []), one
        else:
            assert one["status"] in {403, 404}, one
            assert one["rules"], one
    assert min(seen.values()) > 0


def _records(stack: Stack, answers: int) -> list[dict[str, Any]]:
    """Of every request that was answered, once they are written."""
    lines = stack.sluice("audit", "export", "--tenant", "load").splitlines()
    # The end of the load itself disconnects some.
    found = [one for one in map(json.loads, lines) if one["outcome"] != "disconnected"]
    assert len(found) >= answers
    return found
