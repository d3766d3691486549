"""The audit record of a request, as schemas/audit.schema.json describes it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from extauth.obligations import Decision, Route
from extauth.types import Api, Facts, Operation, Principal, Usage

VERSION = 3
"""Of the schema. Whoever gives a record or its facts another field gives it the next number, and
says in `audit.versions` what records without the field are taken for."""


class Outcome(StrEnum):
    """The end of a request.

    - `served`: answered in full.
    - `denied`: by identity or policy, or because the policy could not decide.
    - `limited`: a limit had no room.
    - `invalid`: malformed, too large, or of a kind that the gateway does not speak.
    - `disconnected`: the client left before the end; what was used until then is charged.
    - `failed`: by the gateway or a backend.
    """

    SERVED = "served"
    DENIED = "denied"
    LIMITED = "limited"
    INVALID = "invalid"
    DISCONNECTED = "disconnected"
    FAILED = "failed"


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class TrialPart(msgspec.Struct, frozen=True):
    """A request's part in the trial of candidate policies as a canary."""

    candidate: Annotated[str, _about("The digest of the candidate.")]
    group: Annotated[
        Literal["live", "candidate"], _about("Whose policies the principal was to be served by.")
    ]
    error: Annotated[
        str | None,
        _about("Why the candidate could not decide; the live policies then did. Null if it could."),
    ] = None


class AuditRecord(msgspec.Struct, frozen=True):
    """The record of a request. Holds facts and counts, never a prompt, an answer or a key.

    `facts` and `decision` are those of the last policy question, whole, so that it can be asked
    again.
    """

    request_id: Annotated[str, _about("The x-request-id that the client was told.")]
    time: Annotated[float, _about("When the request began, in unix seconds.")]
    snapshot: Annotated[str, _about("The digest of the snapshot that served it.")]
    engine: Annotated[
        str,
        _about("The policy engine that was asked: wasm, opa; opa-external is a server of others."),
    ]
    source: Annotated[str, _about("The client's address, as Envoy trusts it.")]
    outcome: Annotated[Outcome, _about("How it ended.")]
    status: Annotated[
        int, _about("The HTTP status that was answered; 499 when the client had left.")
    ]
    api: Annotated[
        Api | None, _about("Whose API was called; null before the path was understood.")
    ] = None
    operation: Annotated[
        Operation | None, _about("What was asked for; null before the path was understood.")
    ] = None
    principal: Annotated[
        Principal | None, _about("Who called; null when nobody was recognised.")
    ] = None
    facts: Annotated[
        Facts | None, _about("The input of the last policy question; null when none was asked.")
    ] = None
    decision: Annotated[Decision | None, _about("The answer to it; null when there was none.")] = (
        None
    )
    rules: Annotated[
        tuple[str, ...], _about("The rules that denied, those hidden from the client too.")
    ] = ()
    error: Annotated[
        str | None, _about("The code of the error that was answered; null when there was none.")
    ] = None
    route: Annotated[
        Route | None, _about("The model, version and cluster it went to; null when it did not.")
    ] = None
    usage: Annotated[
        Usage | None, _about("The tokens that were charged; null when nothing was.")
    ] = None
    stream: Annotated[bool, _about("Whether the client asked for a stream.")] = False
    noted: Annotated[
        dict[str, int],
        _about("Findings that the policy had left as they are and told of, how many by kind."),
    ] = {}
    dropped_turns: Annotated[
        int, _about("Turns of the chat that were left out so that it fit.")
    ] = 0
    answer_sensitive: Annotated[
        dict[str, int],
        _about("Findings in the answer of the kinds that the policy treats there, by kind."),
    ] = {}
    timings: Annotated[
        dict[str, int], _about("Microseconds that the request spent in each stage.")
    ] = {}
    trial: Annotated[
        TrialPart | None, _about("The canary that the request was part of; null without one.")
    ] = None
    more: Annotated[
        int,
        _about(
            "Requests before it that were not recognised either, of the same source, status, error "
            "and minute, and have no record of their own."
        ),
    ] = 0
    version: Annotated[int, _about("The version of this schema that the record follows.")] = VERSION
