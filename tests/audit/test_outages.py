"""A PostgreSQL that comes and goes, and what becomes of the records."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from extauth.audit import AuditWriter
from extauth.audit import writer as module
from extauth.audit.postgres import PostgresLog
from extauth.audit.store import AuditStore
from extauth.audit.verification import verify
from extauth.errors import StackError
from tests.postgres_server import PORT

from .contract import DAY, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.postgres_server import PostgresServer

    from .conftest import Made

pytestmark = pytest.mark.slow


def open_log(server: PostgresServer, directory: Path | None = None) -> PostgresLog:
    url = server.database() if directory is None else server.url("test", directory)
    return PostgresLog(url, password_file=str(server.password_file))


@pytest.fixture
def away(private_postgres: PostgresServer) -> Iterator[PostgresLog]:
    """A log on a server that the test may end."""
    log = open_log(private_postgres)
    yield log
    log.close()


async def failing(writer: AuditWriter) -> None:
    while writer.failure is None:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)


async def test_records_wait_until_the_server_is_back(
    away: PostgresLog, private_postgres: PostgresServer, served: Made
) -> None:
    writer = AuditWriter(away, retention=DAY, clock=lambda: NOW)
    await writer.start()
    await writer.record(served("before"))
    await writer.flush()

    await asyncio.to_thread(private_postgres.stop)
    for number in range(20):
        await writer.record(served(f"r{number}"))
    await failing(writer)
    assert "can't be written" in str(writer.failure)
    with pytest.raises(StackError, match="can't be written"):
        await writer.flush()

    await asyncio.to_thread(private_postgres.start)
    await writer.record(served("after"))
    await writer.close()

    assert writer.failure is None
    found = [record.request_id for record in AuditStore(away).last(100)]
    assert found == ["before", *(f"r{number}" for number in range(20)), "after"]
    assert verify(away).valid


async def test_only_so_many_wait_and_then_requests_do(
    away: PostgresLog,
    private_postgres: PostgresServer,
    served: Made,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 10)
    writer = AuditWriter(away, retention=DAY, clock=lambda: NOW)
    await writer.start()
    await asyncio.to_thread(private_postgres.stop)
    tasks = [asyncio.create_task(writer.record(served(f"r{n}"))) for n in range(50)]
    await failing(writer)
    # One more attempt, at which nobody else is let in.
    with contextlib.suppress(StackError):
        await writer.flush()
    assert sum(task.done() for task in tasks) <= 20

    await asyncio.to_thread(private_postgres.start)
    await asyncio.gather(*tasks)
    await writer.close()
    assert len(AuditStore(away).last(100)) == 50


async def test_who_is_cancelled_while_waiting_leaves_the_record(
    away: PostgresLog,
    private_postgres: PostgresServer,
    served: Made,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    writer = AuditWriter(away, retention=DAY, clock=lambda: NOW)
    await writer.start()
    await asyncio.to_thread(private_postgres.stop)
    tasks = [asyncio.create_task(writer.record(served(f"r{n}"))) for n in range(4)]
    await failing(writer)
    with contextlib.suppress(StackError):
        await writer.flush()
    waiting = [task for task in tasks if not task.done()]
    assert waiting
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert all(task.cancelled() for task in waiting)

    await asyncio.to_thread(private_postgres.start)
    await writer.close()
    assert {record.request_id for record in AuditStore(away).last(9)} == {"r0", "r1", "r2", "r3"}


async def test_what_does_not_land_to_the_end_is_told(
    away: PostgresLog, private_postgres: PostgresServer, served: Made
) -> None:
    writer = AuditWriter(away, retention=DAY, clock=lambda: NOW)
    await writer.start()
    await asyncio.to_thread(private_postgres.stop)
    await writer.record(served("a"))
    await writer.record(served("b"))

    with pytest.raises(StackError, match="2 audit records are lost"):
        await writer.close()


async def test_a_server_that_is_away_at_the_start_is_told(
    away: PostgresLog, private_postgres: PostgresServer
) -> None:
    await asyncio.to_thread(private_postgres.stop)

    with pytest.raises(StackError, match="can't be used"):
        await AuditWriter(away, retention=DAY, clock=lambda: NOW).start()


async def test_a_server_that_hangs_fails_readiness(
    away: PostgresLog,
    private_postgres: PostgresServer,
    served: Made,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.5)
    writer = AuditWriter(away, retention=DAY, clock=lambda: NOW)
    await writer.start()
    private_postgres.pause()
    await writer.record(served("a"))
    await failing(writer)
    assert "does not answer" in str(writer.failure)

    private_postgres.resume()
    await writer.close()
    assert writer.failure is None
    assert len(AuditStore(away).last(10)) == 1


class Cut:
    """A socket before the server's that loses the answer to the commit that it is told to lose."""

    def __init__(self, server: PostgresServer, directory: Path) -> None:
        self.directory = directory
        self.losing = False
        self.lost: socket.socket | None = None
        self._behind = str(server.directory / f".s.PGSQL.{PORT}")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / f".s.PGSQL.{PORT}"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._behind)
                threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                if self.losing and b"COMMIT" in data:
                    self.losing, self.lost = False, server
                server.sendall(data)
        server.close()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                if self.lost is server:
                    # The server has done it, and nobody hears of it.
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
        client.close()


async def test_a_commit_whose_answer_was_lost_counts_once(
    postgres_server: PostgresServer, served: Made, tmp_path_factory: pytest.TempPathFactory
) -> None:
    straight = open_log(postgres_server)
    cut = Cut(postgres_server, tmp_path_factory.mktemp("cut"))
    log = open_log(postgres_server, cut.directory)
    writer = AuditWriter(log, retention=DAY, clock=lambda: NOW)
    await writer.start()
    await writer.record(served("a"))
    await writer.flush()

    cut.losing = True
    await writer.record(served("b"))
    await writer.record(served("c"))
    with contextlib.suppress(StackError):
        await writer.flush()
    await writer.record(served("d"))
    await writer.close()

    assert cut.lost is not None
    found = verify(straight)
    assert (found.valid, found.records) == (True, 4)
    assert [each.request_id for each in AuditStore(straight).last(10)] == ["a", "b", "c", "d"]
    log.close()
    straight.close()
    cut.close()
