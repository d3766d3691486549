"""The header stage: identify the caller, and ask whether it may call this at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.clients import check_headers, parse_target
from extauth.errors import (
    AnsweredError,
    Forbidden,
    InvalidRequest,
    LimitExceeded,
    NotFound,
)
from extauth.facts import admission_facts
from extauth.identity.names import NAME_RULE, is_name
from extauth.policy import Entrypoint
from extauth.types.headers import PURPOSE

if TYPE_CHECKING:
    from extauth.gateway.transaction import Transaction
    from extauth.obligations import Decision
    from extauth.types import Facts, Principal, RequestHead, Target

_HIDDEN = "The request is not allowed."


class Admitted(msgspec.Struct, frozen=True):
    """A request that may go on to its body, and what was decided on its head."""

    principal: Principal
    target: Target
    facts: Facts
    decision: Decision


async def admit(transaction: Transaction) -> Admitted:
    """Let the request pass to its body, or raise the error to answer with.

    A stranger learns nothing but that: identity comes before the route.
    """
    head, runtime, entry = transaction.head, transaction.runtime, transaction.entry
    if head.repeated is not None:
        raise InvalidRequest(f"The header {head.repeated} is there twice.", code="repeated_header")
    principal = entry.principal = await runtime.identifier.identify(head, transaction.received)
    transaction.decisions.join(head.request_id, principal)
    transaction.mark("identify")
    target = entry.target = parse_target(head.method, head.path)
    check_headers(head)
    time = runtime.calendar(transaction.received)
    facts = admission_facts(target, principal, head.source_ip, time, purpose=_purpose(head))
    decision = await transaction.decisions.ask(Entrypoint.ADMISSION, facts)
    transaction.mark("admission")
    if not decision.allow:
        raise denial(decision)
    return Admitted(principal, target, facts, decision)


def _purpose(head: RequestHead) -> str | None:
    """Return the purpose that the client names, which policies and consents know it by."""
    purpose = head.headers.get(PURPOSE)
    if purpose is not None and not is_name(purpose):
        raise InvalidRequest(
            f"The header {PURPOSE} must be {NAME_RULE}.", code="invalid_header", param=PURPOSE
        )
    return purpose


def denial(decision: Decision) -> AnsweredError:
    """Return the error for a deny: its first reason, or its status alone where that is hidden."""
    if not decision.reasons:
        return Forbidden("The policy does not allow this request.", code="denied")
    reason = decision.reasons[0]
    kind: type[AnsweredError] = {404: NotFound, 429: LimitExceeded}.get(reason.status, Forbidden)
    if reason.hidden:
        return kind(_HIDDEN, status=reason.status)
    return kind(reason.message, code=reason.rule, status=reason.status)
