"""A stack of a test's own, with policies that it may change."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from extauth.stack.request import request
from extauth.state import StateDir
from tests.e2e.conftest import PROMPT, REPOSITORY, SLUICE, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[..., Stack]

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 1}


class Site:
    """A stack whose policies and configuration are the test's own."""

    def __init__(self, start: Start, root: Path, **policy: Any) -> None:
        self.policies = root / "policies"
        self.config = root / "gateway.yaml"
        shutil.copytree(REPOSITORY / "policies", self.policies)
        self.stack = start(
            lambda config: config["policy"].update(directory=str(self.policies), **policy)
        )
        self.state = StateDir.at(self.stack.state_dir)

    def rename_role(self, old: str = "viewer", new: str = "onlooker") -> None:
        """A change of policy that globex notices: its only role is gone, or there again."""
        roles = self.policies / "data" / "roles.yaml"
        roles.write_text(roles.read_text().replace(f"  {old}:", f"  {new}:"))

    def change(self, change: Callable[[dict[str, Any]], object]) -> None:
        config = yaml.safe_load(self.config.read_text())
        change(config)
        self.config.write_text(yaml.safe_dump(config))

    def allowed(self) -> bool:
        """Whether globex may chat."""
        return self.stack.http("globex").post("/v1/chat/completions", json=CHAT).status_code == 200

    def history(self) -> list[dict[str, Any]]:
        return list(self.stack.json("history")["entries"])

    def fails(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [SLUICE, *arguments, "--state-dir", str(self.stack.state_dir)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode != 0
        return done


def clusters(site: Site) -> set[str]:
    """What Envoy knows, by its own word."""
    answer = request(site.state.run / "envoy-admin.sock", "/clusters?format=json")
    return {one["name"] for one in json.loads(answer.body)["cluster_statuses"]}


def keys(directory: Path) -> dict[str, str]:
    """An ES256 pair, as `policy.signing`."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = directory / "key.pem", directory / "key.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return {"algorithm": "ES256", "key": str(private), "public_key": str(public)}


def logged(site: Site, words: str) -> None:
    """Whether the supervisor's log has these words."""
    assert re.search(words, (site.state.logs / "supervisor.log").read_text())
