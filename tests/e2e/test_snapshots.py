"""Snapshots of a running stack: their history, the way back, signatures, and other ways in."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2 as httpx
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from extauth import bundle
from extauth.signing import Signer, Verifier
from extauth.stack.apply import apply, wish_of
from extauth.stack.compilation import compile_for
from extauth.stack.engines.opa import find_opa
from extauth.stack.progress import Silent
from extauth.stack.request import request
from extauth.stack.switching import ready_record, switch, switching
from extauth.state import StateDir
from tests.e2e.conftest import PROMPT, REPOSITORY, SLUICE, Stack, down, eventually, up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., Stack]

pytestmark = pytest.mark.e2e

CHAT = {"model": "chat", "messages": PROMPT, "max_tokens": 1}


class Site:
    """A stack whose policies and configuration are the test's own."""

    def __init__(self, start: Start, root: Path, **policy: Any) -> None:
        self.policies = root / "policies"
        self.config = root / "gateway.yaml"
        shutil.copytree(REPOSITORY / "policies", self.policies)
        self.stack = start(
            lambda config: config["policy"].update(directory=str(self.policies), **policy)
        )
        self.state = StateDir.at(self.stack.state_dir)

    def rename_role(self, old: str = "viewer", new: str = "onlooker") -> None:
        """A change of policy that globex notices: its only role is gone, or there again."""
        roles = self.policies / "data" / "roles.yaml"
        roles.write_text(roles.read_text().replace(f"  {old}:", f"  {new}:"))

    def change(self, change: Callable[[dict[str, Any]], object]) -> None:
        config = yaml.safe_load(self.config.read_text())
        change(config)
        self.config.write_text(yaml.safe_dump(config))

    def allowed(self) -> bool:
        """Whether globex may chat."""
        return self.stack.http("globex").post("/v1/chat/completions", json=CHAT).status_code == 200

    def history(self) -> list[dict[str, Any]]:
        return list(self.stack.json("history")["entries"])

    def fails(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [SLUICE, *arguments, "--state-dir", str(self.stack.state_dir)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert done.returncode != 0
        return done


class Load:
    """Requests as fast as the gateway takes them, for as long as the block lasts.

    `answers` counts them, `broken` tells of every connection that broke or timed out. wrk makes
    them where it is installed, else a few threads.
    """

    def __init__(self, stack: Stack, key: str, directory: Path) -> None:
        self._stack, self._key = stack, key
        script = directory / "chat.lua"
        script.write_text(
            f"""
wrk.method = "POST"
wrk.body = [[{json.dumps(CHAT)}]]
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {key}"
"""
        )
        self._command = [
            *("wrk", "--threads", "1", "--connections", "8", "--duration", "10m"),
            *("--timeout", "30s", "--script", str(script)),
            f"{stack.endpoint}/v1/chat/completions",
        ]
        self._wrk: subprocess.Popen[str] | None = None
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]
        self.answers = 0
        self.broken: list[str] = []

    def __enter__(self) -> Load:
        if shutil.which("wrk"):
            self._wrk = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        else:
            for thread in self._threads:
                thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._wrk is None:
            self._stop.set()
            for thread in self._threads:
                thread.join()
            return
        self._wrk.send_signal(signal.SIGINT)
        printed, _errors = self._wrk.communicate(timeout=60)
        self.broken = [line for line in printed.splitlines() if "Socket errors" in line]
        self.answers = int(re.search(r"(\d+) requests in", printed)[1])

    def _ask(self) -> None:
        headers = {"authorization": f"Bearer {self._key}"}
        with httpx.Client(base_url=self._stack.endpoint, headers=headers, timeout=30) as client:
            while not self._stop.is_set():
                try:
                    client.post("/v1/chat/completions", json=CHAT)
                    self.answers += 1
                except httpx.HTTPError as error:
                    self.broken.append(repr(error))


def clusters(site: Site) -> set[str]:
    """What Envoy knows, by its own word."""
    answer = request(site.state.run / "envoy-admin.sock", "/clusters?format=json")
    return {one["name"] for one in json.loads(answer.body)["cluster_statuses"]}


def keys(directory: Path) -> dict[str, str]:
    """An ES256 pair, as `policy.signing`."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = directory / "key.pem", directory / "key.pub"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return {"algorithm": "ES256", "key": str(private), "public_key": str(public)}


def logged(site: Site, words: str) -> None:
    """Whether the supervisor's log has these words."""
    assert re.search(words, (site.state.logs / "supervisor.log").read_text())


def test_history_diff_and_the_way_back(private_stack: Start, tmp_path: Path) -> None:
    site = Site(private_stack, tmp_path)
    first = site.stack.json("status")["digest"]
    assert site.stack.json("diff")["differs"] is False

    site.rename_role()
    site.change(lambda config: config.update(time_zone="Europe/Vienna"))
    found = site.stack.json("diff")
    assert found["settings"] == [{"path": "time_zone", "before": "UTC", "after": "Europe/Vienna"}]
    assert [change["path"] for change in found["data"]] == ["roles.onlooker", "roles.viewer"]
    assert found["policies"] == {}
    told = site.stack.sluice("diff").splitlines()
    assert 'time_zone: "UTC" -> "Europe/Vienna"' in told
    assert any(line.startswith('data.roles.onlooker: null -> {"models": ["chat"]') for line in told)
    applied = site.stack.json("apply")
    assert applied == {"digest": found["after"], "changed": True, "sequence": 2}
    assert not site.allowed()

    rego = site.policies / "gateway" / "inference" / "inference.rego"
    rego.write_text(f"{rego.read_text()}\nnot rego\n")
    assert site.fails("apply").returncode == 2
    status = site.stack.json("status")
    assert status["digest"] == applied["digest"]
    assert "inference.rego:" in status["refused"]["reason"]
    assert "sluice_snapshot_refused_total 1.0" in site.stack.metrics()
    assert "sluice_snapshot_sequence 2.0" in site.stack.metrics()
    eventually(lambda: logged(site, r"apply refused: .*inference\.rego:\d+"))

    assert site.stack.json("rollback") == {"digest": first, "changed": True, "sequence": 4}
    assert site.allowed()
    assert "sluice_snapshot_sequence 4.0" in site.stack.metrics()
    assert [
        (one["sequence"], one["how"], one["result"], one["digest"], one["previous"])
        for one in site.history()
    ] == [
        (4, "rollback", "activated", first, applied["digest"]),
        (3, "apply", "refused", None, applied["digest"]),
        (2, "apply", "activated", applied["digest"], first),
        (1, "start", "activated", first, None),
    ]
    # Once, though the digest stands there twice.
    assert site.stack.sluice("history").count("(active)") == 1
    assert (site.state.history.stat().st_mode & 0o777) == 0o600

    token = site.state.read_admin_token()
    back = {"digest": applied["digest"]}
    admin = httpx.Client(base_url=site.stack.admin, headers={"authorization": f"Bearer {token}"})
    with admin:
        refused = admin.post("/snapshot", json=back)
        assert refused.status_code == 409
        assert "lower than the active one's 4" in refused.json()["error"]
        assert site.allowed()
        assert admin.post("/snapshot", json=back | {"rollback": True}).status_code == 200
        assert not site.allowed()

    tampered = site.state.snapshots / first / "policy" / "policy.wasm"
    content = tampered.read_bytes()
    tampered.write_bytes(content + b"\0")
    site.stack.sluice("rollback", applied["digest"][:12])
    done = site.fails("rollback", "1")
    assert "policy/policy.wasm: was changed after it was compiled" in done.stderr
    assert not site.allowed()
    tampered.write_bytes(content)
    site.stack.sluice("rollback", "1")
    assert site.allowed()


def test_clusters_come_before_and_go_after(private_stack: Start, tmp_path: Path) -> None:
    site = Site(private_stack, tmp_path)
    other = {"kind": "triton", "url": site.stack.triton, "region": "eu-west"}
    site.change(lambda config: config["backends"].update(other=other))
    assert "other" not in clusters(site)
    apply(site.state, Silent())
    assert "other" in clusters(site)

    stream = {"model": "chat", "messages": PROMPT, "max_tokens": 200, "stream": True}
    client = site.stack.http("acme")
    with client.stream("POST", "/v1/chat/completions", json=stream) as answer:
        pieces = answer.iter_lines()
        next(pieces)
        site.change(lambda config: config["backends"].pop("other"))
        assert apply(site.state, Silent()).changed
        if json.loads(
            request(
                ("127.0.0.1", int(site.stack.admin.rpartition(":")[2])),
                "/snapshot",
                headers={"authorization": f"Bearer {site.state.read_admin_token()}"},
            ).body
        )["retiring"]:
            assert "other" in clusters(site)
        assert [line for line in pieces if line][-1] == "data: [DONE]"

    def gone() -> None:
        assert "other" not in clusters(site)

    eventually(gone)


@pytest.mark.parametrize("engine", ["wasm", "opa"])
def test_a_signed_snapshot(private_stack: Start, tmp_path: Path, engine: str) -> None:
    signing = keys(tmp_path)
    site = Site(private_stack, tmp_path, signing=signing, engine=engine)
    site.rename_role()
    site.stack.sluice("apply")
    assert not site.allowed()

    # Somebody who can write files but has no key stamps the former snapshot anew.
    first = site.history()[-1]["digest"]
    stamp = site.state.snapshots / first / "stamp.json"
    genuine = json.loads(stamp.read_text())
    stamp.write_text(json.dumps(genuine | {"sequence": 9}))
    done = site.fails("rollback")
    assert "the signature is not valid" in done.stderr
    assert len(done.stderr.splitlines()[-1]) < 400
    assert not site.allowed()
    stamp.write_text(json.dumps(genuine | {"seal": None}))
    assert "the signature is missing" in site.fails("rollback").stderr
    stamp.write_text(json.dumps(genuine))
    site.stack.sluice("rollback")
    assert site.allowed()

    # It is signed anew, under the next number.
    assert json.loads(stamp.read_text())["sequence"] == site.stack.json("status")["sequence"]
    assert json.loads(stamp.read_text())["seal"] != genuine["seal"]

    # Another key than that which the public one belongs to. What was signed stays as it was.
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(keys(other)["key"], signing["key"])
    wanted = site.state.snapshots / site.history()[0]["previous"] / "stamp.json"
    before = wanted.read_bytes()
    for command in ("apply", "rollback"):
        assert "the signature is not valid" in site.fails(command).stderr
        assert site.allowed()
    assert wanted.read_bytes() == before


def test_a_watched_directory(private_stack: Start, tmp_path: Path) -> None:
    site = Site(private_stack, tmp_path, watch=True)
    assert site.allowed()
    site.rename_role()

    def denied() -> None:
        assert not site.allowed()

    eventually(denied, 30)
    assert site.history()[0]["how"] == "watch"

    roles = site.policies / "data" / "roles.yaml"
    good = roles.read_text()
    roles.write_text(good + "\n: [")

    def refused() -> None:
        assert "roles.yaml" in str(site.stack.json("status")["refused"])

    eventually(refused, 30)
    assert site.history()[0]["result"] == "refused"
    assert "sluice_snapshot_refused_total 1.0" in site.stack.metrics()
    assert not site.allowed()

    roles.write_text(good.replace("  onlooker:", "  viewer:"))

    def allowed() -> None:
        assert site.allowed()

    eventually(allowed, 30)
    assert site.stack.json("status")["refused"] is None


CHANGES = 100
SECONDS = 240


def test_changes_under_load(private_stack: Start, tmp_path: Path) -> None:
    """No request is lost, and none is decided by rules of another snapshot than it is told by."""
    site = Site(private_stack, tmp_path)
    key = site.stack.create_key("load", "load", "internal", "viewer")
    record = ready_record(site.state)
    wish = wish_of(record, site.state)
    allowing, _ = compile_for(wish, record.ports, envoy=None, opa=find_opa())
    site.rename_role()
    denying, _ = compile_for(wish, record.ports, envoy=None, opa=find_opa())
    with Load(site.stack, key, tmp_path) as load:
        changes, deadline = 0, time.monotonic() + SECONDS
        while changes < CHANGES and time.monotonic() < deadline:
            with switching(site.state):
                new = (denying, allowing)[changes % 2]
                assert switch(new, "apply", site.state, Silent()).changed
            changes += 1
    assert changes == CHANGES
    assert load.answers > changes
    assert load.broken == []
    seen = {allowing.digest: 0, denying.digest: 0}
    for line in site.stack.sluice("audit", "export", "--tenant", "load").splitlines():
        one = json.loads(line)
        if one["outcome"] == "disconnected":  # by the end of the load itself
            continue
        seen[one["snapshot"]] += 1
        if one["snapshot"] == allowing.digest:
            assert (one["status"], one["rules"]) == (200, []), one
        else:
            assert one["status"] in {403, 404}, one
            assert one["rules"], one
    assert min(seen.values()) > 0
    assert sum(seen.values()) >= load.answers


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
        thread = threading.Thread(target=server.serve_forever)
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


def test_a_pulled_bundle(private_stack: Start, tmp_path: Path) -> None:
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
        site = Site(private_stack, tmp_path, pull=pull, signing=signing)

        def pulled() -> dict[str, Any]:
            return dict(site.stack.json("status")["following"]["pull"])

        def denied() -> None:
            assert not site.allowed()

        eventually(denied, 30)
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
        assert "does not answer" in pulled()["error"]

    eventually(down, 30)
    assert site.allowed()

    # What it serves to others is what it took, under its own number and signature.
    headers = {"authorization": f"Bearer {site.state.read_admin_token()}"}
    address = f"{site.stack.admin}/bundle"
    assert httpx.get(address).status_code == 401
    answer = httpx.get(address, headers=headers)
    files = bundle.unpack(answer.content)
    Verifier(find_opa().path, Path(signing["public_key"]), "ES256").verify(files)
    assert bundle.manifest(files).metadata.sequence == site.stack.json("status")["sequence"]
    again = httpx.get(address, headers=headers | {"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    another_follows_forth_and_back(site, signing, tmp_path / "follower")


def another_follows_forth_and_back(site: Site, signing: dict[str, str], directory: Path) -> None:
    """A rollback has the next number and a signature, so that a gateway that pulls takes it."""
    with following(site, signing, directory) as follower:

        def follows() -> None:
            answer = follower.http("globex").post("/v1/chat/completions", json=CHAT)
            assert (answer.status_code == 200) == site.allowed()

        for allowed in (False, True):
            site.stack.sluice("rollback")
            assert site.allowed() == allowed
            eventually(follows, 30)


@contextmanager
def following(site: Site, signing: dict[str, str], directory: Path) -> Iterator[Stack]:
    """A second stack with the same models, whose policies are those that the site serves."""
    config = yaml.safe_load(site.config.read_text())
    config["policy"]["signing"] = {name: signing[name] for name in ("algorithm", "public_key")}
    config["policy"]["pull"] = {
        "url": f"{site.stack.admin}/bundle",
        "interval": "1s",
        "token_file": str(site.state.admin_token),
    }
    directory.mkdir()
    (directory / "gateway.yaml").write_text(yaml.safe_dump(config))
    running = up(directory / "state", directory / "gateway.yaml")
    try:
        yield running
    finally:
        down(running)
