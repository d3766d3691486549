"""An OPA server decides in place of the service, from bundles that are signed."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from tests.e2e.signed import keys, only_what_is_signed_is_taken
from tests.e2e.site import CHAT, Site
from tests.e2e.stack import REPOSITORY, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def opa_site(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Site]:
    """The stack of this module, whose tests begin with a viewer who may chat."""
    site = Site(tmp_path_factory.mktemp("opa"), beside=stack)
    signing = keys(site.root)
    site.change(lambda config: config["policy"].update(engine="opa", signing=signing))
    site.start()
    yield site
    site.stop()


def _chat(site: Site) -> httpx.Response:
    return site.stack.http("acme").post("/v1/chat/completions", json=CHAT)


def test_the_server_decides_and_is_missed(opa_site: Site) -> None:
    response = _chat(opa_site)
    assert response.status_code == 200, response.text
    assert opa_site.stack.audit(response.headers["x-request-id"])["engine"] == "opa"
    asked = opa_site.stack.asked()
    for number in (signal.SIGSTOP, signal.SIGKILL):
        opa_site.stack.kill("opa", number)
        response = _chat(opa_site)
        assert response.status_code == 503, response.text
        assert response.json()["error"]["code"] == "policy_unavailable"
        assert opa_site.stack.asked() == asked

    def served() -> None:
        assert _chat(opa_site).status_code == 200

    eventually(served, within=60)


def test_it_holds_no_candidate(opa_site: Site) -> None:
    for command in (("shadow", "start"), ("canary", "start", "--share", "5%")):
        done = opa_site.stack.fails(*command, str(REPOSITORY / "policies"))
        assert done.exit_code == 2
        assert "policy.engine: wasm" in done.stderr


def test_an_edit_takes_effect_and_a_broken_one_does_not(opa_site: Site) -> None:
    assert opa_site.allowed()
    rego = opa_site.policies / "gateway" / "inference" / "inference.rego"
    shipped = rego.read_text()
    rego.write_text(f"{shipped}\nnot rego\n")
    done = opa_site.stack.fails("apply")
    assert done.exit_code == 2
    assert "inference.rego:" in done.stderr
    assert opa_site.allowed()

    rego.write_text(shipped)
    opa_site.rename_role()
    opa_site.stack.sluice("apply")
    assert not opa_site.allowed()
    assert _chat(opa_site).status_code == 200

    only_what_is_signed_is_taken(opa_site)
