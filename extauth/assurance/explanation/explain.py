"""Explainer of decisions, stage by stage."""

from __future__ import annotations

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from extauth.assurance.checks.blame import slow_packages
from extauth.assurance.explanation import probe
from extauth.assurance.explanation.altered import alter
from extauth.assurance.explanation.alternatives import Alternatives
from extauth.assurance.explanation.attribution import Attribution
from extauth.assurance.explanation.explained import (
    Altered,
    Explanation,
    FactChange,
    RecordedDecision,
)
from extauth.assurance.explanation.flips import Search
from extauth.assurance.explanation.leaves import document_of
from extauth.assurance.explanation.policies import BUNDLE
from extauth.assurance.explanation.subject import stage
from extauth.errors import ConfigurationError, PolicyError
from extauth.facts import at_admission
from extauth.policy import Entrypoint, WasmEngine
from extauth.policy.engine import decided
from extauth.rego.clause import clauses_of
from extauth.rego.fault import OpaTimeout
from extauth.rego.opa import Opa
from extauth.rego.program import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.assurance.explanation.explained import Fired
    from extauth.assurance.explanation.policies import Policies
    from extauth.assurance.explanation.subject import Subject
    from extauth.audit import AuditRecord
    from extauth.obligations import Decision
    from extauth.rego.tree import Node
    from extauth.types import Facts

EVALUATION_SECONDS = 5.0
SEARCH_SECONDS = 1.5
_PARALLEL = 4


class Explainer:
    """Explainer of the decisions of one set of policies, closed with them. Not thread-safe.

    OPA may take `seconds` for all rules on one input, and the search for single changes
    `search_seconds` of processor time.
    """

    def __init__(
        self,
        policies: Policies,
        opa: Path,
        *,
        seconds: float = EVALUATION_SECONDS,
        search_seconds: float = SEARCH_SECONDS,
    ) -> None:
        """Read the rules. Raises StackError when OPA can't be run."""
        self._policies = policies
        self._opa = Opa(opa)
        self._seconds = seconds
        self._search_seconds = search_seconds
        self._program = Program(clauses_of(self._trees()))
        own = Path(tempfile.mkdtemp(prefix="probes-", dir=policies.directory))
        self._probes = probe.write(self._program, policies.sources, own)
        self._alternatives = Alternatives(self._program, policies.data)
        self._engine: WasmEngine | None = None

    def explain(self, question: Subject, what_if: Sequence[str] = ()) -> Explanation:
        """Explain the decision on a request, or on facts alone.

        `what_if` are changes, `path=value`. Raises ConfigurationError for a change that can't be
        made, and PolicyError when the policies have no decision, or none in time.
        """
        recorded, facts = question.record, question.facts
        if facts is None:
            return Explanation(
                None,
                self._policies.name,
                recorded=_recorded(recorded, None) if recorded else None,
                searched=False,
                note="the request ended before any policy was asked",
            )
        entrypoint = stage(facts)
        altered, changes = alter(facts, what_if)
        explained = self._stage(entrypoint, facts, *self._ask(entrypoint, facts), recorded)
        changed = self._altered(entrypoint, altered, changes, explained) if changes else None
        admission = None
        if entrypoint is Entrypoint.INFERENCE:
            early = at_admission(facts)
            decision, told = self._ask(Entrypoint.ADMISSION, early)
            if not decision.allow:
                admission = self._stage(Entrypoint.ADMISSION, early, decision, told, None)
        return msgspec.structs.replace(explained, what_if=changed, admission=admission)

    def _trees(self) -> dict[str, Node]:
        root, names = self._policies.sources, self._policies.modules
        with ThreadPoolExecutor(_PARALLEL) as pool:
            trees = pool.map(lambda name: self._opa.parse(name, cwd=root), names)
            return dict(zip(names, trees, strict=True))

    def _stage(
        self,
        entrypoint: Entrypoint,
        facts: Facts,
        decision: Decision,
        told: Attribution,
        record: AuditRecord | None,
    ) -> Explanation:
        flips, complete, note = asyncio.run(self._flips(entrypoint, facts, decision))
        return Explanation(
            stage="admission" if entrypoint is Entrypoint.ADMISSION else "inference",
            policies=self._policies.name,
            facts=document_of(facts),
            decision=decision,
            recorded=_recorded(record, decision) if record else None,
            fired=told.fired(decision),
            nearly=tuple(told.nearly()),
            obligations=told.obligations(),
            route=told.route(decision),
            flips=flips,
            searched=complete,
            note=note or told.note,
        )

    def _ask(self, entrypoint: Entrypoint, facts: Facts) -> tuple[Decision, Attribution]:
        document = msgspec.json.encode(facts)
        try:
            probes = probe.ask(self._probes, self._opa, entrypoint, document, self._seconds)
        except OpaTimeout:
            raise self._slow(facts) from None
        if probes.decision is None:
            raise PolicyError(f"the decision {entrypoint} is undefined: no rule gives it a value")
        decision = decided(entrypoint, probes.decision)
        return decision, Attribution(self._program, probes, entrypoint, document_of(facts))

    async def _flips(
        self, entrypoint: Entrypoint, facts: Facts, decision: Decision
    ) -> tuple[Any, bool, str | None]:
        try:
            engine = self._searched()
        except ConfigurationError as error:
            return (), False, f"single changes were not searched: {error.message}"
        search = Search(engine, entrypoint, self._alternatives, self._search_seconds)
        flips, complete = await search.flips(facts, decision.allow)
        note = None if complete else "there was not time to search all single changes"
        return flips, complete, note

    def _searched(self) -> WasmEngine:
        """Return the engine of all searches; loading one takes longer than many a search."""
        if self._engine is None:
            engine = WasmEngine(self._policies.directory, self._search_seconds)
            self._policies.opened.callback(lambda: asyncio.run(engine.close()))
            self._engine = engine
        return self._engine

    def _altered(
        self,
        entrypoint: Entrypoint,
        altered: Facts,
        changes: tuple[FactChange, ...],
        before: Explanation,
    ) -> Altered:
        decision, told = self._ask(entrypoint, altered)
        fired = told.fired(decision)
        granted = [item.obligation for item in told.obligations()]
        earlier = [item.obligation for item in before.obligations]
        return Altered(
            changes=changes,
            decision=decision,
            appeared=_only(fired, before.fired),
            gone=_only(before.fired, fired),
            obligations_appeared=tuple(item for item in granted if item not in earlier),
            obligations_gone=tuple(item for item in earlier if item not in granted),
        )

    def _slow(self, facts: Facts) -> PolicyError:
        """Return an error that names the packages that are slow by themselves."""
        packages = slow_packages(self._opa.path, self._policies.directory / BUNDLE, facts)
        who = f"package {', '.join(packages)} takes" if packages else "the policies take"
        return PolicyError(f"{who} too long on this input: OPA gave up after {self._seconds:g} s")


def _only(some: Sequence[Fired], others: Sequence[Fired]) -> tuple[Fired, ...]:
    known = {(item.reason.rule, item.place) for item in others}
    return tuple(item for item in some if (item.reason.rule, item.place) not in known)


def _recorded(record: AuditRecord, decision: Decision | None) -> RecordedDecision:
    return RecordedDecision(
        request_id=record.request_id,
        time=record.time,
        snapshot=record.snapshot,
        outcome=record.outcome,
        status=record.status,
        error=record.error,
        decision=record.decision,
        differs=decision is not None and _essence(record.decision) != _essence(decision),
    )


def _essence(decision: Decision | None) -> object:
    """Return a decision without the wording of its reasons: engines write 2.0 differently."""
    if decision is None:
        return None
    rules = [(reason.rule, reason.status, reason.hidden) for reason in decision.reasons]
    return decision.allow, rules, decision.route, decision.obligations
