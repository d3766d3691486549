"""The engine in process: what it refuses to load, what it remembers, what it costs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.errors import ConfigurationError, PolicyError
from extauth.policy import Entrypoint, WasmEngine
from tests.policy.conftest import TIMEOUT, build
from tests.policy.facts import ADA, CHAT

if TYPE_CHECKING:
    from extauth.types import Facts
    from tests.policy.conftest import Bundle

pytestmark = pytest.mark.slow

ADMITTED = msgspec.structs.replace(CHAT, parameters=None, tokens=None, sensitive=None, usage=None)


def asked_by(name: str) -> Facts:
    """The ordinary facts, from somebody else."""
    return msgspec.structs.replace(CHAT, principal=msgspec.structs.replace(ADA, id=name))


def test_a_snapshot_without_a_module(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"policy\.wasm: No such file"):
        WasmEngine(tmp_path, TIMEOUT)


def test_a_module_that_is_not_opas(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{}")
    (tmp_path / "policy.wasm").write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(ConfigurationError, match="not a policy that OPA compiled"):
        WasmEngine(tmp_path, TIMEOUT)


def test_data_that_is_no_json(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{")
    (tmp_path / "policy.wasm").write_bytes((bundle.directory / "policy.wasm").read_bytes())
    with pytest.raises(ConfigurationError, match="not a policy that OPA compiled"):
        WasmEngine(tmp_path, TIMEOUT)


def test_builtins_that_wasm_lacks(tmp_path: Path) -> None:
    for package in ("admission", "inference"):
        (tmp_path / f"{package}.rego").write_text(
            f"package gateway.{package}\n"
            'decision := {"allow": time.now_ns() > 0, "reasons": [sprintf("%d", [input.x])]}\n'
        )
    built = build(tmp_path / "built", tmp_path)
    with pytest.raises(ConfigurationError, match=r"lacks the builtins sprintf, time\.now_ns"):
        WasmEngine(built.directory, TIMEOUT)


async def test_equal_admissions_share_one_decision(wasm: WasmEngine) -> None:
    first = await wasm.decide(Entrypoint.ADMISSION, ADMITTED)
    assert await wasm.decide(Entrypoint.ADMISSION, ADMITTED) is first
    later = msgspec.structs.replace(ADMITTED.time, minute=31)
    assert (
        await wasm.decide(Entrypoint.ADMISSION, msgspec.structs.replace(ADMITTED, time=later))
        is not first
    )


async def test_inference_is_decided_each_time(wasm: WasmEngine) -> None:
    first = await wasm.decide(Entrypoint.INFERENCE, CHAT)
    again = await wasm.decide(Entrypoint.INFERENCE, CHAT)
    assert again == first
    assert again is not first


async def test_facts_of_any_size_are_decided_or_refused(wasm: WasmEngine) -> None:
    assert (await wasm.decide(Entrypoint.INFERENCE, asked_by("a" * 60_000))).allow
    with pytest.raises(PolicyError, match="the facts take more than"):
        await wasm.decide(Entrypoint.INFERENCE, asked_by("a" * 70_000))
    assert (await wasm.decide(Entrypoint.INFERENCE, CHAT)).allow


async def test_a_closed_engine_can_be_closed_again(bundle: Bundle) -> None:
    engine = WasmEngine(bundle.directory, TIMEOUT)
    await engine.close()
    await engine.close()


async def test_memory_stays_flat(wasm: WasmEngine) -> None:
    """20,000 decisions on ever new facts leave nothing behind."""
    await decide_often(wasm, 3_000)
    before = resident()
    await decide_often(wasm, 17_000)
    assert resident() - before < 2 * 1024 * 1024


async def decide_often(engine: WasmEngine, times: int) -> None:
    for number in range(times):
        facts = asked_by(f"acme/{number % 977:03}")
        assert (await engine.decide(Entrypoint.INFERENCE, facts)).allow


def resident() -> int:
    """This process's resident memory in bytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024
