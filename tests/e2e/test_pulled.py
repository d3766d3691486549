"""Bundles that are pulled, from a server or from another gateway."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest

from extauth.snapshot import bundle
from extauth.snapshot.signing import Signer, Verifier
from extauth.stack.engines.opa import find_opa
from tests.e2e.signed import keys
from tests.e2e.site import CHAT, Site
from tests.e2e.stack import REPOSITORY, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e


class Server(ThreadingHTTPServer):
    """Has one bundle, and tells its version as a gateway's admin endpoint does."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = content
        self.answered: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/bundle"


class Answer(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        etag = f'"{sha256(self.server.content).hexdigest()}"'
        if self.headers["authorization"] != "Bearer of the fleet":
            status = 401
        else:
            status = 304 if self.headers["if-none-match"] == etag else 200
        self.server.answered.append(status)
        self.send_response(status)
        self.send_header("etag", etag)
        content = self.server.content if status == 200 else b""
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving(content: bytes) -> Iterator[Server]:
    with Server(content) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def published(policies: Path, sequence: int, signer: Signer) -> bytes:
    """The signed bundle of a directory of policies."""
    made = policies.parent / "made.tar.gz"
    build = [find_opa().path, "build", "--ignore", "*_test.rego", "--output", made]
    subprocess.run([*build, "gateway", "data"], cwd=policies, check=True)
    return bundle.pack(signer.sign(bundle.numbered(bundle.unpack(made.read_bytes()), sequence)))


def test_a_pulled_bundle(private_site: Callable[..., Site], tmp_path: Path) -> None:
    signing = keys(tmp_path)
    signer = Signer(find_opa().path, Path(signing["key"]), "ES256")
    elsewhere = tmp_path / "elsewhere" / "policies"
    shutil.copytree(REPOSITORY / "policies", elsewhere)
    roles = elsewhere / "data" / "roles.yaml"
    shipped = roles.read_text()
    roles.write_text(shipped.replace("  viewer:", "  onlooker:"))
    token = tmp_path / "token"
    token.write_text("of the fleet\n")
    token.chmod(0o600)
    with serving(published(elsewhere, 5, signer)) as server:
        pull = {"url": server.url, "interval": "1s", "token_file": str(token)}
        site = private_site()
        site.change(lambda config: config["policy"].update(pull=pull, signing=signing))
        site.start()

        def pulled() -> dict[str, Any]:
            return dict(site.stack.json("status")["following"]["pull"])

        def denied() -> None:
            assert not site.allowed()

        eventually(denied, 30)
        eventually(site.recorded)
        assert site.history()[0]["how"] == "pull"

        def unchanged() -> None:
            assert server.answered[-1] == 304

        eventually(unchanged, 30)

        # The models are this gateway's own, whatever the bundle says of others.
        assert site.stack.http("acme").post("/v1/chat/completions", json=CHAT).status_code == 200

        roles.write_text(shipped)
        forged = bundle.unpack(published(elsewhere, 6, signer))
        forged["data.json"] = forged["data.json"].replace(b"viewer", b"reader")
        for content, reason in (
            (bundle.pack(forged), "the signature is not valid"),
            (b"no bundle", "not a bundle"),
            (published(elsewhere, 4, signer), "sequence number 4, lower than 5"),
        ):
            server.content = content

            def refused(reason: str = reason) -> None:
                assert reason in str(pulled()["error"])
                assert reason in site.stack.json("status")["refused"]["reason"]

            eventually(refused, 30)
            assert not site.allowed()

        server.content = published(elsewhere, 6, signer)

        def allowed() -> None:
            assert site.allowed()

        eventually(allowed, 30)

    def down() -> None:
        assert "does not answer" in str(pulled()["error"])

    eventually(down, 30)
    assert site.allowed()

    what_it_serves_is_what_it_took(site, signing)
    another_follows_forth_and_back(site, signing, tmp_path / "follower")


def what_it_serves_is_what_it_took(site: Site, signing: dict[str, str]) -> None:
    """Under its own number and signature."""
    headers = {"authorization": f"Bearer {site.state.read_admin_token()}"}
    address = f"{site.stack.admin}/bundle"
    assert httpx.get(address).status_code == 401
    answer = httpx.get(address, headers=headers)
    files = bundle.unpack(answer.content)
    Verifier(find_opa().path, Path(signing["public_key"]), "ES256").verify(files)
    assert bundle.manifest(files).metadata.sequence == site.stack.json("status")["sequence"]
    again = httpx.get(address, headers=headers | {"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def another_follows_forth_and_back(site: Site, signing: dict[str, str], directory: Path) -> None:
    """A rollback has the next number and a signature, so that a gateway that pulls takes it."""
    with following(site, signing, directory) as follower:

        def follows() -> None:
            assert follower.allowed() == site.allowed()

        for allowed in (False, True):
            site.stack.sluice("rollback")
            assert site.allowed() == allowed
            eventually(follows, 30)


@contextmanager
def following(site: Site, signing: dict[str, str], directory: Path) -> Iterator[Site]:
    """A second stack with the same models, whose policies are those that the site serves."""
    directory.mkdir()
    follower = Site(directory, beside=site.stack)
    policy = {
        "signing": {name: signing[name] for name in ("algorithm", "public_key")},
        "pull": {
            "url": f"{site.stack.admin}/bundle",
            "interval": "1s",
            "token_file": str(site.state.admin_token),
        },
    }
    follower.change(lambda config: config["policy"].update(policy))
    follower.start()
    try:
        yield follower
    finally:
        follower.stop()
