"""Snapshots of a running stack: their history, the way back, signatures, and other ways in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from extauth.stack.apply import apply
from extauth.stack.progress import Silent
from extauth.stack.request import request
from tests.e2e.conftest import PROMPT, Stack, eventually
from tests.e2e.site import Site, clusters, keys, logged

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[..., Stack]

pytestmark = pytest.mark.e2e


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
