"""The header stage: who comes in, and what those learn who don't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from extauth.errors import (
    AnsweredError,
    Forbidden,
    LimitExceeded,
    NotFound,
    PolicyError,
)
from extauth.gateway.admission import Admitted, denial
from extauth.obligations import Decision, Reason, Route
from extauth.policy import checked_route
from extauth.types import Operation
from tests.gateway.served import JSON, ROUTE, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extauth.types import RequestHead
    from tests.gateway.served import Served

METADATA = "/v2/models/{}/versions/1"


async def refused(served: Served, **head: Any) -> Refused:
    """The error that a request is answered with."""
    with pytest.raises(Refused) as raised:
        await served.admit(served.head(**head))
    return raised.value


async def admitted(served: Served, head: RequestHead | None = None) -> Admitted:
    """A request that its head lets in."""
    stage = (await served.admit(head)).stage
    assert isinstance(stage, Admitted)
    return stage


async def test_a_known_principal_comes_in(served: Served) -> None:
    found = await admitted(served)
    assert found.decision.allow
    assert found.principal.id == "acme/ada"
    assert found.target.operation is Operation.CHAT


async def test_a_model_in_the_path_gets_its_route_at_once(served: Served) -> None:
    head = served.head("/v2/models/chat/versions/2/infer")
    assert (await admitted(served, head)).decision.route == Route("chat", "2", "triton")


async def test_the_purpose_that_the_client_names_is_a_fact(served: Served) -> None:
    head = served.head()
    head.headers["x-request-purpose"] = "support"
    assert (await admitted(served, head)).facts.purpose == "support"


async def test_a_purpose_that_is_no_name_is_refused(served: Served) -> None:
    head = served.head()
    head.headers["x-request-purpose"] = "support,billing"
    with pytest.raises(Refused, match="x-request-purpose") as raised:
        await served.admit(head)
    assert (raised.value.status, raised.value.code) == (400, "invalid_header")


async def test_a_header_that_is_there_twice_is_refused_and_named(served: Served) -> None:
    error = await refused(served, repeated="authorization")
    assert (error.status, error.code) == (400, "repeated_header")
    assert "authorization" in error.told


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("POST", "/v2/repository/index"),
        ("DELETE", "/v1/models"),
        ("GET", "/nothing/here"),
    ],
)
async def test_a_stranger_learns_nothing_of_the_routes(
    served: Served, method: str, path: str
) -> None:
    error = await refused(served, path=path, method=method, who=None)
    assert (error.status, error.code) == (401, "invalid_api_key")
    record = await served.record()
    assert (record.principal, record.operation) == (None, None)


async def test_a_principal_is_told_of_a_wrong_route_and_method(served: Served) -> None:
    assert (await refused(served, path="/v2/repository/index")).status == 404
    assert (await refused(served, method="GET")).status == 405


async def test_a_compressed_body_is_refused_before_it_is_read(served: Served) -> None:
    error = await refused(served, headers={**JSON, "content-encoding": "gzip"})
    assert (error.status, error.code) == (415, "unsupported_encoding")


async def test_a_forbidden_model_looks_like_one_that_does_not_exist(served: Served) -> None:
    forbidden = await refused(served, path=METADATA.format("embed"), method="GET", who="bob")
    missing = await refused(served, path=METADATA.format("nosuch"), method="GET", who="bob")
    assert (forbidden.status, forbidden.code) == (missing.status, missing.code)
    assert forbidden.told.replace("embed", "") == missing.told.replace("nosuch", "")


async def test_the_record_says_what_the_client_is_not_told(served: Served) -> None:
    """A model in a region that the tenant's data may not go to."""
    key, plain = served.keys.create(
        name="eve", tenant="umbrella", tier="premium", roles=["developer"], region="us-east", now=0
    )
    assert key.principal.region == "us-east"
    served.tokens["eve"] = plain
    error = await refused(served, path=METADATA.format("chat"), method="GET", who="eve")
    assert error.status == 404
    assert "region" not in f"{error.told} {error.code}"
    record = await served.record()
    assert record.rules == ("model.unknown", "region.mismatch")
    assert (record.status, record.outcome) == (404, "denied")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, Forbidden), (404, NotFound), (422, Forbidden), (429, LimitExceeded), (451, Forbidden)],
)
def test_a_denial_has_the_status_that_the_policy_chose(
    status: Any, kind: type[AnsweredError]
) -> None:
    error = denial(Decision(False, (Reason("rule.one", "Because.", status),)))
    assert isinstance(error, kind)
    assert (error.status, error.code, error.told) == (status, "rule.one", "Because.")


def test_a_hidden_reason_is_told_as_its_status_alone() -> None:
    error = denial(Decision(False, (Reason("secret.rule", "Secret cause.", 404, True),)))
    assert error.status == 404
    assert "ecret" not in f"{error.code} {error.told} {error.message}"


def test_a_deny_without_a_reason_is_a_deny() -> None:
    error = denial(Decision(False))
    assert (error.status, error.code) == (403, "denied")


async def test_an_undefined_decision_is_a_deny(
    served: Served, decide: Callable[..., Awaitable[None]]
) -> None:
    await decide(admission={"allow": "yes"})
    error = await refused(served)
    assert (error.status, error.code) == (403, "policy_error")
    assert error.told == "The policy could not decide on this request, so it is denied."


@pytest.mark.parametrize(
    "route",
    [
        None,
        {**ROUTE, "model": "nosuch"},
        {**ROUTE, "version": "9"},
        {**ROUTE, "version": "01"},
        {**ROUTE, "cluster": "ext_proc"},
    ],
)
def test_a_route_to_nowhere_is_the_policys_defect(
    served: Served, route: dict[str, str] | None
) -> None:
    with pytest.raises(PolicyError):
        checked_route(Route(**route) if route else None, served.runtime.snapshot.settings)
