"""Trials on the served: of the shipped policies, of decisions by name, of policies that fail."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.rollout import Mode, Trial, TrialOrder, open_trial
from extauth.rollout.metrics import TrialMetrics
from extauth.rollout.record import WHOLE
from extauth.snapshot.snapshot import digest, manifest
from extauth.stack.engines.opa import find_opa
from tests.gateway.served import CHAT, Refused, now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from extauth.snapshot import Snapshot
    from tests.gateway.served import Served

FAILING = """
package gateway.{stage}

decision := {{"allow": true}} if "{stage}" == "admission"

decision := {{"allow": true}} if data.fails == "conflict"

decision := {{"allow": false}} if data.fails == "conflict"

decision := {{"allow": count(pairs) > 1}} if data.fails == "loop"

pairs := {{i |
	some i in numbers.range(1, 20000)
	some j in numbers.range(1, 20000)
	i == j
}}
"""


@pytest.fixture(scope="session")
def failing_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Policies that admit everybody and then fail in the way that their data says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from extauth.compiler.policies import compile_policies  # noqa: PLC0415 - it warns

    sources, made = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("failing")
    (sources / "gateway").mkdir()
    for stage in ("admission", "inference"):
        (sources / f"gateway/{stage}.rego").write_text(FAILING.format(stage=stage))
    files = compile_policies(sources, {}, find_opa().path)
    (made / "policy.wasm").write_bytes(files["policy/policy.wasm"])
    return made


def write(files: dict[str, bytes], directory: Path) -> str:
    """Write a candidate as the command does; its digest."""
    files = {**files, "manifest.json": manifest(files)}
    name = digest(files["manifest.json"])
    for file, content in files.items():
        path = directory / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return name


class Bench:
    """The served, a trial on it, and requests through both."""

    def __init__(self, served: Served, directory: Path, policies: dict[str, Path]) -> None:
        self.served = served
        self.directory = directory
        self._policies = policies

    async def start(
        self, mode: Mode, policy: str = "shipped", share: int = WHOLE, **data: object
    ) -> Trial:
        """Try one of the policies: shipped, decided (by `data`), or failing (as `data` says)."""
        files = {
            f"policy/{name}": (self._policies[policy] / name).read_bytes()
            for name in ("policy.wasm", "data.json", "bundle.tar.gz")
            if (self._policies[policy] / name).exists()
        }
        if data:
            files["policy/data.json"] = json.dumps(data).encode()
        settings = self.served.runtime.snapshot.root / "settings.json"
        candidate = write({**files, "settings.json": settings.read_bytes()}, self.directory)
        trial = self.served.runtime.trial = await open_trial(
            mode,
            TrialOrder(candidate=candidate, source="policies", share=share),
            self.served.runtime.snapshot,
            self.directory,
            verifier=None,
            metrics=TrialMetrics(self.served.metrics),
            clock=now,
        )
        return trial

    async def ask(
        self, body: object = CHAT, *, who: str = "ada", request_id: str = "r1"
    ) -> tuple[object, ...]:
        """What becomes of a request: what the backend is sent, or what the client is told."""
        head = msgspec.structs.replace(self.served.head(who=who), request_id=request_id)
        try:
            transaction, dispatched = await self.served.dispatch(body, head)
        except Refused as refused:
            return refused.status, refused.code, refused.told
        await transaction.disconnected()
        return dispatched.route, dispatched.request.body, dispatched.worst_case


@pytest.fixture
async def bench(
    served: Served,
    snapshot: Snapshot,
    puppet_policy: Path,
    failing_policy: Path,
    tmp_path: Path,
) -> AsyncIterator[Bench]:
    """No trial runs yet; the one that does is stopped at the end."""
    policies = {
        "shipped": snapshot.root / "policy",
        "decided": puppet_policy,
        "failing": failing_policy,
    }
    made = Bench(served, tmp_path / "trials", policies)
    yield made
    if served.runtime.trial is not None:
        await served.runtime.trial.stop("the test ends")
        await served.runtime.trial.closed()


@pytest.fixture
def denied() -> Callable[..., dict[str, object]]:
    """The data of a decided policy that denies by a rule."""

    def by(rule: str) -> dict[str, object]:
        deny = {"allow": False, "reasons": [{"rule": rule, "message": "No."}]}
        return {"decisions": {"admission": {"allow": True}, "inference": deny}}

    return by
