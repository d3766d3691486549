"""Snapshots of a running stack: their history, the way back, signatures, and other ways in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from extauth.network.request import request
from tests.e2e.signed import keys, only_what_is_signed_is_taken
from tests.e2e.site import CHAT, clusters, logged
from tests.e2e.stack import PROMPT, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.site import Site

pytestmark = pytest.mark.e2e


def test_history_diff_and_the_way_back(site: Site) -> None:
    stack, status = site.stack, site.stack.json("status")
    first, start = status["digest"], status["sequence"]
    refused = site.metric("sluice_snapshot_refused_total")
    assert stack.json("diff")["differs"] is False

    site.rename_role()
    site.change(lambda config: config.update(time_zone="Europe/Vienna"))
    found = stack.json("diff")
    assert found["settings"] == [{"path": "time_zone", "before": "UTC", "after": "Europe/Vienna"}]
    assert [change["path"] for change in found["data"]] == ["roles.onlooker", "roles.viewer"]
    assert found["policies"] == {}
    told = stack.sluice("diff").splitlines()
    assert 'time_zone: "UTC" -> "Europe/Vienna"' in told
    assert any(line.startswith('data.roles.onlooker: null -> {"models": ["chat"]') for line in told)
    applied = stack.json("apply")
    assert applied == {"digest": found["after"], "changed": True, "sequence": start + 1}
    assert not site.allowed()
    assert stack.http("acme").post("/v1/chat/completions", json=CHAT).status_code == 200

    rego = site.policies / "gateway" / "inference" / "inference.rego"
    rego.write_text(f"{rego.read_text()}\nnot rego\n")
    done = stack.fails("apply")
    assert done.exit_code == 2
    assert "inference.rego:" in done.stderr
    status = stack.json("status")
    assert status["digest"] == applied["digest"]
    assert "inference.rego:" in status["refused"]["reason"]
    assert not site.allowed()
    assert stack.http("acme").post("/v1/chat/completions", json=CHAT).status_code == 200
    assert site.metric("sluice_snapshot_refused_total") == refused + 1
    assert site.metric("sluice_snapshot_sequence") == start + 1
    eventually(lambda: logged(site, r"apply refused: .*inference\.rego:\d+"))

    assert stack.json("rollback") == {"digest": first, "changed": True, "sequence": start + 3}
    assert site.allowed()
    assert site.metric("sluice_snapshot_sequence") == start + 3
    history = site.history()
    assert [
        (one["sequence"], one["how"], one["result"], one["digest"], one["previous"])
        for one in history[:3]
    ] == [
        (start + 3, "rollback", "activated", first, applied["digest"]),
        (start + 2, "apply", "refused", None, applied["digest"]),
        (start + 1, "apply", "activated", applied["digest"], first),
    ]
    assert (history[3]["sequence"], history[3]["digest"]) == (start, first)
    assert (history[-1]["sequence"], history[-1]["how"], history[-1]["previous"]) == (
        1, "start", None,
    )  # fmt: skip
    # Once, though the digest stands there twice.
    assert stack.sluice("history").count("(active)") == 1
    assert (site.state.history.stat().st_mode & 0o777) == 0o600


def test_a_rollback_is_asked_for_and_leads_to_what_was_compiled(site: Site) -> None:
    stack, first = site.stack, site.stack.json("status")
    site.rename_role()
    applied = site.apply().digest
    stack.sluice("rollback")
    assert site.allowed()

    token = site.state.read_admin_token()
    back = {"digest": applied}
    admin = httpx.Client(base_url=stack.admin, headers={"authorization": f"Bearer {token}"})
    with admin:
        refused = admin.post("/snapshot", json=back)
        assert refused.status_code == 409
        active = first["sequence"] + 2
        assert f"lower than the active one's {active}" in refused.json()["error"]
        assert site.allowed()
        assert admin.post("/snapshot", json=back | {"rollback": True}).status_code == 200
        assert not site.allowed()

    tampered = site.state.snapshots / first["digest"] / "policy" / "policy.wasm"
    content = tampered.read_bytes()
    tampered.write_bytes(content + b"\0")
    stack.sluice("rollback", applied[:12])
    done = stack.fails("rollback", str(first["sequence"]))
    assert "policy/policy.wasm: was changed after it was compiled" in done.stderr
    assert not site.allowed()
    tampered.write_bytes(content)
    stack.sluice("rollback", str(first["sequence"]))
    assert site.allowed()


def test_clusters_come_before_and_go_after(site: Site) -> None:
    other = {"kind": "triton", "url": site.stack.triton, "region": "eu-west"}
    site.change(lambda config: config["backends"].update(other=other))
    assert "other" not in clusters(site)
    site.apply()
    assert "other" in clusters(site)

    stream = {"model": "chat", "messages": PROMPT, "max_tokens": 200, "stream": True}
    client = site.stack.http("acme")
    with client.stream("POST", "/v1/chat/completions", json=stream) as answer:
        pieces = answer.iter_lines()
        next(pieces)
        site.change(lambda config: config["backends"].pop("other"))
        assert site.apply().changed
        if json.loads(
            request(
                site.stack.admin,
                "/snapshot",
                headers={"authorization": f"Bearer {site.state.read_admin_token()}"},
            ).body
        )["retiring"]:
            assert "other" in clusters(site)
        assert [line for line in pieces if line][-1] == "data: [DONE]"

    def gone() -> None:
        assert "other" not in clusters(site)

    eventually(gone)


def test_a_watched_directory_whose_snapshots_are_signed(
    private_site: Callable[..., Site],
) -> None:
    site = private_site()
    signing = keys(site.root)
    site.change(lambda config: config["policy"].update(watch=True, signing=signing))
    site.start()
    assert site.allowed()
    site.rename_role()

    def denied() -> None:
        assert not site.allowed()

    eventually(denied, 30)
    eventually(site.recorded)
    assert site.history()[0]["how"] == "watch"

    roles = site.policies / "data" / "roles.yaml"
    good = roles.read_text()
    roles.write_text(good + "\n: [")

    def refused() -> None:
        assert "roles.yaml" in str(site.stack.json("status")["refused"])

    eventually(refused, 30)
    assert site.history()[0]["result"] == "refused"
    assert site.metric("sluice_snapshot_refused_total") == 1
    assert not site.allowed()

    roles.write_text(good.replace("  onlooker:", "  viewer:"))

    def allowed() -> None:
        assert site.allowed()

    eventually(allowed, 30)
    eventually(site.recorded)
    assert site.stack.json("status")["refused"] is None

    site.rename_role()
    eventually(denied, 30)
    eventually(site.recorded)
    only_what_is_signed_is_taken(site)
