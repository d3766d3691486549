"""The operators' endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from extauth.api.admin import Readiness, Served, create_admin
from extauth.errors import ConfigurationError, StackError
from extauth.gateway.metrics import RequestMetrics
from extauth.observability.metrics import Metrics
from extauth.rollout import Mode, TrialOrder

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

TOKEN = "a-token-for-tests"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


class Service:
    """What the endpoint is asked about: its readiness can be set, its snapshot be replaced."""

    def __init__(self) -> None:
        self.failing: tuple[str, ...] = ()
        self.digest = "old"
        self.trial: tuple[Mode, TrialOrder] | None = None
        self.counted = Metrics()

    async def metrics(self) -> Metrics:
        return self.counted

    async def readiness(self) -> Readiness:
        return Readiness(self.failing)

    async def activate(self, digest: str, rollback: bool = False) -> None:
        if digest == "broken":
            raise ConfigurationError("no policy", file="policies/gateway.rego", line=3)
        if digest == "former" and not rollback:
            raise ConfigurationError("it has a lower sequence number")
        self.digest = digest

    async def served(self) -> Served:
        if self.digest == "gone":
            raise StackError("worker 1 does not answer")
        return Served(self.digest, 7, ("retiring",))

    async def bundle(self) -> bytes:
        if self.digest == "gone":
            raise ConfigurationError("can't be read", file="bundle.tar.gz")
        return self.digest.encode()

    async def start_trial(self, mode: Mode, order: TrialOrder) -> None:
        if self.trial is not None:
            raise StackError("a trial runs already")
        self.trial = (mode, order)

    async def stop_trial(self, mode: Mode) -> None:
        if self.trial is None or self.trial[0] is not mode:
            raise StackError(f"no {mode} runs")
        self.trial = None


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(create_admin(TOKEN, service))


def test_the_routes_of_a_feature_take_the_token_too(service: Service) -> None:
    class Feature:
        def routes(self) -> tuple[Route, ...]:
            async def show(_: Request) -> Response:
                return PlainTextResponse("shown")

            return (Route("/shown", show, methods=["GET"]),)

    client = TestClient(create_admin(TOKEN, service, Feature()))
    assert client.get("/shown").status_code == 401
    assert client.get("/shown", headers=AUTHORIZED).text == "shown"
    assert client.post("/shown", headers=AUTHORIZED).status_code == 405


def test_health_needs_no_token(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok\n"


def test_readiness_names_what_fails_and_nothing_more(client: TestClient, service: Service) -> None:
    assert client.get("/readyz").status_code == 200
    service.failing = ("ledger", "policy")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "ledger\npolicy\n")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": "Bearer \u00e9".encode("latin-1").decode("latin-1")},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/metrics"),
        ("GET", "/snapshot"),
        ("GET", "/bundle"),
        ("POST", "/snapshot"),
        ("POST", "/trial/shadow"),
        ("DELETE", "/trial/canary"),
    ],
)
def test_everything_else_needs_the_token(
    client: TestClient, service: Service, headers: dict[str, str], method: str, path: str
) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.request(method, path, headers=sent, content=b'{"digest": "new"}')
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert service.digest == "old"


def test_a_scrape_shows_what_was_counted(client: TestClient, service: Service) -> None:
    RequestMetrics(service.counted).request("refused", "no_such_model", "openai", 404)
    text = client.get("/metrics", headers=AUTHORIZED).text
    assert (
        'sluice_requests_total{api="openai",outcome="refused",rule="no_such_model",status="404"} 1'
        in text
    )


def test_a_snapshot_is_activated(client: TestClient, service: Service) -> None:
    answer = client.post("/snapshot", headers=AUTHORIZED, json={"digest": "new"})
    assert (answer.status_code, answer.json()) == (200, {"digest": "new"})
    assert service.digest == "new"


def test_a_bad_snapshot_is_refused_with_its_place(client: TestClient, service: Service) -> None:
    answer = client.post("/snapshot", headers=AUTHORIZED, json={"digest": "broken"})
    assert answer.status_code == 409
    assert answer.json() == {"error": "policies/gateway.rego:3: no policy"}
    assert service.digest == "old"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"digest": 1}', 400),
        (b'{"digest": "a", "x": 1}', 400),
        (b" " * 5000, 413),
    ],
)
def test_a_malformed_order_is_refused(
    client: TestClient, service: Service, body: bytes, status: int
) -> None:
    assert client.post("/snapshot", headers=AUTHORIZED, content=body).status_code == status
    assert service.digest == "old"


def test_a_former_snapshot_has_to_be_asked_for(client: TestClient, service: Service) -> None:
    order: dict[str, object] = {"digest": "former"}
    assert client.post("/snapshot", headers=AUTHORIZED, json=order).status_code == 409
    order["rollback"] = True
    assert client.post("/snapshot", headers=AUTHORIZED, json=order).status_code == 200
    assert service.digest == "former"


def test_it_tells_what_is_served_and_what_is_still_in_use(client: TestClient) -> None:
    answer = client.get("/snapshot", headers=AUTHORIZED)
    assert answer.json() == {"digest": "old", "sequence": 7, "retiring": ["retiring"]}


def test_the_bundle_is_sent_once_a_version(client: TestClient, service: Service) -> None:
    first = client.get("/bundle", headers=AUTHORIZED)
    assert (first.status_code, first.content) == (200, b"old")
    known = AUTHORIZED | {"if-none-match": first.headers["etag"]}
    again = client.get("/bundle", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    service.digest = "new"
    assert client.get("/bundle", headers=known).content == b"new"
    service.digest = "gone"
    assert client.get("/bundle", headers=known).status_code == 503


ORDER = {"candidate": "abc", "source": "policies", "share": 500}


def test_a_trial_is_started_and_stopped(client: TestClient, service: Service) -> None:
    answer = client.post("/trial/shadow", headers=AUTHORIZED, json=ORDER)
    assert (answer.status_code, answer.json()) == (200, {"candidate": "abc"})
    assert service.trial == (Mode.SHADOW, TrialOrder("abc", "policies", 500))
    second = client.post("/trial/canary", headers=AUTHORIZED, json=ORDER)
    assert (second.status_code, second.json()) == (409, {"error": "a trial runs already"})
    other = client.request("DELETE", "/trial/canary", headers=AUTHORIZED)
    assert (other.status_code, other.json()) == (409, {"error": "no canary runs"})
    assert client.request("DELETE", "/trial/shadow", headers=AUTHORIZED).status_code == 200
    assert service.trial is None


def test_an_order_for_a_trial_is_checked(client: TestClient, service: Service) -> None:
    for wrong in ({}, {**ORDER, "share": "5%"}, {**ORDER, "share": 0}, {**ORDER, "more": 1}):
        assert client.post("/trial/shadow", headers=AUTHORIZED, json=wrong).status_code == 400
    assert client.post("/trial/other", headers=AUTHORIZED, json=ORDER).status_code == 404
    assert service.trial is None
