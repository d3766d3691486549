"""The body stage, whole: parse, count, detect, decide, enforce, reserve, rewrite."""

from __future__ import annotations

import asyncio
import collections
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from msgspec.structs import replace

from extauth.clients import parse_call
from extauth.content.detectors import Inquiry
from extauth.content.privacy import KeyedHash, Masker, Substitutes
from extauth.errors import (
    LimitExceeded,
    PolicyError,
    RequestError,
    RequestTooLarge,
)
from extauth.facts import about_model, inference_facts
from extauth.gateway.admission import denial
from extauth.gateway.dispatch import Dispatch
from extauth.gateway.reservation import reserve
from extauth.obligations import Draft, check_context, enforce
from extauth.policy import Entrypoint, checked_route
from extauth.types import Account, TokenFacts, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from extauth.clients import Call
    from extauth.content.privacy import Finding
    from extauth.gateway.reservation import Hold
    from extauth.gateway.runtime import Runtime
    from extauth.gateway.transaction import Transaction
    from extauth.ledger import Counter, Ledger
    from extauth.tokens import LanguageModel
    from extauth.types import Decision, Facts, GuardFacts, Obligation, Principal, Route

P = ParamSpec("P")
T = TypeVar("T")

_ROUTES = 4
"""Routes that a request may be sent elsewhere from, each since a limit of it is used up."""

_INLINE = 32 << 10
"""Bytes of a body that is read on the event loop: a few milliseconds; a larger one in a thread."""


class Inference:
    """Asks `gateway/inference` and enforces what it answers."""

    def __init__(self, ledger: Ledger, hash_key: bytes) -> None:
        self._ledger = ledger
        self._hash_key = hash_key

    async def dispatch(self, transaction: Transaction, body: bytes, hold: Hold) -> Dispatch:
        """Everything between the request's last byte and its departure.

        `hold` is called when that takes long, since the request waits in line. Raises what the
        client is to be told; then nothing stays reserved but what the transaction knows of.
        """
        admission, runtime = transaction.facts, transaction.runtime
        if admission is None or transaction.target is None or transaction.principal is None:
            raise PolicyError("the body stage needs an admitted request")
        limits = runtime.snapshot.settings.limits
        if len(body) > limits.request_body:
            raise RequestTooLarge(f"The body is over the limit of {limits.request_body} bytes.")
        call = parse_call(transaction.target, transaction.head, body, depth=limits.json_depth)
        transaction.stream = call.parameters.stream
        transaction.mark("parse")

        model = runtime.models.get(call.reference.name)
        large = len(body) > _INLINE
        try:
            inquiry = _inquiry(transaction, model, call)
            substitutes = Substitutes(KeyedHash(self._hash_key, transaction.principal.tenant))
            reading = _on(large, _read, runtime, model, call, substitutes)
            draft, own, guard = await (inquiry.beside(reading) if inquiry else reading)
        except RequestError:
            # Whether this is wrong depends on the model, which may be none of the client's.
            await self._check_known(transaction, admission, call)
            raise
        findings = inquiry.merged(own) if inquiry else own
        transaction.mark("read")

        principal, name = transaction.principal, call.reference.name
        counters = runtime.counters.of(principal, name)
        counted = await self._ledger.usage(counters, transaction.received)
        facts = inference_facts(
            admission,
            call.reference,
            parameters=call.parameters,
            tokens=TokenFacts(
                prompt=draft.prompt_tokens,
                max_completion=draft.worst_case - draft.prompt_tokens,
                exact=draft.model.exact,
            )
            if draft
            else None,
            sensitive=_kinds(findings),
            usage=runtime.counters.facts(principal, name, counted),
            load=transaction.books.load.facts(model.settings) if model else None,
            behaviour=transaction.books.behaviour.facts(principal.id, transaction.received),
            classifiers=inquiry.scores if inquiry else {},
            absent=inquiry.absent if inquiry else (),
            guard=guard,
        )
        while True:
            decision = await transaction.decide(Entrypoint.INFERENCE, facts)
            transaction.mark("inference")
            if not decision.allow:
                raise denial(decision)
            if draft is None or model is None:
                raise PolicyError("the policy allows a model that the gateway does not have")
            if inquiry and decision.route and await inquiry.about(decision.route.model):
                # Others are asked about the model that it is routed to: what they found counts.
                findings = inquiry.merged(own)
                facts = replace(
                    facts,
                    sensitive=_kinds(findings),
                    classifiers=inquiry.scores,
                    absent=inquiry.absent,
                )
                continue
            rewritten = replace(draft, findings=findings)
            try:
                return await self._enforce(
                    transaction, decision, rewritten, counters, hold, large=large
                )
            except LimitExceeded as full:
                facts = _elsewhere(facts, full)

    async def _check_known(self, transaction: Transaction, admission: Facts, call: Call) -> None:
        """Raises the policy's answer when it does not let this principal see the model."""
        decision = await transaction.decide(
            Entrypoint.ADMISSION, about_model(admission, call.reference)
        )
        if not decision.allow:
            raise denial(decision) from None

    async def _enforce(
        self,
        transaction: Transaction,
        decision: Decision,
        draft: Draft,
        counters: Sequence[Counter],
        hold: Hold,
        *,
        large: bool,
    ) -> Dispatch:
        """From an allowed draft to a reserved dispatch."""
        unsupported = draft.call.unsupported()
        if unsupported is not None:
            raise unsupported
        route = checked_route(decision.route, transaction.runtime.snapshot.settings)
        model = transaction.runtime.models[route.model]
        draft = await _on(large, _rewritten, model, decision.obligations, draft)
        check_context(draft)
        transaction.mark("obligations")

        account = _account(transaction.principal, route)
        reservation, draft, price = await reserve(transaction, account, draft, counters, hold)
        transaction.mark("reserve")
        transaction.note(draft.noted)
        transaction.dropped_turns = draft.dropped

        dispatch = Dispatch(
            route=route,
            model=draft.model,
            request=draft.call.request(draft.model, route.version, draft.prompts, draft.max_tokens),
            codec=draft.call.response(
                model_label=f"{route.model}@{route.version}",
                request_id=transaction.head.request_id,
                created=int(transaction.received),
            ),
            worst_case=Usage(draft.prompt_tokens, draft.worst_case - draft.prompt_tokens),
            limits=reservation.states,
            masker=draft.masker,
            price=price,
            detector=transaction.runtime.detector,
            answers=draft.answers,
            guards=draft.guards,
            settlement=draft.settlement,
            unseen=max(map(draft.model.tokenizer.count, draft.call.stops), default=0),
        )
        transaction.mark("rewrite")
        return dispatch


async def _on(thread: bool, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function` returns, computed in a thread where it would hold up the event loop."""
    if thread:
        return await asyncio.to_thread(function, *args, **kwargs)
    return function(*args, **kwargs)


def _read(
    runtime: Runtime, model: LanguageModel | None, call: Call, substitutes: Substitutes
) -> tuple[Draft | None, list[tuple[Finding, ...]], GuardFacts]:
    """Count tokens, detect, guard: all that takes time with the body's size."""
    draft = _draft(model, call.bind(model), substitutes) if model else None
    texts = draft.texts if draft else call.texts()
    guard = runtime.guard.facts(texts, (draft.call if draft else call).sources())
    return draft, runtime.detector.detect_all(texts), guard


def _inquiry(transaction: Transaction, model: LanguageModel | None, call: Call) -> Inquiry | None:
    """Those elsewhere that are asked about the call, where the configuration names some."""
    externals = transaction.runtime.externals
    if externals is None or model is None:
        return None
    texts = call.bind(model).texts()
    return Inquiry(externals, texts, model.settings.name, transaction.books.metrics.external)


def _rewritten(model: LanguageModel, obligations: Iterable[Obligation], draft: Draft) -> Draft:
    """The draft for the model that it is routed to, under the policy's obligations.

    Token ids were decoded by the model that the client named: to another one they are text.
    """
    if model is not draft.model:
        draft = replace(
            _draft(model, draft.call, draft.masker.substitutes), findings=draft.findings
        )
    return enforce(obligations, draft)


def _draft(model: LanguageModel, call: Call, substitutes: Substitutes) -> Draft:
    """The request as the client wants it, counted by the model's tokenizer."""
    prompts = call.prompts(model)
    texts = call.texts()
    return Draft(
        model=model,
        call=call,
        texts=texts,
        findings=(),
        prompts=prompts,
        counts=[call.given_ids] if call.given_ids else model.counts(prompts),
        asked=call.parameters.max_tokens,
        masker=Masker(texts, substitutes),
    )


def _account(principal: Principal | None, route: Route) -> Account:
    """Whose usage it will be."""
    if principal is None:
        raise PolicyError("the body stage needs an admitted request")
    return Account(
        tenant=principal.tenant,
        principal=principal.id,
        model=route.model,
        version=route.version,
        team=principal.attributes.get("team", ""),
    )


def _elsewhere(facts: Facts, full: LimitExceeded) -> Facts:
    """The question asked again, for another route; raises `full` when there is none to ask for."""
    limit, tried = full.limit, facts.exceeded
    if limit is None or limit.on_exceed != "fallback" or limit.name in tried:
        raise full
    if len(tried) >= _ROUTES:
        raise full
    return replace(facts, exceeded=(*tried, limit.name))


def _kinds(findings: Iterable[Iterable[Finding]]) -> dict[str, int]:
    """How many of each kind were found."""
    return dict(collections.Counter(finding.kind for found in findings for finding in found))
