"""Where identity and the audit log are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.compiler import Overrides
from extauth.compiler.source import read_source
from extauth.compiler.url import check_postgres
from extauth.errors import ConfigurationError
from extauth.settings import StoreSettings

if TYPE_CHECKING:
    from tests.compiler.conftest import Workspace

URL = "postgresql://sluice@db.example.com:5432/sluice?sslmode=verify-full"


@pytest.mark.parametrize("section", ["identity", "audit"])
def test_a_store_is_embedded_unless_said(workspace: Workspace, section: str) -> None:
    settings = read_source(workspace.config, Overrides()).settings
    assert getattr(settings, section).store == StoreSettings()
    config = workspace.write((f"{section}.store", {"kind": "embedded"}))
    assert getattr(read_source(config, Overrides()).settings, section).store == StoreSettings()


@pytest.mark.parametrize("section", ["identity", "audit"])
def test_gateways_share_a_postgresql(workspace: Workspace, section: str) -> None:
    password = workspace.root / "password"
    password.write_text("hunter2\n")
    password.chmod(0o600)
    store = {"kind": "postgres", "url": URL, "password_file": "password"}
    config = workspace.write((f"{section}.store", store))
    settings = read_source(config, Overrides()).settings
    assert getattr(settings, section).store == StoreSettings("postgres", URL, str(password))
    assert "hunter2" not in repr(settings)


def test_retention_goes_with_either(workspace: Workspace) -> None:
    config = workspace.write(
        ("audit", {"retention": "7d", "store": {"kind": "postgres", "url": URL}})
    )
    audit = read_source(config, Overrides()).settings.audit
    assert (audit.retention, audit.store.url) == (7 * 86_400, URL)


def test_a_password_that_others_can_read_is_refused(workspace: Workspace) -> None:
    (workspace.root / "password").write_text("hunter2")
    (workspace.root / "password").chmod(0o644)
    store = {"kind": "postgres", "url": URL, "password_file": "password"}
    config = workspace.write(("audit.store", store))
    with pytest.raises(ConfigurationError, match="chmod 600 it") as caught:
        read_source(config, Overrides())
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize("section", ["identity", "audit"])
@pytest.mark.parametrize(
    ("store", "line", "message"),
    [
        ({}, "store", "the key kind is missing"),
        ({"kind": "mysql"}, "kind: mysql", '"mysql" is not one of embedded, postgres'),
        ({"kind": "postgres"}, "store", "the key url is missing: where PostgreSQL is"),
        ({"kind": "embedded", "url": URL}, "url", "only `kind: postgres` has it"),
        ({"kind": "postgres", "url": "mysql://a/b"}, "url", "not a URL of PostgreSQL"),
        (
            {"kind": "postgres", "url": "postgresql://sluice:hunter2@a/b"},
            "url",
            "write it to a file and name that in password_file",
        ),
        (
            {"kind": "postgres", "url": URL, "password_file": "none"},
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
        read_source(config, Overrides())
    assert message in caught.value.message
    assert "hunter2" not in caught.value.message
    number = caught.value.line
    assert number is not None
    assert line in config.read_text().splitlines()[number - 1]


@pytest.mark.parametrize(
    "url",
    [
        URL,
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
