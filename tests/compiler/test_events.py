"""`events` of gateway.yaml: who may be told, and secrets that stay where they are."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.errors import ConfigurationError
from extauth.settings import Webhook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.compiler.conftest import Workspace

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def secret(workspace: Workspace) -> Path:
    file = workspace.root / "events.secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    return file


def written(workspace: Workspace, **changes: Any) -> Path:
    webhook = {"url": "https://alerts.test/sluice", "secret_file": "events.secret", **changes}
    return workspace.write(("events", {"webhooks": [webhook]}))


def refusal(config: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(config, Overrides())
    assert caught.value.line is not None
    return caught.value.message


def test_without_events_there_are_no_webhooks(workspace: Workspace) -> None:
    assert read_configuration(workspace.config, Overrides()).settings.events.webhooks == ()


def test_the_settings_say_where_the_secret_is_and_not_what(
    workspace: Workspace, secret: Path
) -> None:
    config = written(workspace, tenants=["acme"], limits=["tokens"])
    source = read_configuration(config, Overrides())
    assert source.settings.events.webhooks == (
        Webhook("https://alerts.test/sluice", str(secret), ("acme",), ("tokens",)),
    )
    assert SECRET.encode() not in msgspec.json.encode(source.settings)
    assert secret not in source.files.values()


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "localhost", "[::1]:80"])
def test_this_machine_itself_needs_no_tls(workspace: Workspace, secret: Path, host: str) -> None:
    config = written(workspace, url=f"http://{host}/hook")
    assert (
        read_configuration(config, Overrides()).settings.events.webhooks[0].url
        == f"http://{host}/hook"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "http://alerts.test/"}, "url: expected https; http is for this machine alone"),
        ({"url": "http://127.0.0.1.evil.test/"}, "expected https"),
        ({"url": "http://10.0.0.1/"}, "expected https"),
        ({"url": "ftp://alerts.test/"}, "url: not a URL"),
        ({"url": "https://me:pw@alerts.test/"}, "url: a URL may not hold credentials"),
        ({"secret_file": "nowhere"}, "secret_file: there is no file"),
        ({"tenants": []}, "tenants: [] is not enough"),
        ({"tenant": "acme"}, "did you mean tenants?"),
    ],
)
def test_a_wrong_webhook(
    workspace: Workspace, secret: Path, change: dict[str, Any], message: str
) -> None:
    told = refusal(written(workspace, **change))
    assert message in told
    assert "events.webhooks[0]" in told


def test_a_secret_that_others_can_read(workspace: Workspace, secret: Path) -> None:
    secret.chmod(0o640)
    assert "chmod 600" in refusal(written(workspace))


def test_what_is_no_secret_is_not_quoted(workspace: Workspace, secret: Path) -> None:
    secret.write_text("hunter2")
    told = refusal(written(workspace))
    assert "is not a webhook secret; expected whsec_" in told
    assert "hunter2" not in told
