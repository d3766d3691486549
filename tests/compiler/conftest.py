"""Configurations that are wrong in one place, and Envoys on ones that are right."""

from __future__ import annotations

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import msgspec
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from extauth.settings import (
    Admin,
    BackendSettings,
    Identity,
    Jwt,
    Limits,
    ListenerSettings,
    Policy,
    Settings,
)
from extauth.stack.engines.opa import find_opa
from tests.compiler.edge import Edge
from tests.compiler.script import Script, allow, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[2]
ISSUER = "https://issuer.test"
AUDIENCE = "sluice"

SETTINGS = Settings(
    time_zone="UTC",
    listener=ListenerSettings("127.0.0.1", 8080),
    admin=Admin("127.0.0.1", 8081),
    policy=Policy("wasm", 0.25),
    backends={"triton": BackendSettings("triton", "triton", "triton", "cpu", "eu-west")},
    models={},
    identity=Identity(86_400.0),
    limits=Limits(
        request_body=64 << 10,
        response_body=256 << 10,
        header_bytes=16 << 10,
        request_timeout=20.0,
        stream_idle_timeout=20.0,
        json_depth=32,
    ),
)

BASE: dict[str, Any] = {
    "version": 1,
    "time_zone": "UTC",
    "listener": {"address": "127.0.0.1", "port": 8080},
    "admin": {"address": "127.0.0.1", "port": 8081},
    "policy": {"directory": "policies", "engine": "wasm", "timeout": "250ms"},
    "backends": {"triton": {"kind": "triton", "embedded": True, "region": "eu-west"}},
    "models": {
        "echo": {
            "backend": "triton",
            "task": "completion",
            "repository": "echo",
            "versions": ["1", "2"],
            "aliases": {"stable": "1"},
            "tokenizer": "tokenizer.json",
            "context_length": 128,
            "price": {"prompt": 0, "completion": 0},
        }
    },
    "identity": {"rotation_grace": "24h"},
    "limits": {
        "request_body": "1MiB",
        "response_body": "8MiB",
        "header_bytes": "32KiB",
        "request_timeout": "60s",
        "stream_idle_timeout": "60s",
        "json_depth": 32,
    },
}


ELSEWHERE: tuple[tuple[str, object], ...] = (
    ("backends", {"cloud": {"kind": "openai", "url": "http://127.0.0.1:1", "region": "eu-west"}}),
    (
        "models.echo",
        {
            "backend": "cloud",
            "task": "completion",
            "context_length": 128,
            "price": {"prompt": 0, "completion": 0},
        },
    ),
)
"""Changes that have no model on a server of the stack."""


class Workspace:
    """A directory with a configuration, its policies and its models."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "gateway.yaml"
        shutil.copytree(REPOSITORY / "policies", root / "policies")
        for version in ("1", "2"):
            (root / "echo" / version).mkdir(parents=True)
            (root / "echo" / version / "model.py").write_text("")
        (root / "echo/signature.yaml").write_text(
            (REPOSITORY / "triton/models/echo/signature.yaml").read_text()
        )
        (root / "tokenizer.json").write_text("{}")
        self.write()

    def write(self, *changes: tuple[str, object]) -> Path:
        """Write the configuration with each `(dotted key, value)`; None takes the key away."""
        document = deepcopy(BASE)
        for place, value in changes:
            *parents, last = place.split(".")
            holder = document
            for key in parents:
                holder = holder.setdefault(key, {})
            if value is None:
                del holder[last]
            else:
                holder[last] = value
        # Without an object that is there twice, which YAML would write with an anchor.
        plain = json.loads(json.dumps(document))
        self.config.write_text(yaml.safe_dump(plain, sort_keys=False))
        return self.config

    def line(self, text: str) -> int:
        """The number of the first line that holds `text`."""
        lines = self.config.read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture(scope="session")
def opa() -> Path:
    return find_opa().path


@pytest.fixture(scope="session")
def issuer_key() -> rsa.RSAPrivateKey:
    """What a trusted issuer signs with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def sign(issuer_key: rsa.RSAPrivateKey) -> Callable[[dict[str, Any]], str]:
    """Make a token of these claims."""
    return lambda claims: jwt.encode(claims, issuer_key, "RS256", headers={"kid": "one"})


def _edge(settings: Settings, state: Path) -> Iterator[Edge]:
    edge = Edge(settings, state)
    try:
        yield edge
    finally:
        edge.stop()


@pytest.fixture(scope="session")
def _plain_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    yield from _edge(SETTINGS, tmp_path_factory.mktemp("edge"))


@pytest.fixture(scope="session")
def _impatient_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    limits = msgspec.structs.replace(SETTINGS.limits, request_timeout=1.5, stream_idle_timeout=1.0)
    settings = msgspec.structs.replace(SETTINGS, limits=limits)
    yield from _edge(settings, tmp_path_factory.mktemp("impatient"))


@pytest.fixture(scope="session")
def _jwt_edge(
    issuer_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(issuer_key.public_key()))
    issuer = Jwt(
        name="issuer",
        issuer=ISSUER,
        audiences=(AUDIENCE,),
        claims={"id": "sub", "tenant": "tenant", "tier": "tier"},
        jwks=json.dumps({"keys": [{**public, "kid": "one"}]}),
    )
    settings = msgspec.structs.replace(SETTINGS, identity=Identity(86_400.0, jwt=(issuer,)))
    yield from _edge(settings, tmp_path_factory.mktemp("jwt"))


@pytest.fixture(scope="session")
def _lame_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    settings = msgspec.structs.replace(SETTINGS, workers=2)
    yield from _edge(settings, tmp_path_factory.mktemp("lame"))


def _fresh(edge: Edge) -> Edge:
    edge.script = Script(decide(), allow({}), lambda handler: handler.send(b"{}"))
    return edge


@pytest.fixture
def edge(_plain_edge: Edge) -> Edge:
    """Envoy as the demo has it, with small limits; its stand-ins forget between tests."""
    return _fresh(_plain_edge)


@pytest.fixture
def impatient_edge(_impatient_edge: Edge) -> Edge:
    """The same with timeouts of about a second."""
    return _fresh(_impatient_edge)


@pytest.fixture
def lame_edge(_lame_edge: Edge) -> Edge:
    """The same with two workers, one of which is dead."""
    return _fresh(_lame_edge)


@pytest.fixture
def jwt_edge(_jwt_edge: Edge) -> Edge:
    """The same with a trusted token issuer."""
    return _fresh(_jwt_edge)
