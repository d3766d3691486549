"""The operators' endpoint."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from extauth.admin import Readiness, create_admin
from extauth.errors import ConfigurationError
from extauth.metrics import Metrics

TOKEN = "a-token-for-tests"
AUTHORIZED = {"authorization": f"Bearer {TOKEN}"}


class Service:
    """What the endpoint is asked about: its readiness can be set, its snapshot be replaced."""

    def __init__(self) -> None:
        self.failing: tuple[str, ...] = ()
        self.digest = "old"
        self.metrics = Metrics()

    def readiness(self) -> Readiness:
        return Readiness(self.failing)

    async def activate(self, digest: str) -> None:
        if digest == "broken":
            raise ConfigurationError("no policy", file="policies/gateway.rego", line=3)
        self.digest = digest


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service: Service) -> TestClient:
    return TestClient(create_admin(TOKEN, service.readiness, service.metrics, service.activate))


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
@pytest.mark.parametrize(("method", "path"), [("GET", "/metrics"), ("POST", "/snapshot")])
def test_everything_else_needs_the_token(
    client: TestClient, service: Service, headers: dict[str, str], method: str, path: str
) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = client.request(method, path, headers=sent, content=b'{"digest": "new"}')
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert service.digest == "old"


def test_a_scrape_shows_what_was_counted(client: TestClient, service: Service) -> None:
    service.metrics.request("refused", "no_such_model", "openai", 404)
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


def test_reading_is_no_order(client: TestClient) -> None:
    assert client.get("/snapshot", headers=AUTHORIZED).status_code == 405
