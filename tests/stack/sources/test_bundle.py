"""A bundle from elsewhere becomes a directory of policies."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from extauth.compiler.policies import compile_policies
from extauth.errors import ConfigurationError, StackError
from extauth.snapshot import bundle
from extauth.stack.engines.opa import find_opa
from extauth.stack.process.ports import allocate
from extauth.stack.sources.bundle import Fetched, fetch, lay_out
from tests.stack.test_running import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

CATALOG = {"chat": {"task": "chat"}}


def test_the_policies_are_the_same_and_the_models_are_not(tmp_path: Path) -> None:
    opa = find_opa().path
    made = compile_policies(REPOSITORY / "policies", {"elsewhere": {}}, opa)
    lay_out(bundle.unpack(made["policy/bundle.tar.gz"]), tmp_path / "pulled")
    pulled = compile_policies(tmp_path / "pulled", CATALOG, opa)
    own = compile_policies(REPOSITORY / "policies", CATALOG, opa)
    assert json.loads(pulled["policy/data.json"]) == json.loads(own["policy/data.json"])
    assert pulled["policy/policy.wasm"] == own["policy/policy.wasm"]


def test_nested_data_keeps_its_place(tmp_path: Path) -> None:
    files = {"a/b/data.json": b'{"c": 1}', "data.json": b'{"d": 2, "catalog": {}}', "x.rego": b""}
    lay_out(files, tmp_path / "pulled")
    data = json.loads((tmp_path / "pulled/data/data.json").read_text())
    assert data == {"a": {"b": {"c": 1}}, "d": 2}
    assert (tmp_path / "pulled/gateway/x.rego").exists()


@pytest.mark.parametrize(
    "files", [{"data.yaml": b"a: 1"}, {"data.json": b"["}, {"data.json": b"1"}]
)
def test_data_that_is_not_taken(files: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the bundle holds"):
        lay_out(files, tmp_path / "pulled")


class Server(ThreadingHTTPServer):
    """Answers everything alike, and remembers what it was asked."""

    status = 200
    headers: tuple[tuple[str, str], ...] = (("etag", '"1"'),)
    content = b"content"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[dict[str, str]] = []


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(self.server.status)
        for name, value in self.server.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[tuple[Server, str]]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}/bundle"
        finally:
            server.shutdown()
            thread.join()


def test_a_version_is_fetched_once() -> None:
    with serving() as (server, url):
        assert fetch(url, etag=None, token="secret") == Fetched(b"content", '"1"')
        server.status, server.content = 304, b""
        assert fetch(url, etag='"1"', token=None) is None
    assert server.asked[0]["authorization"] == "Bearer secret"
    assert server.asked[1]["if-none-match"] == '"1"'
    assert "authorization" not in server.asked[1]


@pytest.mark.parametrize("status", [401, 404, 500, 301])
def test_another_answer_is_no_bundle(status: int) -> None:
    """A redirect is one of them: the token is for the server that was named."""
    with serving() as (server, url):
        server.status, server.headers = status, (("location", url),)
        with pytest.raises(StackError, match=f"answered {status}") as caught:
            fetch(url, etag=None, token="secret")
    assert "secret" not in caught.value.message
    assert len(server.asked) == 1


def test_nobody_answers() -> None:
    port = allocate(["free"], {})["free"]
    with pytest.raises(StackError, match="does not answer"):
        fetch(f"http://127.0.0.1:{port}/bundle", etag=None, token=None)


def test_a_bundle_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("extauth.stack.sources.bundle.LARGEST", 1000)
    with serving() as (server, url):
        server.content = bytes(2000)
        with pytest.raises(ConfigurationError, match="larger than"):
            fetch(url, etag=None, token=None)
