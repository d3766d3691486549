"""A PostgreSQL that is away, full, read-only, of another version, or not for us: told once."""

from __future__ import annotations

import contextlib
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from extauth.errors import StackError
from extauth.storage import postgres
from extauth.storage.postgres import PostgresDatabase, _parameters
from extauth.storage.state import read_password
from tests.postgres_server import PASSWORD, postgres_server, private_postgres, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgres_server import PostgresServer

    Make = Callable[..., PostgresDatabase]

pytestmark = pytest.mark.slow

__all__ = ["postgres_server", "private_postgres"]

FIRST = "CREATE TABLE things (name TEXT NOT NULL, size BIGINT, content BYTEA)"
SECOND = "ALTER TABLE things ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'"
SCHEMA = "sluice_audit"


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations"
    directory.mkdir()
    (directory / "0001_things.sql").write_text(FIRST)
    return directory


@pytest.fixture
def make(postgres_server: PostgresServer, migrations: Path) -> Iterator[Make]:
    """Makes databases of one server, each as another process has it."""
    made: list[PostgresDatabase] = []
    own = postgres_server.database()

    def database(url: str = own, password_file: Path | None = None) -> PostgresDatabase:
        one = PostgresDatabase(
            url,
            password_file=str(password_file or postgres_server.password_file),
            schema=SCHEMA,
            migrations=migrations,
        )
        made.append(one)
        return one

    yield database
    for one in made:
        one.close()


def add(database: PostgresDatabase, *names: str) -> None:
    with database.writing() as session:
        session.insert(
            "things", ("name", "size", "content"), [(name, 1, b"\0%?") for name in names]
        )


def names(database: PostgresDatabase) -> list[Any]:
    with database.reading() as session:
        return [name for (name,) in session.rows("SELECT name FROM things ORDER BY name")]


def test_what_is_committed_is_there_and_what_fails_is_not(make: Make) -> None:
    database = make()
    add(database, "a", "b")
    with contextlib.suppress(InterruptedError), database.writing() as session:
        session.run("INSERT INTO things (name) VALUES (?)", "c")
        raise InterruptedError

    assert names(make()) == ["a", "b"]
    with database.reading() as session:
        assert session.rows("SELECT content FROM things WHERE name LIKE 'a%' AND size = ?", 1) == [
            (b"\0%?",)
        ]


def test_a_snapshot_is_of_one_moment(make: Make) -> None:
    database, other = make(), make()
    add(database, "a")
    with database.snapshot() as session:
        before = session.rows("SELECT name FROM things")
        add(other, "b")
        assert session.rows("SELECT name FROM things") == before

    assert names(database) == ["a", "b"]


def test_whoever_writes_brings_an_earlier_schema_up(make: Make, migrations: Path) -> None:
    add(make(), "a")
    (migrations / "0002_colour.sql").write_text(SECOND)

    with pytest.raises(StackError, match=r"earlier sluice \(version 1; this one needs 2\): start"):
        names(make())

    database = make()
    add(database, "b")
    with database.reading() as session:
        assert session.rows("SELECT name, colour FROM things ORDER BY name") == [
            ("a", "red"),
            ("b", "red"),
        ]
    assert names(make()) == ["a", "b"]


def test_a_migration_that_fails_changes_nothing(make: Make, migrations: Path) -> None:
    add(make(), "a")
    broken = migrations / "0002_colour.sql"
    broken.write_text(f"{SECOND}; SELECT 1/0")
    with pytest.raises(StackError, match="can't be used: division by zero"):
        make().open()

    broken.unlink()
    assert names(make()) == ["a"]


def test_a_later_schema_is_refused_by_readers_and_writers(make: Make, migrations: Path) -> None:
    later = migrations / "0002_colour.sql"
    later.write_text(SECOND)
    make().open()
    later.unlink()

    told = r"later sluice \(version 2; this one knows 1\): update this one"
    with pytest.raises(StackError, match=told):
        make().open()
    with pytest.raises(StackError, match=told):
        names(make())


def test_gateways_that_start_together_migrate_once(make: Make) -> None:
    failures: list[Exception] = []

    def start() -> None:
        try:
            make().open()
        except StackError as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_a_reader_makes_nothing(make: Make) -> None:
    assert not make().exists()
    with pytest.raises(StackError, match="nothing has been recorded in this database yet"):
        names(make())
    assert not make().exists()


def test_a_server_that_is_read_only_is_told_at_the_start(
    make: Make, postgres_server: PostgresServer
) -> None:
    add(make(), "a")
    postgres_server.run("ALTER DATABASE test SET default_transaction_read_only = on")

    with pytest.raises(StackError, match="is read-only: name the server that is written to"):
        make().open()
    assert names(make()) == ["a"]


def test_a_server_that_becomes_read_only_is_told(
    make: Make, postgres_server: PostgresServer
) -> None:
    database = make()
    add(database, "a")
    postgres_server.run("ALTER DATABASE test SET default_transaction_read_only = on")
    database.close()
    database._checked = 2

    with pytest.raises(StackError, match=r"can't be written: cannot execute .* in a read-only"):
        add(database, "b")


def test_a_wrong_password_is_told_and_not_shown(make: Make, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("battery staple\n")
    wrong.chmod(0o600)

    with pytest.raises(StackError, match="password authentication failed") as told:
        make(password_file=wrong).open()
    assert "battery" not in told.value.message


def test_a_password_file_that_others_can_read_is_refused(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    file.chmod(0o640)

    with pytest.raises(StackError, match="others can read the password of PostgreSQL; chmod 600"):
        make(password_file=file)
    with pytest.raises(StackError, match="the password of Redis can't be read: No such file"):
        read_password(str(tmp_path / "none"), "Redis")


def test_a_url_with_a_password_is_refused_and_not_quoted(make: Make) -> None:
    for url in ("postgresql://a:hunter2@db/b", "postgresql://a@db/b?password=hunter2"):
        with pytest.raises(StackError, match="holds a password") as told:
            make(url)
        assert "hunter2" not in told.value.message
    with pytest.raises(StackError, match="can't be read") as told:
        make("postgresql://a:hunter2@[db/b")
    assert "hunter2" not in told.value.message


def test_a_database_or_server_that_is_not_there_is_told(
    make: Make, postgres_server: PostgresServer
) -> None:
    with pytest.raises(StackError, match=r'can\'t be used: .*database "nowhere" does not exist'):
        make(postgres_server.url("nowhere")).open()
    with pytest.raises(StackError, match=r"can't be used: .*No such file or directory"):
        make("postgresql://sluice@/test?host=/nowhere").open()
    with pytest.raises(StackError, match="Connection refused"):
        make("postgresql://sluice@127.0.0.1:1/test").open()


def test_who_may_not_make_tables_is_told(make: Make, postgres_server: PostgresServer) -> None:
    postgres_server.run("DROP ROLE IF EXISTS visitor")
    postgres_server.run(f"CREATE ROLE visitor LOGIN PASSWORD '{PASSWORD}'")

    with pytest.raises(StackError, match="permission denied for database test"):
        make(postgres_server.url("test").replace("sluice@", "visitor@")).open()


def test_a_full_disk_is_told_and_nothing_is_half_written(
    migrations: Path,
) -> None:
    """No file of this server may grow beyond 24 MiB."""
    with (
        running("fsync=off", file_size=24 << 20) as server,
        closing(
            PostgresDatabase(
                server.database(),
                password_file=str(server.password_file),
                schema=SCHEMA,
                migrations=migrations,
            )
        ) as database,
    ):
        add(database, "a")
        with pytest.raises(StackError, match="can't be written: could not extend file"):
            add(database, *(f"{number}" * 10 for number in range(1_000_000)))

        assert names(database) == ["a"]
        add(database, "b")


def test_the_next_call_goes_on_after_the_server_was_away(
    private_postgres: PostgresServer, migrations: Path
) -> None:
    database = PostgresDatabase(
        private_postgres.database(),
        password_file=str(private_postgres.password_file),
        schema=SCHEMA,
        migrations=migrations,
    )
    add(database, "a")
    private_postgres.stop()
    begun = time.monotonic()
    with pytest.raises(StackError, match=r"can't be written: .*No such file or directory"):
        add(database, "b")
    assert time.monotonic() - begun < 5

    private_postgres.start()
    add(database, "c")
    assert names(database) == ["a", "c"]

    private_postgres.restart()
    assert names(database) == ["a", "c"], "a connection that is dead is not handed out"
    database.close()


def test_a_server_that_hangs_is_given_up(
    private_postgres: PostgresServer, migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres._Connection, "patience", 0.5)
    database = PostgresDatabase(
        private_postgres.database(),
        password_file=str(private_postgres.password_file),
        schema=SCHEMA,
        migrations=migrations,
    )
    add(database, "a")
    private_postgres.pause()
    with pytest.raises(StackError, match=r"does not answer|timeout expired"):
        names(database)

    private_postgres.resume()
    assert names(database) == ["a"]
    database.close()


def test_whoever_stands_still_in_a_transaction_holds_nobody_up(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a machine that is gone: the server ends what does not go on."""
    monkeypatch.setattr(postgres, "PATIENCE", 1)
    database, other = make(), make()
    add(database, "a")
    begun = time.monotonic()
    with contextlib.suppress(StackError), database.writing() as session:
        session.run("LOCK TABLE things IN EXCLUSIVE MODE")
        while names(other) == ["a"] and time.monotonic() - begun < 10:
            with contextlib.suppress(StackError):
                add(other, "b")

    assert names(database) == ["a", "b"]


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://db.example.com/sluice", "verify-full"),
        ("postgresql://10.0.0.1/sluice", "verify-full"),
        ("postgresql://db.example.com/sluice?sslmode=disable", "disable"),
        ("postgresql://localhost/sluice", None),
        ("postgresql://[::1]/sluice", None),
        ("postgresql://sluice@/sluice?host=/run/postgresql", None),
    ],
)
def test_off_this_machine_the_server_proves_who_it_is_unless_said(
    url: str, mode: str | None
) -> None:
    found = _parameters(url, None, SCHEMA)

    assert found.get("sslmode") == mode
    assert ("sslrootcert" in found) == (mode == "verify-full")
