"""The header stage: who is it, and may they at all?"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from extauth.types import Decision, RequestHead

_HIDDEN = "The request is not allowed."


async def admit(transaction: Transaction) -> Decision:
    """Let the request pass to its body, or raise the error to answer with.

    A stranger learns nothing but that: identity comes before the route.
    """
    head, runtime = transaction.head, transaction.runtime
    if head.repeated is not None:
        raise InvalidRequest(f"The header {head.repeated} is there twice.", code="repeated_header")
    principal = transaction.principal = runtime.identifier.identify(head, transaction.received)
    transaction.join(principal)
    transaction.mark("identify")
    target = transaction.target = parse_target(head.method, head.path)
    check_headers(head)
    time = runtime.calendar(transaction.received)
    decision = await transaction.decide(
        Entrypoint.ADMISSION,
        admission_facts(target, principal, head.source_ip, time, purpose=_purpose(head)),
    )
    transaction.mark("admission")
    if not decision.allow:
        raise denial(decision)
    transaction.admitted()
    return decision


def _purpose(head: RequestHead) -> str | None:
    """What the client says that it wants the answer for; policies and consents have its name."""
    purpose = head.headers.get(PURPOSE)
    if purpose is not None and not is_name(purpose):
        raise InvalidRequest(
            f"The header {PURPOSE} must be {NAME_RULE}.", code="invalid_header", param=PURPOSE
        )
    return purpose


def denial(decision: Decision) -> AnsweredError:
    """The answer to a deny: its first reason, or no more than the status when that is hidden."""
    if not decision.reasons:
        return Forbidden("The policy does not allow this request.", code="denied")
    reason = decision.reasons[0]
    kind: type[AnsweredError] = {404: NotFound, 429: LimitExceeded}.get(reason.status, Forbidden)
    if reason.hidden:
        return kind(_HIDDEN, status=reason.status)
    return kind(reason.message, code=reason.rule, status=reason.status)
