"""The figures of a replay, as schemas/replay.schema.json describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extauth.assurance.replay.batch import Judged

EXAMPLES = 5
NAMES = 10_000
OTHERS = "others"
NONE = "-"


def _about(description: str) -> msgspec.Meta:
    return msgspec.Meta(description=description)


class Example(msgspec.Struct, frozen=True):
    """A request that is decided otherwise."""

    request_id: Annotated[str, _about("The x-request-id that the client was told.")]
    time: Annotated[float, _about("When the request began, in unix seconds.")]
    tenant: Annotated[str, _about("Whose request it was.")]
    before: Annotated[str, _about("What the base decides.")]
    after: Annotated[str, _about("What the candidate decides.")]


class ChangeCount(msgspec.Struct):
    """Count of the requests that differ in one way, by rule, tenant, role and model.

    A request counts once in `count` and under each of its rules and roles. Of names beyond the
    ten thousandth, all count as `others`; `-` stands for none.
    """

    count: Annotated[int, _about("How many requests.")] = 0
    admission_only: Annotated[
        int,
        _about("Of these, requests that were refused before the body: only admission was asked."),
    ] = 0
    by: Annotated[
        dict[str, int], _about("By the rules, obligations, routes, limits or failures concerned.")
    ] = {}
    tenants: Annotated[dict[str, int], _about("By tenant.")] = {}
    roles: Annotated[dict[str, int], _about("By role of the principal.")] = {}
    models: Annotated[dict[str, int], _about("By the model that was asked for.")] = {}
    examples: Annotated[list[Example], _about("The first five.")] = []

    def add(self, judged: Judged, by: Iterable[str], before: str, after: str) -> None:
        """Count one request."""
        self.count += 1
        self.admission_only += judged.admission_only
        for name in by:
            _count(self.by, name)
        _count(self.tenants, judged.tenant)
        for role in judged.roles or (NONE,):
            _count(self.roles, role)
        _count(self.models, judged.model or NONE)
        if len(self.examples) < EXAMPLES:
            self.examples.append(
                Example(judged.request_id, judged.time, judged.tenant, before, after)
            )


class Side(msgspec.Struct):
    """The ledger under the decisions of one side."""

    reserved: Annotated[int, _about("Requests that were allowed and that limits had room for.")] = 0
    refused: Annotated[int, _about("Requests that were allowed and would have got 429.")] = 0
    queued: Annotated[int, _about("Requests that would have waited for room.")] = 0
    limits: Annotated[dict[str, int], _about("Refused requests by the limit that was full.")] = {}
    queues: Annotated[dict[str, int], _about("Waiting requests by the limit that was full.")] = {}
    tenants: Annotated[dict[str, int], _about("Refused requests by tenant.")] = {}
    prompt_tokens: Annotated[int, _about("Tokens of all prompts that were charged.")] = 0
    completion_tokens: Annotated[int, _about("Tokens of all completions that were charged.")] = 0
    cost: Annotated[float, _about("What they cost, in units of the price's currency.")] = 0.0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def queue(self, limit: str) -> None:
        """Count a request that would have waited for a limit."""
        self.queued += 1
        _count(self.queues, limit)

    def refuse(self, limit: str, tenant: str) -> None:
        """Count a request that a limit had no room for."""
        self.refused += 1
        _count(self.limits, limit)
        _count(self.tenants, tenant)


class Figures(msgspec.Struct):
    """Everything that a replay counts. `before` is the base, `after` the candidate."""

    records: Annotated[int, _about("Records that were read.")] = 0
    compared: Annotated[int, _about("Requests on which both sides decided.")] = 0
    out_of_reach: Annotated[
        int, _about("Records without facts: nobody was recognised, or the request was malformed.")
    ] = 0
    migrated: Annotated[
        int,
        _about(
            "Records of an older version of the schema: of facts that it lacks, nothing was found."
        ),
    ] = 0
    first: Annotated[float | None, _about("When the first compared request began.")] = None
    last: Annotated[float | None, _about("When the last one did.")] = None
    recorded_429s: Annotated[int, _about("Requests that a limit really refused.")] = 0
    new_denies: Annotated[ChangeCount, _about("Allowed before, denied after.")] = msgspec.field(
        default_factory=ChangeCount
    )
    new_allows: Annotated[ChangeCount, _about("Denied before, allowed after.")] = msgspec.field(
        default_factory=ChangeCount
    )
    changed_rules: Annotated[ChangeCount, _about("Denied by both, by other rules.")] = (
        msgspec.field(default_factory=ChangeCount)
    )
    changed_obligations: Annotated[
        ChangeCount, _about("Allowed by both, under other obligations.")
    ] = msgspec.field(default_factory=ChangeCount)
    changed_routes: Annotated[ChangeCount, _about("Allowed by both, routed elsewhere.")] = (
        msgspec.field(default_factory=ChangeCount)
    )
    errors: Annotated[
        ChangeCount,
        _about("The candidate could not decide, or not in time: each is a deny as well."),
    ] = msgspec.field(default_factory=ChangeCount)
    late: Annotated[
        dict[str, tuple[str, ...]],
        _about("By the package that was asked and took too long: those whose rules took the time."),
    ] = {}
    new_429s: Annotated[ChangeCount, _about("Limits had room before and would not after.")] = (
        msgspec.field(default_factory=ChangeCount)
    )
    gone_429s: Annotated[ChangeCount, _about("Limits had no room before and would after.")] = (
        msgspec.field(default_factory=ChangeCount)
    )
    before: Annotated[Side, _about("The ledger under the base's decisions.")] = msgspec.field(
        default_factory=Side
    )
    after: Annotated[Side, _about("The ledger under the candidate's decisions.")] = msgspec.field(
        default_factory=Side
    )


def _count(counts: dict[str, int], name: str) -> None:
    if name not in counts and len(counts) >= NAMES:
        name = OTHERS
    counts[name] = counts.get(name, 0) + 1
