"""An exchange up to a point, and what there is to say of its messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc

from tests.gateway.served import CHAT
from tests.wire.envoy import Envoy, request_body, request_headers

if TYPE_CHECKING:
    from envoy.service.ext_proc.v3.external_processor_pb2 import (
        ImmediateResponse,
        ProcessingResponse,
    )

    from extauth.audit import AuditRecord
    from tests.gateway.served import Served
    from tests.wire.envoy import ProcessCall

STREAM = {**CHAT, "stream": True}
CONTINUE = ("request_headers", "response_headers", "response_body")


def kind(message: ProcessingResponse) -> str:
    """What a reply is about."""
    return str(message.WhichOneof("response"))


def is_continue(message: ProcessingResponse) -> bool:
    """Whether a reply lets its message pass as it is."""
    part = getattr(message, kind(message))
    return kind(message) in CONTINUE and not part.HasField("response")


async def sent(
    envoy: Envoy, served: Served, body: object = CHAT
) -> tuple[ProcessCall, ProcessingResponse]:
    """A request that is on its way to the backend, and what Envoy was told to send there."""
    call = envoy.process()
    assert is_continue(await call.say(request_headers(served.head())))
    return call, await call.say(request_body(json.dumps(body).encode()))


async def refused(call: ProcessCall, *messages: Any) -> ImmediateResponse:
    """The answer in the backend's place, after the call has ended well."""
    *first, last = messages
    for message in first:
        assert is_continue(await call.say(message))
    answer = await call.say(last)
    assert kind(answer) == "immediate_response"
    assert await call.close() is grpc.StatusCode.OK
    return answer.immediate_response


def prompt_tokens(record: AuditRecord) -> int:
    """What the prompt was counted as."""
    assert record.facts is not None
    assert record.facts.tokens is not None
    return record.facts.tokens.prompt
