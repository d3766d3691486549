"""An OPA server decides in place of the service, from bundles that are signed."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest

from extauth.rego.opa import Opa
from extauth.rego.server import serve
from extauth.stack.engines.opa import find_opa
from tests.e2e.signed import keys, only_what_is_signed_is_taken
from tests.e2e.site import CHAT, Site
from tests.e2e.stack import REPOSITORY, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SECRET = "a-secret-of-the-shell"


@pytest.fixture(scope="module")
def opa_site(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Site]:
    """The stack of this module, whose tests begin with a viewer who may chat.

    The shell that starts it holds a secret.
    """
    site = Site(tmp_path_factory.mktemp("opa"), beside=stack)
    signing = keys(site.root)
    site.change(lambda config: config["policy"].update(engine="opa", signing=signing))
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
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


def test_it_sees_no_secret_of_the_shell(opa_site: Site) -> None:
    seen = Path(f"/proc/{opa_site.stack.processes['opa']}/environ").read_bytes()
    assert b"PATH=" in seen
    assert SECRET.encode() not in seen


def test_what_asks_the_network_is_not_served(
    opa_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rego = opa_site.policies / "gateway" / "inference" / "inference.rego"
    shipped = rego.read_text()
    rego.write_text(
        f'{shipped}\nasked := http.send({{"method": "GET", "url": "http://a.test/"}})\n'
    )
    done = opa_site.stack.fails("apply")
    line = rego.read_text().splitlines().index(rego.read_text().splitlines()[-1]) + 1
    assert f"inference.rego:{line}: http.send can't be called here" in done.stderr
    assert opa_site.allowed()

    # Compiled by a release that had no such bound, it is on disk, and active once.
    with monkeypatch.context() as earlier:
        earlier.setattr(Opa, "_compile", Opa._run)
        opened = opa_site.apply()
    rego.write_text(shipped)
    opa_site.apply()
    done = opa_site.stack.fails("rollback", opened.digest)
    assert "http.send can't be called here" in done.stderr
    assert opa_site.stack.json("status")["digest"] != opened.digest
    assert opa_site.allowed()


def test_a_server_of_others_is_told_of_everywhere(opa_site: Site) -> None:
    stack = opa_site.stack
    bundle = opa_site.state.active / "policy" / "bundle.tar.gz"
    with serve(find_opa().path, bundle) as url:
        opa_site.change(lambda config: config["policy"].update(url=url))
        opa_site.apply()
        response = _chat(opa_site)
        assert response.status_code == 200, response.text
        assert stack.audit(response.headers["x-request-id"])["engine"] == "opa-external"
        assert stack.json("status")["policy"] == {"engine": "opa", "url": url}
        told = f"decisions come from the OPA server at {url}, which somebody else runs"
        assert told in stack.sluice("status")
        assert told in (opa_site.state.logs / "service.log").read_text()
        opa_site.change(lambda config: config["policy"].pop("url"))
        opa_site.apply()
    assert stack.json("status")["policy"] == {"engine": "opa", "url": None}
    assert told not in stack.sluice("status")
    response = _chat(opa_site)
    assert stack.audit(response.headers["x-request-id"])["engine"] == "opa"


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
