"""The body stage's first half: parse, count tokens, detect. All that takes time with the size."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import msgspec

from extauth.clients import parse_request
from extauth.content.detectors import Inquiry
from extauth.content.privacy import KeyedHash, Masker, Substitutes
from extauth.errors import RequestError, RequestTooLarge
from extauth.facts import about_model
from extauth.gateway.admission import denial
from extauth.obligations import draft_of
from extauth.policy import Entrypoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extauth.clients import Codec
    from extauth.content.privacy import Finding
    from extauth.gateway.admission import Admitted
    from extauth.gateway.runtime import Draft, Runtime
    from extauth.gateway.transaction import Transaction
    from extauth.tokens import LanguageModel
    from extauth.types import GuardFacts
    from extauth.types.call import Call

P = ParamSpec("P")
T = TypeVar("T")

_INLINE = 32 << 10
"""Bytes of a body that is read on the event loop: a few milliseconds; a larger one in a thread."""


class Read(msgspec.Struct, frozen=True):
    """A body that was understood, with what was found in it.

    `codec` has the call as the client wrote it, and writes the answer.
    `model` and `draft` are None for a model that the gateway does not have. `own` are the findings
    of the gateway's own detector, text by text; `inquiry` has those of others, where any are asked.
    `large` is a body whose work belongs in a thread.
    """

    codec: Codec
    model: LanguageModel | None
    draft: Draft | None
    own: Sequence[tuple[Finding, ...]]
    guard: GuardFacts
    inquiry: Inquiry | None
    large: bool


async def read(transaction: Transaction, admitted: Admitted, body: bytes, hash_key: bytes) -> Read:
    """Understand the body, or raise the error to answer with.

    A client that may not see the model it names learns that alone, whatever else is wrong.
    """
    runtime = transaction.runtime
    limits = runtime.snapshot.settings.limits
    if len(body) > limits.request_body:
        raise RequestTooLarge(f"The body is over the limit of {limits.request_body} bytes.")
    codec = parse_request(admitted.target, transaction.head, body, depth=limits.json_depth)
    call = codec.call
    transaction.entry.stream = call.parameters.stream
    transaction.mark("parse")
    try:
        found = await _read(
            transaction,
            codec,
            Substitutes(KeyedHash(hash_key, admitted.principal.tenant)),
            large=len(body) > _INLINE,
        )
    except RequestError:
        # Whether this is wrong depends on the model, which may be none of the client's.
        decision = await transaction.decisions.ask(
            Entrypoint.ADMISSION, about_model(admitted.facts, call.reference)
        )
        if not decision.allow:
            raise denial(decision) from None
        raise
    transaction.mark("read")
    return found


async def on(thread: bool, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `function` does, computed in a thread where it would hold up the event loop."""
    if thread:
        return await asyncio.to_thread(function, *args, **kwargs)
    return function(*args, **kwargs)


def drafted(
    model: LanguageModel, call: Call, texts: Sequence[str], substitutes: Substitutes
) -> Draft:
    """Return the request as the client wants it, counted by the model's tokenizer.

    `texts` are those of `call`, whose token ids are decoded.
    """
    return draft_of(model, call, texts, Masker(texts, substitutes))


async def _read(
    transaction: Transaction, codec: Codec, substitutes: Substitutes, *, large: bool
) -> Read:
    runtime = transaction.runtime
    model = runtime.models.get(codec.call.reference.name)
    call, texts = await on(large, _texts, model, codec.call)
    inquiry = None
    if runtime.externals is not None and model is not None:
        metrics = transaction.books.metrics.external
        inquiry = Inquiry(runtime.externals, texts, model.settings.name, metrics)
    work = on(large, _work, runtime, model, call, texts, substitutes)
    draft, own, guard = await (inquiry.beside(work) if inquiry else work)
    return Read(codec, model, draft, own, guard, inquiry, large)


def _texts(model: LanguageModel | None, call: Call) -> tuple[Call, list[str]]:
    if model is not None:
        call = call.decoded(model.decode)
    return call, call.texts()


def _work(
    runtime: Runtime,
    model: LanguageModel | None,
    call: Call,
    texts: Sequence[str],
    substitutes: Substitutes,
) -> tuple[Draft | None, list[tuple[Finding, ...]], GuardFacts]:
    """Count tokens, detect, guard."""
    draft = drafted(model, call, texts, substitutes) if model else None
    return draft, runtime.detector.detect_all(texts), runtime.guard.facts(texts, call.sources())
