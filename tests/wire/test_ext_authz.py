"""Metadata, health and the portal: one question about a request's head."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from envoy.config.core.v3.base_pb2 import HeaderValueOption
from google.rpc.code_pb2 import OK

from extauth.audit import Outcome
from extauth.gateway.lookup import Ticket
from tests.wire.envoy import PATIENCE, Envoy, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from envoy.service.auth.v3.external_auth_pb2 import DeniedHttpResponse

    from extauth.audit import AuditRecord
    from extauth.snapshot import Snapshot
    from tests.gateway.served import Served

    Recorded = Callable[[], Awaitable[AuditRecord]]

pytestmark = pytest.mark.slow

CLUSTER = "x-sluice-metadata-cluster"


async def allowed(envoy: Envoy, served: Served, path: str) -> dict[str, str]:
    """The headers that an allowed request goes on with."""
    response = await envoy.check(served.head(path, method="GET"))
    assert response.status.code == OK
    options = response.ok_response.headers
    assert all(
        option.append_action == HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD for option in options
    )
    return text(options)


async def denied(
    envoy: Envoy, served: Served, path: str, method: str = "GET", who: str | None = "ada"
) -> DeniedHttpResponse:
    """The answer to a request that does not go on."""
    response = await envoy.check(served.head(path, method=method, who=who))
    assert response.status.code != OK
    assert response.HasField("denied_response")
    return response.denied_response


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/v2/models/chat", "/v2/models/chat/versions/1"),
        ("/v2/models/chat@next", "/v2/models/chat/versions/2"),
        ("/v2/models/chat/versions/02", "/v2/models/chat/versions/2"),
        ("/v2/models/chat/ready", "/v2/models/chat/versions/1/ready"),
    ],
)
async def test_metadata_is_asked_of_the_version_that_was_decided(
    envoy: Envoy, served: Served, recorded: Recorded, path: str, canonical: str
) -> None:
    headers = await allowed(envoy, served, path)
    assert headers == {":path": canonical, CLUSTER: "triton"}
    record = await recorded()
    assert (record.outcome, record.status) == (Outcome.SERVED, 200)


@pytest.mark.parametrize(("path", "body"), [("/v2", b'{"name":"sluice"'), ("/v2/health/live", b"")])
async def test_what_is_about_no_model_is_answered_here(
    envoy: Envoy, served: Served, recorded: Recorded, path: str, body: bytes
) -> None:
    answer = await denied(envoy, served, path)
    assert answer.status.code == 200
    assert answer.body.encode().startswith(body)
    assert text(answer.headers) == {"content-type": "application/json"}
    record = await recorded()
    assert (record.outcome, record.status, record.error) == (Outcome.SERVED, 200, None)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/chat", "/v1/usage"])
async def test_the_portal_gets_a_ticket(envoy: Envoy, served: Served, path: str) -> None:
    (header,) = (await allowed(envoy, served, path)).items()
    name, value = header
    ticket = Ticket.decode(value)
    assert name == "x-sluice-principal"
    assert (ticket.principal.id, ticket.source_ip) == ("acme/ada", "192.0.2.7")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v2/models/chat/infer"])
async def test_inference_does_not_pass_here(
    envoy: Envoy, served: Served, recorded: Recorded, path: str
) -> None:
    assert (await denied(envoy, served, path, "POST")).status.code == 404
    record = await recorded()
    assert (record.outcome, record.route) == (Outcome.DENIED, None)


async def test_a_denial_in_the_shape_of_openai(
    envoy: Envoy, served: Served, recorded: Recorded
) -> None:
    answer = await denied(envoy, served, "/v1/models", who=None)
    assert answer.status.code == 401
    assert json.loads(answer.body)["error"]["code"] == "invalid_api_key"
    headers = text(answer.headers)
    assert headers["content-type"] == "application/json"
    assert headers["www-authenticate"] == "Bearer"
    assert (await recorded()).error == "invalid_api_key"


async def test_a_denial_in_the_shape_of_kserve(envoy: Envoy, served: Served) -> None:
    answer = await denied(envoy, served, "/v2/repository/index", "POST")
    assert answer.status.code == 404
    assert list(json.loads(answer.body)) == ["error"]


async def test_another_method_is_named(envoy: Envoy, served: Served) -> None:
    answer = await denied(envoy, served, "/v1/models", "DELETE")
    assert answer.status.code == 405
    assert text(answer.headers)["allow"] == "GET"


async def test_a_route_to_nowhere_is_denied(
    envoy: Envoy, served: Served, decide: Callable[..., Awaitable[None]]
) -> None:
    await decide(admission={"allow": True})
    answer = await denied(envoy, served, "/v2/models/chat")
    assert answer.status.code == 403
    assert "nowhere" not in answer.body


async def test_a_call_that_is_cancelled_lets_go_of_its_snapshot(
    envoy: Envoy, served: Served, snapshot: Snapshot
) -> None:
    calls = [envoy.check(served.head("/v1/models", method="GET")) for _ in range(20)]
    await calls[0]
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    left = served.runtime
    await served.serve(snapshot)
    await asyncio.wait_for(left.retire(), PATIENCE)
    outcomes = {record.outcome for record in await served.records()}
    assert outcomes <= {Outcome.SERVED, Outcome.DISCONNECTED}


async def test_a_defect_is_a_500_and_on_record(
    envoy: Envoy,
    served: Served,
    recorded: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(served.runtime.engine, "decide", broken)
    answer = await denied(envoy, served, "/v2/models/chat")
    assert answer.status.code == 500
    assert json.loads(answer.body) == {"error": "The gateway failed to serve this request."}
    assert (await recorded()).outcome is Outcome.FAILED
    assert "request r1 failed" in caplog.text
