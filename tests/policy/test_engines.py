"""Whatever goes wrong with a policy is a deny, and the right error, with both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from extauth.errors import ConfigurationError, PolicyError, PolicyUnavailable
from extauth.obligations import Clamp, Decision
from extauth.policy import Entrypoint, WasmEngine
from extauth.policy.opa_server import OpaServerEngine
from extauth.rego.server import serve
from tests.policy.conftest import TIMEOUT, build, opa_path
from tests.policy.facts import ADA, CHAT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from extauth.policy import PolicyEngine

pytestmark = pytest.mark.slow

# One module with every way to be wrong: who asks chooses.
POLICY = """
package gateway.inference

decision := {"allow": true, "obligations": []} if input.principal.id == "fine"

decision := {"allow": false} if input.principal.id == "fickle"
decision := {"allow": true, "obligations": []} if input.principal.id == "fickle"

decision := {"allow": false} if input.principal.id == "barred"
decision := {"allow": "yes"} if input.principal.id == "malformed"
decision := {"allow": true, "obligations": [], "color": "red"} if input.principal.id == "talkative"
decision := "allow" if input.principal.id == "terse"

decision := {"allow": true} if input.principal.id == "forgetful"
decision := {"allow": true, "obligations": null} if input.principal.id == "void"

decision := {"allow": true, "obligations": [{"type": "fly"}]} if input.principal.id == "flying"
decision := {"allow": true, "obligations": [{"type": "clamp", "max_tokens": 5}]} if {
    input.principal.id == "clamped"
}

decision := {"allow": true, "obligations": []} if {
    input.principal.id == "slow"
    some i in numbers.range(1, 20000)
    some j in numbers.range(1, 20000)
    i * j < 0
}
"""
ADMISSION = """
package gateway.admission

decision := {"allow": true, "obligations": []} if input.principal.id == "eager"
else := {"allow": true}
"""


def asked_by(name: str) -> object:
    """The ordinary facts, from somebody else."""
    return msgspec.structs.replace(CHAT, principal=msgspec.structs.replace(ADA, id=name))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policies above."""
    return write(tmp_path_factory.mktemp("sources"), POLICY)


def write(directory: Path, inference: str) -> Path:
    """Policies whose inference package is this text."""
    (directory / "admission.rego").write_text(ADMISSION)
    (directory / "inference.rego").write_text(inference)
    return directory


@pytest.fixture(scope="module")
def bundle_of_errors(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The policies above, compiled."""
    return build(tmp_path_factory.mktemp("errors"), sources)


@pytest.fixture(params=["wasm", "opa"])
async def engine(request: pytest.FixtureRequest, bundle_of_errors) -> AsyncIterator[PolicyEngine]:
    """Either engine, with little patience."""
    if request.param == "wasm":
        wasm = WasmEngine(bundle_of_errors.directory, 0.3)
        yield wasm
        await wasm.close()
        return
    with serve(opa_path(), bundle_of_errors.archive) as url:
        server = OpaServerEngine(url, 0.3, bundle_of_errors.revision)
        yield server
        await server.close()


async def decide(engine: PolicyEngine, name: str) -> Decision:
    return await engine.decide(Entrypoint.INFERENCE, asked_by(name))


async def test_a_decision(engine: PolicyEngine) -> None:
    assert await decide(engine, "fine") == Decision(allow=True, obligations=())
    assert await decide(engine, "clamped") == Decision(
        allow=True, obligations=(Clamp(max_tokens=5),)
    )


async def test_an_undefined_decision(engine: PolicyEngine) -> None:
    with pytest.raises(PolicyError, match="gateway/inference/decision is undefined"):
        await decide(engine, "nobody")


async def test_conflicting_rules(engine: PolicyEngine) -> None:
    with pytest.raises(PolicyError, match="failed"):
        await decide(engine, "fickle")
    assert await decide(engine, "fine") == Decision(allow=True, obligations=())


@pytest.mark.parametrize("name", ["malformed", "talkative", "terse"])
async def test_a_malformed_decision(engine: PolicyEngine, name: str) -> None:
    with pytest.raises(PolicyError, match="malformed"):
        await decide(engine, name)


async def test_an_obligation_that_nobody_enforces(engine: PolicyEngine) -> None:
    with pytest.raises(PolicyError, match="fly"):
        await decide(engine, "flying")


@pytest.mark.parametrize("name", ["forgetful", "void"])
async def test_an_allow_whose_obligations_nobody_gave(engine: PolicyEngine, name: str) -> None:
    with pytest.raises(PolicyError, match=r"gateway/inference/decision is malformed.*obligations"):
        await decide(engine, name)


async def test_a_deny_needs_no_obligations(engine: PolicyEngine) -> None:
    assert await decide(engine, "barred") == Decision(allow=False, obligations=())


async def test_an_admission_decision_has_none(engine: PolicyEngine) -> None:
    async def admit(name: str) -> Decision:
        return await engine.decide(Entrypoint.ADMISSION, asked_by(name))

    assert await admit("fine") == Decision(allow=True, obligations=())
    with pytest.raises(PolicyError, match="unknown field `obligations`"):
        await admit("eager")


async def test_a_slow_policy(engine: PolicyEngine) -> None:
    with pytest.raises(PolicyUnavailable) as raised:
        await decide(engine, "slow")
    assert raised.value.retry_after == 1
    assert await decide(engine, "fine") == Decision(allow=True, obligations=())


async def test_an_opa_server_that_stops(bundle_of_errors) -> None:
    with serve(opa_path(), bundle_of_errors.archive) as url:
        engine = OpaServerEngine(url, TIMEOUT, bundle_of_errors.revision)
        assert await decide(engine, "fine") == Decision(allow=True, obligations=())
    for _ in range(2):  # the connection that was open, and one that can't be opened
        with pytest.raises(PolicyUnavailable) as raised:
            await decide(engine, "fine")
        assert raised.value.retry_after == 1
    await engine.close()


async def test_a_server_with_another_snapshot_does_not_decide(bundle_of_errors) -> None:
    with serve(opa_path(), bundle_of_errors.archive) as url:
        engine = OpaServerEngine(url, TIMEOUT, "another")
        with pytest.raises(PolicyUnavailable, match="another snapshot"):
            await decide(engine, "fine")
        await engine.close()
        stranger = OpaServerEngine(url, TIMEOUT, None)
        assert await decide(stranger, "fine") == Decision(allow=True, obligations=())
        await stranger.close()


async def test_a_failing_builtin_is_no_yes(tmp_path: Path) -> None:
    """Rego would take the error for undefined, and `not` for a yes."""
    policy = """
package gateway.inference

default decision := {"allow": false}
decision := {"allow": true, "obligations": []} if not startswith(input.model.version, "9")
"""
    built = build(tmp_path / "built", write(tmp_path, policy))
    with serve(opa_path(), built.archive) as url:
        engine = OpaServerEngine(url, TIMEOUT, built.revision)
        with pytest.raises(PolicyError):
            await decide(engine, "anybody")
        await engine.close()


@pytest.mark.parametrize("url", ["127.0.0.1:8181", "unix:///run/opa.sock", "http://"])
def test_an_url_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match="expected http://host:port"):
        OpaServerEngine(url, TIMEOUT, None)
