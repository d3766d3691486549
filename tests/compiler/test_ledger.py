"""Where usage is kept, and how many processes keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.compiler import Overrides
from extauth.compiler.source import read_source
from extauth.compiler.url import check_store
from extauth.errors import ConfigurationError
from extauth.settings import LedgerSettings

if TYPE_CHECKING:
    from tests.compiler.conftest import Workspace

URL = "redis://redis:6379/0"


def test_one_process_keeps_its_own_unless_said(workspace: Workspace) -> None:
    settings = read_source(workspace.config, Overrides()).settings
    assert (settings.ledger, settings.workers) == (LedgerSettings(), 1)


def test_processes_share_a_redis(workspace: Workspace) -> None:
    password = workspace.root / "password"
    password.write_text("hunter2\n")
    password.chmod(0o600)
    ledger = {"kind": "redis", "url": URL, "password_file": "password", "lease": "10s"}
    config = workspace.write(("ledger", ledger), ("workers", 4))
    settings = read_source(config, Overrides()).settings
    assert settings.ledger == LedgerSettings("redis", URL, str(password), 10.0)
    assert settings.workers == 4


def test_a_password_that_others_can_read_is_refused(workspace: Workspace) -> None:
    (workspace.root / "password").write_text("hunter2")
    (workspace.root / "password").chmod(0o644)
    config = workspace.write(("ledger", {"kind": "redis", "url": URL, "password_file": "password"}))
    with pytest.raises(ConfigurationError, match="chmod 600 it") as caught:
        read_source(config, Overrides())
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("changes", "line", "message"),
    [
        ({"workers": 2}, "workers", "workers: 2 processes can't share the embedded ledger: add"),
        ({"workers": 2, "ledger": {"kind": "embedded"}}, "workers", "leave workers out"),
        ({"workers": 0}, "workers", "0 is not 1 or more"),
        ({"workers": 65}, "workers", "65 is not 64 or less"),
        ({"ledger": {}}, "ledger", "the key kind is missing"),
        ({"ledger": {"kind": "redis"}}, "ledger", "the key url is missing: where Redis is"),
        ({"ledger": {"kind": "embedded", "url": URL}}, "url", "only `kind: redis` has it"),
        ({"ledger": {"kind": "valkey"}}, "kind: valkey", '"valkey" is not one of embedded, redis'),
        ({"ledger": {"kind": "redis", "url": "http://a"}}, "url", "not a URL of Redis"),
        (
            {"ledger": {"kind": "redis", "url": "redis://:hunter2@a"}},
            "url",
            "write it to a file and name that in password_file",
        ),
        ({"ledger": {"kind": "redis", "url": URL, "lease": "1s"}}, "lease", "out of range"),
        (
            {"ledger": {"kind": "redis", "url": URL, "password_file": "none"}},
            "password_file",
            "there is no file",
        ),
    ],
)
def test_what_is_wrong_is_named(
    workspace: Workspace, changes: dict[str, object], line: str, message: str
) -> None:
    config = workspace.write(*changes.items())
    with pytest.raises(ConfigurationError) as caught:
        read_source(config, Overrides())
    assert message in caught.value.message
    assert f"{config}:{workspace.line(line)}: " in caught.value.message
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis",
        "redis://10.0.0.1:6379",
        "redis://[::1]:6379/15",
        "redis://gateway@redis:6379/0",
        "rediss://redis.example.com:6380/0",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=3",
    ],
)
def test_addresses_of_redis(url: str) -> None:
    check_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "redis://",
        "redis:///0",
        "redis://a:99999",
        "redis://[::1",
        "redis://a/one",
        "redis://a/0/1",
        "redis://a?db=1",
        "rediss://a?ssl_cert_reqs=none",
        "redis://a#b",
        "unix://run/redis.sock",
        "unix:///run/redis.sock?db=x",
        "unix:///run/redis.sock?db=1&socket_timeout=0",
    ],
)
def test_what_names_no_redis_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not a URL of Redis; expected redis://host:6379"):
        check_store(url)


@pytest.mark.parametrize(
    "url", ["redis://:hunter2@a", "redis://ada:hunter2@a:99999", "unix:///a?password=hunter2"]
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_store(url)
    assert "hunter2" not in caught.value.message
