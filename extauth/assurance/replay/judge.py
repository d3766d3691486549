"""Judge of recorded requests: asks one set of policies as the live gateway asks."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from extauth.errors import PolicyError, PolicyUnavailable
from extauth.facts import at_admission
from extauth.policy import Entrypoint, WasmEngine
from extauth.policy.engine import served_route
from extauth.policy.verdict import PolicyFailure, Verdict
from extauth.types import INFERENCE, Api

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from extauth.assurance.replay.recorded import Recorded
    from extauth.obligations import Decision, Route
    from extauth.types import Facts

UNDECIDED = "policy_error"
"""The rule of a deny that no policy gave: it failed, or took too long."""

_PATIENCE = 10
_AT_WORK = 0.1
"""The share of its time that a question must have had a core for, to have really been too long."""


class Judge:
    """A set of policies in a Wasm instance of its own. Not thread-safe."""

    def __init__(self, directory: Path, timeout: float, catalog: Mapping[str, Any]) -> None:
        """Load what WasmEngine loads from `directory`; a question may take `timeout` seconds.

        `catalog` is `data.catalog.models`: a route to what it lacks is a defect, as in the
        gateway. Raises ConfigurationError.
        """
        self._engine = WasmEngine(directory, timeout)
        self._timeout = timeout
        self._catalog = catalog

    def close(self) -> None:
        """Free the instance."""
        # It has nothing to wait for.
        with contextlib.suppress(StopIteration):
            self._engine.close().send(None)

    def verdict(self, recorded: Recorded, facts: Facts) -> Verdict:
        """Return what the policies decide on a request whose facts are known.

        Admission is asked first, and inference where it allows and the facts are those of
        inference; their counts of usage stay as they were recorded.
        """
        entrypoint = Entrypoint.ADMISSION
        try:
            if recorded.entrypoint is Entrypoint.ADMISSION:
                decision = self._ask(entrypoint, facts)
                if decision.allow and facts.model is not None and _is_metadata(facts):
                    self._check(decision.route)
            else:
                decision = self._ask(entrypoint, at_admission(facts))
                if decision.allow:
                    entrypoint = Entrypoint.INFERENCE
                    decision = self._ask(entrypoint, facts)
                    if decision.allow:
                        self._check_sent(decision, facts)
        except (PolicyError, PolicyUnavailable) as error:
            package = entrypoint.rpartition("/")[0].replace("/", ".")
            late = isinstance(error, PolicyUnavailable)
            return Verdict(False, (UNDECIDED,), failure=PolicyFailure(package, error.message, late))
        return Verdict.of(decision)

    def _ask(self, entrypoint: Entrypoint, facts: Facts) -> Decision:
        """Ask, and ask again where the machine was too busy to answer in time.

        The engine's bound is by the clock on the wall, and a replay keeps every core busy.
        """
        started = float("inf")
        for _ in range(_PATIENCE):
            try:
                return self._engine.ask(entrypoint, facts)
            except PolicyUnavailable:
                # Clocks cost as much as a part of an answer: only what fails again is measured.
                if time.thread_time() - started > self._timeout * _AT_WORK:
                    raise
                started = time.thread_time()
        return self._engine.ask(entrypoint, facts)

    def _check_sent(self, decision: Decision, facts: Facts) -> None:
        """Check what the gateway makes sure of before a request leaves."""
        if facts.tokens is None:
            raise PolicyError("the policy allows a model that the gateway does not have")
        self._check(decision.route)

    def _check(self, route: Route | None) -> None:
        model = self._catalog.get(route.model) if route else None
        served_route(route, (model["versions"], model["cluster"]) if model else None)


def recorded_verdict(recorded: Recorded) -> Verdict | None:
    """Return what was decided at the time; None when the record does not say."""
    if recorded.undecided is not None:
        return Verdict(False, (UNDECIDED,))
    return Verdict.of(recorded.decision) if recorded.decision is not None else None


def _is_metadata(facts: Facts) -> bool:
    return facts.request.api is Api.KSERVE and facts.request.operation not in INFERENCE
