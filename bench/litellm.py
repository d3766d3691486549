"""LiteLLM's proxy, in an environment of its own that is made the first time it is needed."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from contextlib import contextmanager
from string import Template
from typing import TYPE_CHECKING

from bench import prompts
from bench.contender import Contender
from bench.envoy import BENCH
from bench.errors import MeasurementFailed
from bench.processes import free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.upstream import Upstream

HOME = BENCH / ".litellm"
REQUIREMENTS = BENCH / "litellm-requirements.txt"
_INSTALLED = HOME / "installed.txt"
_START_SECONDS = 120
# Its first ones take up to a second each.
_FIRST_REQUESTS = 20

# Loopback alone: no usage reports, no price list from the network, no proxy in between.
_ENVIRONMENT = {
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def install() -> None:
    """Make the environment unless it is there, as pinned. Raises MeasurementFailed."""
    wanted = REQUIREMENTS.read_text()
    if _INSTALLED.exists() and _INSTALLED.read_text() == wanted:
        return
    print("installing LiteLLM into bench/.litellm, once ...", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(HOME)],
        [
            *(str(HOME / "bin/python"), "-m", "pip", "install", "--quiet"),
            *("--disable-pip-version-check", "--requirement", str(REQUIREMENTS)),
        ],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            output = (done.stderr or done.stdout).strip()
            raise MeasurementFailed(f"LiteLLM can't be installed: {output[-300:]}")
    _INSTALLED.write_text(wanted)


@contextmanager
def litellm(workdir: Path, upstream: Upstream) -> Iterator[Contender]:
    """Run it: one worker that checks a key. Raises MeasurementFailed when it does not answer."""
    install()
    key = f"sk-{secrets.token_hex(16)}"
    config = workdir / "litellm.yaml"
    config.touch(mode=0o600)
    template = Template((BENCH / "litellm.yaml").read_text())
    config.write_text(template.substitute(upstream=upstream.port, key=key))
    port = free_port()
    arguments = [
        *(str(HOME / "bin/litellm"), "--config", str(config)),
        *("--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"),
    ]
    with running(arguments, workdir / "litellm.log", _ENVIRONMENT) as pid:
        contender = Contender(
            name="litellm",
            title="LiteLLM",
            port=port,
            body=prompts.chat(),
            expects=b"chat.completion",
            processes={"service": pid, "upstream": upstream.pid},
            key=key,
        )
        contender.wait(_START_SECONDS)
        _check_keys(contender)
        for _ in range(_FIRST_REQUESTS):
            contender.ask()
        yield contender


def _check_keys(contender: Contender) -> None:
    """A proxy that lets any key pass would be faster than what is compared here."""
    try:
        contender.ask(authorization="Bearer sk-wrong")
    except MeasurementFailed:
        return
    raise MeasurementFailed("LiteLLM does not check its key")
