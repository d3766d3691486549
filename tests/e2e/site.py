"""A gateway's own files, which a test may change, and the stack that runs on them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from extauth.network.request import request
from extauth.stack.activation.apply import apply
from extauth.stack.activation.rollback import rollback
from extauth.stack.progress import Silent
from extauth.storage.state import StateDir
from tests.e2e.stack import PROMPT, REPOSITORY, Stack, down, eventually, up

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.stack.activation.switching import Activation

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 1}


class Site:
    """The demo's configuration and policies in a directory of their own.

    Its model server is that of `beside`, which is quicker, or its own.
    """

    stack: Stack

    def __init__(self, root: Path, *, beside: Stack | None = None) -> None:
        self.root, self.policies, self.config = root, root / "policies", root / "gateway.yaml"
        self.state = StateDir.at(root / "state")
        self._beside = beside
        self._shipped = root / "shipped"
        shutil.copytree(REPOSITORY / "policies", self.policies)
        shutil.copytree(REPOSITORY / "policies", self._shipped / "policies")
        config = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
        for model in config["models"].values():
            for name in {"repository", "tokenizer", "chat_template"} & set(model):
                model[name] = str(REPOSITORY / model[name])
        if beside is not None:
            del config["backends"]["triton"]["embedded"]
            config["backends"]["triton"]["url"] = beside.triton
            for model in config["models"].values():
                del model["repository"]
        self.config.write_text(yaml.safe_dump(config))
        shutil.copy(self.config, self._shipped)

    def start(self) -> Stack:
        """Start the stack that runs on the files as they are now."""
        self.stack = up(self.state.path, self.config)
        self.stack.model_server = self._beside.triton if self._beside else None
        try:
            # On a busy machine one that was ready may take its time to say so again.
            eventually(self.ready, within=60)
        except BaseException:
            self.stop()
            raise
        self._first = self.state.active.resolve().name
        key = self.stack.create_key("viewer", "viewers", "internal", "viewer", region="eu-west")
        self._viewer = self.stack.http(key=key)
        return self.stack

    def stop(self) -> None:
        """Stop it, and look that nothing is left."""
        down(self.stack)

    def change(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Alter gateway.yaml."""
        config = yaml.safe_load(self.config.read_text())
        change(config)
        self.config.write_text(yaml.safe_dump(config))

    def change_data(self, name: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Alter a file of the policies' data."""
        file = self.policies / "data" / f"{name}.yaml"
        data = yaml.safe_load(file.read_text())
        change(data)
        file.write_text(yaml.safe_dump(data))

    def rename_role(self, old: str = "viewer", new: str = "onlooker") -> None:
        """A change of policy that a viewer notices: the only role is gone, or there again."""
        roles = self.policies / "data" / "roles.yaml"
        roles.write_text(roles.read_text().replace(f"  {old}:", f"  {new}:"))

    def apply(self) -> Activation:
        """Have the stack take the files as they are now."""
        return apply(self.state, Silent())

    def restore(self) -> None:
        """As it was made: the files, what is active, and every process at work."""
        shutil.rmtree(self.policies)
        shutil.copytree(self._shipped / "policies", self.policies)
        shutil.copy(self._shipped / self.config.name, self.config)
        eventually(self.ready, within=60)
        if (self.state.snapshots / self._first).exists():
            rollback(self.state, Silent(), self._first)
        else:
            self.apply()

    def ready(self) -> None:
        """Whether all of it runs."""
        assert self.stack.json("status")["ready"]

    def allowed(self) -> bool:
        """Whether a viewer may chat, however often that is asked."""
        answer = self._viewer.post("/v1/chat/completions", json=CHAT)
        assert answer.status_code in {200, 403}, answer.text
        return answer.status_code == 200

    def metric(self, name: str) -> float:
        """A metric that has no labels."""
        return float(re.search(rf"^{name} (\S+)$", self.stack.metrics(), re.MULTILINE)[1])

    def history(self) -> list[dict[str, Any]]:
        """The newest first."""
        return list(self.stack.json("history")["entries"])

    def recorded(self) -> None:
        """Whether the history has what is active last: it is written a moment after the change."""
        assert self.history()[0]["digest"] == self.state.active.resolve().name


def clusters(site: Site) -> set[str]:
    """What Envoy knows, by its own word."""
    answer = request(site.state.run / "envoy-admin.sock", "/clusters?format=json")
    return {one["name"] for one in json.loads(answer.body)["cluster_statuses"]}


def logged(site: Site, words: str) -> None:
    """Whether the supervisor's log has these words."""
    assert re.search(words, (site.state.logs / "supervisor.log").read_text())
