"""Where usage, identity and the audit log are kept, and how many processes share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.url import check_postgres, check_store
from extauth.errors import ConfigurationError
from extauth.settings import LedgerSettings, StoreSettings

if TYPE_CHECKING:
    from tests.compiler.conftest import Workspace

REDIS = "redis://redis:6379/0"
POSTGRES = "postgresql://sluice@db.example.com:5432/sluice?sslmode=verify-full"


def test_one_process_keeps_its_own_unless_said(workspace: Workspace) -> None:
    settings = read_configuration(workspace.config, Overrides()).settings
    assert (settings.ledger, settings.workers) == (LedgerSettings(), 1)


def test_processes_share_a_redis(workspace: Workspace) -> None:
    password = workspace.root / "password"
    password.write_text("hunter2\n")
    password.chmod(0o600)
    ledger = {"kind": "redis", "url": REDIS, "password_file": "password", "lease": "10s"}
    config = workspace.write(("ledger", ledger), ("workers", 4))
    settings = read_configuration(config, Overrides()).settings
    assert settings.ledger == LedgerSettings("redis", REDIS, str(password), 10.0)
    assert settings.workers == 4


def test_a_password_of_redis_that_others_can_read_is_refused(workspace: Workspace) -> None:
    (workspace.root / "password").write_text("hunter2")
    (workspace.root / "password").chmod(0o644)
    config = workspace.write(
        ("ledger", {"kind": "redis", "url": REDIS, "password_file": "password"})
    )
    with pytest.raises(ConfigurationError, match="chmod 600 it") as caught:
        read_configuration(config, Overrides())
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
        ({"ledger": {"kind": "embedded", "url": REDIS}}, "url", "only `kind: redis` has it"),
        ({"ledger": {"kind": "valkey"}}, "kind: valkey", '"valkey" is not one of embedded, redis'),
        ({"ledger": {"kind": "redis", "url": "http://a"}}, "url", "not a URL of Redis"),
        (
            {"ledger": {"kind": "redis", "url": "redis://:hunter2@a"}},
            "url",
            "write it to a file and name that in password_file",
        ),
        ({"ledger": {"kind": "redis", "url": REDIS, "lease": "1s"}}, "lease", "out of range"),
        (
            {"ledger": {"kind": "redis", "url": REDIS, "password_file": "none"}},
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
        read_configuration(config, Overrides())
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


@pytest.mark.parametrize("section", ["identity", "audit"])
def test_a_store_is_embedded_unless_said(workspace: Workspace, section: str) -> None:
    settings = read_configuration(workspace.config, Overrides()).settings
    assert getattr(settings, section).store == StoreSettings()
    config = workspace.write((f"{section}.store", {"kind": "embedded"}))
    assert (
        getattr(read_configuration(config, Overrides()).settings, section).store == StoreSettings()
    )


@pytest.mark.parametrize("section", ["identity", "audit"])
def test_gateways_share_a_postgresql(workspace: Workspace, section: str) -> None:
    password = workspace.root / "password"
    password.write_text("hunter2\n")
    password.chmod(0o600)
    store = {"kind": "postgres", "url": POSTGRES, "password_file": "password"}
    config = workspace.write((f"{section}.store", store))
    settings = read_configuration(config, Overrides()).settings
    assert getattr(settings, section).store == StoreSettings("postgres", POSTGRES, str(password))
    assert "hunter2" not in repr(settings)


def test_retention_goes_with_either(workspace: Workspace) -> None:
    config = workspace.write(
        ("audit", {"retention": "7d", "store": {"kind": "postgres", "url": POSTGRES}})
    )
    audit = read_configuration(config, Overrides()).settings.audit
    assert (audit.retention, audit.store.url) == (7 * 86_400, POSTGRES)


def test_a_password_of_postgresql_that_others_can_read_is_refused(workspace: Workspace) -> None:
    (workspace.root / "password").write_text("hunter2")
    (workspace.root / "password").chmod(0o644)
    store = {"kind": "postgres", "url": POSTGRES, "password_file": "password"}
    config = workspace.write(("audit.store", store))
    with pytest.raises(ConfigurationError, match="chmod 600 it") as caught:
        read_configuration(config, Overrides())
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("section", ["identity", "audit"])
@pytest.mark.parametrize(
    ("store", "line", "message"),
    [
        ({}, "store", "the key kind is missing"),
        ({"kind": "mysql"}, "kind: mysql", '"mysql" is not one of embedded, postgres'),
        ({"kind": "postgres"}, "store", "the key url is missing: where PostgreSQL is"),
        ({"kind": "embedded", "url": POSTGRES}, "url", "only `kind: postgres` has it"),
        ({"kind": "postgres", "url": "mysql://a/b"}, "url", "not a URL of PostgreSQL"),
        (
            {"kind": "postgres", "url": "postgresql://sluice:hunter2@a/b"},
            "url",
            "write it to a file and name that in password_file",
        ),
        (
            {"kind": "postgres", "url": POSTGRES, "password_file": "none"},
            "password_file",
            "there is no file",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    workspace: Workspace, section: str, store: dict[str, str], line: str, message: str
) -> None:
    config = workspace.write((f"{section}.store", store))
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(config, Overrides())
    assert message in caught.value.message
    assert "hunter2" not in caught.value.message
    number = caught.value.line
    assert number is not None
    assert line in config.read_text().splitlines()[number - 1]


@pytest.mark.parametrize(
    "url",
    [
        POSTGRES,
        "postgresql://db/sluice",
        "postgresql://sluice@[::1]:5433/sluice?sslmode=disable",
        "postgresql://sluice@db/sluice?sslmode=verify-ca&sslrootcert=/etc/ca.pem",
        "postgresql://sluice@/sluice?host=/run/postgresql",
    ],
)
def test_urls_of_postgresql(url: str) -> None:
    check_postgres(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgres",
        "postgresql:///sluice",
        "postgresql://db",
        "postgresql://db/",
        "postgresql://db/a/b",
        "postgresql://db:0/sluice",
        "postgresql://db:x/sluice",
        "postgresql://sluice:secret@db/sluice",
        "postgresql://db/sluice?password=secret",
        "postgresql://db/sluice?passfile=/etc/sluice/pgpass",
        "postgresql://db/sluice?sslmode=prefer",
        "postgresql://db/sluice?options=-csearch_path%3Devil",
        "postgresql://db/sluice?host=/run/postgresql",
        "postgresql://sluice@/sluice?host=elsewhere",
        "postgresql://db/sluice#x",
        "http://db/sluice",
    ],
)
def test_what_is_no_url_of_postgresql_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_postgres(url)
    assert "secret" not in caught.value.message
