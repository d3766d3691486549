"""The body stage, whole: read, decide, enforce, reserve, rewrite."""

from __future__ import annotations

import collections
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from extauth.backends import check_capabilities
from extauth.content.privacy import Masker
from extauth.errors import LimitExceeded, PolicyError
from extauth.facts import inference_facts
from extauth.gateway.admission import denial
from extauth.gateway.dispatched import Dispatched, answered
from extauth.gateway.reading import on, read
from extauth.gateway.reservation import reserve
from extauth.obligations import check_context, enforce
from extauth.policy import Entrypoint, checked_route
from extauth.types import Account, TokenFacts, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extauth.clients import Codec
    from extauth.content.privacy import Finding
    from extauth.gateway.admission import Admitted
    from extauth.gateway.reading import Read
    from extauth.gateway.reservation import Hold
    from extauth.gateway.runtime import Draft
    from extauth.gateway.transaction import Transaction
    from extauth.ledger import Counter, Ledger
    from extauth.obligations import Decision, Obligation, Route
    from extauth.tokens import LanguageModel
    from extauth.types import Facts, Principal

_ROUTES = 4
"""Routes that a request may be sent elsewhere from, each since a limit of it is used up."""


class Decided(msgspec.Struct, frozen=True):
    """A draft that the policy lets go where `route` leads, under `obligations`."""

    principal: Principal
    draft: Draft
    route: Route
    obligations: tuple[Obligation, ...]
    counters: Sequence[Counter]


class Inference:
    """Asks `gateway/inference` and enforces its decision. Shared by all requests."""

    def __init__(self, ledger: Ledger, hash_key: bytes) -> None:
        self._ledger = ledger
        self._hash_key = hash_key

    async def dispatch(
        self, transaction: Transaction, admitted: Admitted, body: bytes, hold: Hold
    ) -> Dispatched:
        """Do everything between the request's last byte and its departure.

        `hold` is called when that takes long, since the request waits in line. Raises what the
        client is to be told; then nothing stays reserved but what the transaction knows of.
        """
        found = await read(transaction, admitted, body, self._hash_key)
        counters = transaction.runtime.counters.of(
            admitted.principal, found.codec.call.reference.name
        )
        findings = found.inquiry.merged(found.own) if found.inquiry else found.own
        facts = await self._facts(transaction, admitted, found, findings, counters)
        while True:
            decision = await transaction.decisions.ask(Entrypoint.INFERENCE, facts)
            transaction.mark("inference")
            if not decision.allow:
                raise denial(decision)
            draft, inquiry = found.draft, found.inquiry
            if draft is None:
                raise PolicyError("the policy allows a model that the gateway does not have")
            if inquiry and decision.route and await inquiry.about(decision.route.model):
                # Others are asked about the model that it is routed to: what they found counts.
                findings = inquiry.merged(found.own)
                facts = replace(
                    facts,
                    sensitive=_kinds(findings),
                    classifiers=inquiry.scores,
                    absent=inquiry.absent,
                )
                continue
            decided = _decided(
                transaction, admitted, decision, replace(draft, findings=findings), counters
            )
            try:
                return await _enforce(transaction, decided, hold, found.codec, large=found.large)
            except LimitExceeded as full:
                facts = _elsewhere(facts, full)

    async def _facts(
        self,
        transaction: Transaction,
        admitted: Admitted,
        found: Read,
        findings: Iterable[Iterable[Finding]],
        counters: Sequence[Counter],
    ) -> Facts:
        runtime, books = transaction.runtime, transaction.books
        principal, reference = admitted.principal, found.codec.call.reference
        draft, model, inquiry = found.draft, found.model, found.inquiry
        # Not when the request came: the clock may have been set back since.
        counted = await self._ledger.usage(counters, books.clock())
        return inference_facts(
            admitted.facts,
            reference,
            parameters=found.codec.call.parameters,
            tokens=TokenFacts(
                prompt=draft.prompt_tokens,
                max_completion=draft.completion_tokens,
                exact=draft.model.exact,
            )
            if draft
            else None,
            sensitive=_kinds(findings),
            usage=runtime.counters.facts(principal, reference.name, counted),
            load=books.load.facts(model.settings) if model else None,
            behaviour=books.behaviour.facts(principal.id, time.monotonic()),
            classifiers=inquiry.scores if inquiry else {},
            absent=inquiry.absent if inquiry else (),
            guard=found.guard,
            parts=found.codec.call.parts,
        )


def _decided(
    transaction: Transaction,
    admitted: Admitted,
    decision: Decision,
    draft: Draft,
    counters: Sequence[Counter],
) -> Decided:
    runtime = transaction.runtime
    route = checked_route(decision.route, runtime.snapshot.settings)
    check_capabilities(draft.call, runtime.capabilities[route.model], route.model)
    return Decided(admitted.principal, draft, route, decision.obligations, counters)


async def _enforce(
    transaction: Transaction, decided: Decided, hold: Hold, codec: Codec, *, large: bool
) -> Dispatched:
    """From an allowed draft to a reserved one, ready to be sent."""
    runtime, entry, route = transaction.runtime, transaction.entry, decided.route
    draft = await on(
        large, _rewritten, runtime.models[route.model], decided.obligations, decided.draft
    )
    check_context(draft)
    transaction.mark("obligations")

    account = _account(decided.principal, route)
    reserved = await reserve(transaction, account, draft, decided.counters, hold)
    draft = reserved.draft
    transaction.mark("reserve")
    entry.note(draft.noted)
    entry.dropped_turns = draft.dropped

    model, backend = draft.model, runtime.backends[draft.model.settings.backend]
    dispatched = Dispatched(
        route=route,
        model=model,
        request=backend.request(
            draft.call, model.settings, route.version, draft.prompts, draft.max_tokens
        ),
        reader=backend.reader(draft.call),
        writer=codec.writer(
            model_label=f"{route.model}@{route.version}",
            request_id=transaction.head.request_id,
            created=int(transaction.received),
        ),
        worst_case=Usage(draft.prompt_tokens, draft.completion_tokens),
        limits=reserved.reservation.states,
        dropped_turns=draft.dropped,
        masker=draft.masker,
        price=reserved.price,
        detector=runtime.detector,
        answers=draft.answers,
        guards=draft.guards,
        settlement=draft.settlement,
        unseen=max(map(model.tokenizer.count, draft.call.stops), default=0),
        answered=answered(draft),
    )
    transaction.mark("rewrite")
    return dispatched


def _rewritten(model: LanguageModel, obligations: Iterable[Obligation], draft: Draft) -> Draft:
    """Return the draft for the model that it is routed to, under the policy's obligations.

    Token ids were decoded by the model that the client named: to another one they are text.
    """
    if model is not draft.model:
        draft = draft.routed(model, Masker(draft.texts, draft.masker.substitutes))
    return enforce(obligations, draft)


def _account(principal: Principal, route: Route) -> Account:
    return Account(
        tenant=principal.tenant,
        principal=principal.id,
        model=route.model,
        version=route.version,
        team=principal.attributes.get("team", ""),
    )


def _elsewhere(facts: Facts, full: LimitExceeded) -> Facts:
    """Return the question asked again, for another route; raises `full` where there is none."""
    limit, tried = full.limit, facts.exceeded
    if limit is None or limit.on_exceed != "fallback" or limit.name in tried:
        raise full
    if len(tried) >= _ROUTES:
        raise full
    return replace(facts, exceeded=(*tried, limit.name))


def _kinds(findings: Iterable[Iterable[Finding]]) -> dict[str, int]:
    """Count the findings by kind."""
    return dict(collections.Counter(finding.kind for found in findings for finding in found))
