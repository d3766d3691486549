"""No policy reaches the network, the environment, the clock or chance, by whatever way it comes."""

from __future__ import annotations

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.rego.capabilities import capabilities
from extauth.rego.fault import OpaRefused
from extauth.rego.opa import Opa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Write = Callable[[dict[str, str]], Path]

CALLS = {
    "http.send": 'http.send({"method": "GET", "url": "http://127.0.0.1:1/"})',
    "net.lookup_ip_addr": 'net.lookup_ip_addr("localhost")',
    "opa.runtime": "opa.runtime()",
    "time.now_ns": "time.now_ns()",
    "rand.intn": 'rand.intn("seed", 9)',
    "uuid.rfc4122": 'uuid.rfc4122("seed")',
    "io.jwt.decode_verify": 'io.jwt.decode_verify("token", {})',
    "io.jwt.encode_sign": "io.jwt.encode_sign({}, {}, {})",
    "io.jwt.encode_sign_raw": 'io.jwt.encode_sign_raw("{}", "{}", "{}")',
    "json.match_schema": 'json.match_schema({}, {"type": "object"})',
    "json.verify_schema": 'json.verify_schema({"type": "object"})',
    "crypto.x509.parse_and_verify_certificates": (
        'crypto.x509.parse_and_verify_certificates("certificates")'
    ),
    "crypto.x509.parse_and_verify_certificates_with_options": (
        'crypto.x509.parse_and_verify_certificates_with_options("certificates", {})'
    ),
}
"""Every builtin of OPA 1.19.1 that is not a function of its operands, and a call of it."""

MODULE = "package gateway.demo\n\nx := {call}\n"
WAYS: dict[str, Callable[[Opa, Path], object]] = {
    "test": lambda opa, root: opa.test(["gateway"], cwd=root, test_seconds=5),
    "coverage": lambda opa, root: opa.coverage(["gateway"], cwd=root, test_seconds=5),
    "traces": lambda opa, root: opa.traces(["gateway"], ["test_x"], cwd=root, test_seconds=5),
    "eval": lambda opa, root: opa.evaluate("data.gateway.demo.x", [root / "gateway"], seconds=5),
    "bundle": lambda opa, root: opa.build(["gateway"], root / "out", cwd=root, revision="r"),
    "wasm": lambda opa, root: opa.build(
        ["gateway"], root / "out", cwd=root, revision="r", entrypoints=["gateway/demo/x"]
    ),
}
"""The ways in which Rego is compiled or evaluated, but for `check`, which returns its faults."""


def test_these_are_all_of_them(opa: Opa) -> None:
    assert capabilities(opa.path).forbidden == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_check_names_file_line_and_builtin(opa: Opa, write: Write, name: str) -> None:
    root = write({"gateway/demo.rego": MODULE.format(call=CALLS[name])})
    (fault,) = opa.check(["gateway"], cwd=root)
    assert (fault.file, fault.line) == (root / "gateway/demo.rego", 3)
    assert fault.message.startswith(f"{name} can't be called here: a decision follows from")
    assert fault.refused


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_is_closed(opa: Opa, write: Write, way: str) -> None:
    root = write({"gateway/demo.rego": MODULE.format(call=CALLS["http.send"])})
    with pytest.raises(OpaRefused, match=r"http\.send can't be called here") as caught:
        WAYS[way](opa, root)
    assert caught.value.line == 3
    assert caught.value.file is not None
    assert caught.value.file.name == "demo.rego"


def test_a_bundle_from_elsewhere_is_checked_like_its_sources(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": "package gateway.demo\n\nx := 1\n"})
    opa.build(["gateway"], root / "bundle.tar.gz", cwd=root, revision="one")
    assert opa.check([root / "bundle.tar.gz"], bundles=True) == ()


def test_a_query_is_rego_too(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": "package gateway.demo\n\nx := 1\n"})
    with pytest.raises(OpaRefused, match=r"opa\.runtime can't be called here"):
        opa.evaluate("opa.runtime()", [root / "gateway"])


def test_what_follows_from_its_operands_may_be_called(opa: Opa, write: Write) -> None:
    call = '[time.parse_rfc3339_ns("2026-01-01T00:00:00Z"), sprintf("%d", [1]), crypto.sha256("")]'
    root = write({"gateway/demo.rego": MODULE.format(call=call)})
    assert opa.check(["gateway"], cwd=root) == ()
    assert opa.evaluate("data.gateway.demo.x[1]", [root / "gateway"]) == "1"


def test_another_unknown_function_is_told_as_opa_tells_it(opa: Opa, write: Write) -> None:
    root = write({"gateway/demo.rego": MODULE.format(call="http.sent({})")})
    (fault,) = opa.check(["gateway"], cwd=root)
    assert fault.message == "undefined function http.sent"


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server of a schema, and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "object"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/schema.json", paths
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("way", WAYS)
def test_no_schema_of_an_annotation_is_fetched(
    opa: Opa, write: Write, asked: tuple[str, list[str]], way: str
) -> None:
    url, paths = asked
    annotated = f'# METADATA\n# schemas:\n#   - input: {{"$ref": "{url}"}}\nx := input.y\n'
    root = write({"gateway/demo.rego": f"package gateway.demo\n\n{annotated}"})
    (fault,) = opa.check(["gateway"], cwd=root)
    assert "remote reference loading disabled" in fault.message
    with suppress(OpaRefused):
        WAYS[way](opa, root)
    assert paths == []


def test_what_is_no_opa(tmp_path: Path) -> None:
    other = tmp_path / "opa"
    other.write_text("#!/bin/sh\necho no\n")
    other.chmod(0o755)
    with pytest.raises(StackError, match="does not tell its capabilities"):
        Opa(other).check(["gateway"])
