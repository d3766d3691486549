"""Candidate policies, held to what the snapshot can serve."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extauth.errors import ConfigurationError, GatewayError, PolicyError
from extauth.policy import Entrypoint, WasmEngine, checked_route
from extauth.snapshot import Snapshot
from extauth.types import Operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extauth.obligations import Decision
    from extauth.settings import Settings
    from extauth.snapshot.signing import Verifier
    from extauth.types import Facts, ListingFacts

TIMEOUT = 0.1
"""The most seconds that a candidate may take for a decision, some 2,000 times what one takes."""

_ROUTED = frozenset({Operation.MODEL_READY, Operation.MODEL_METADATA})
"""Operations that a backend answers after admission alone."""


@contextmanager
def _failing() -> Iterator[None]:
    """Turn every error of the block into the candidate's failure, never the request's."""
    try:
        yield
    except GatewayError:
        raise
    except Exception as error:
        raise PolicyError(f"the engine failed: {type(error).__name__}") from error


class Candidate:
    """Candidate engine. It fails where its decision could not be carried out.

    One thread at a time may use it, as WasmEngine.
    """

    name = "wasm"

    def __init__(self, engine: WasmEngine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    @classmethod
    async def open(cls, root: Path, snapshot: Snapshot, verifier: Verifier | None) -> Candidate:
        """Load the policies of the compiled candidate in `root`, for what `snapshot` serves.

        Raises ConfigurationError when they can't be loaded, are not what was compiled and signed,
        or `snapshot` does not use Wasm.
        """
        settings = snapshot.settings
        if settings.policy.engine != "wasm":
            raise ConfigurationError(
                "a candidate can only be tried with `policy.engine: wasm`: an OPA server holds one "
                "set of policies"
            )
        compiled = await asyncio.to_thread(Snapshot.verified, root, verifier)
        if compiled.settings != settings:
            raise ConfigurationError(
                "the candidate was compiled for another configuration; start it again"
            )
        timeout = min(TIMEOUT, settings.policy.timeout)
        return cls(await asyncio.to_thread(WasmEngine, root / "policy", timeout), settings)

    def decide(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Return the decision. Raises PolicyError or PolicyUnavailable, and nothing else."""
        with _failing():
            decision = self._engine.ask(entrypoint, facts)
        self._check(entrypoint, facts, decision)
        return decision

    def list_models(self, facts: ListingFacts) -> frozenset[str]:
        """Return the candidate's list of models. Raises as `decide` does."""
        with _failing():
            return self._engine.ask_models(facts)

    def _check(self, entrypoint: Entrypoint, facts: Facts, decision: Decision) -> None:
        if not decision.allow:
            return
        inference = entrypoint is Entrypoint.INFERENCE
        if inference and facts.tokens is None:
            raise PolicyError("the policy allows a model that the gateway does not have")
        routed = inference or (facts.model is not None and facts.request.operation in _ROUTED)
        if routed or decision.route is not None:
            checked_route(decision.route, self._settings)

    async def close(self) -> None:
        """Free the engine."""
        await self._engine.close()
