"""Envoy's admin endpoint, as the stack asks it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError
from extauth.settings import LogSettings
from extauth.stack.process.envoy import AccessLog, active_requests, drain, stats

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def answering(body: Callable[[str], str]) -> Callable[..., object]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        text = body(head.split("\r\n")[0])
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode())
        await writer.drain()
        writer.close()

    return handle


def test_active_requests_do_not_count_the_question_itself() -> None:
    found = {"http.admin.downstream_rq_active": 1, "http.gateway.downstream_rq_active": 2}
    assert active_requests(found) == 2


def test_an_envoy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="Envoy does not answer: can't connect: No such file"):
        stats(tmp_path / "admin", "x")


async def test_draining_waits_until_no_request_is_active(tmp_path: Path) -> None:
    asked: list[str] = []
    left = iter([2, 1, 0])

    def body(line: str) -> str:
        asked.append(line)
        return f"http.gateway.downstream_rq_active: {next(left)}\n" if "stats" in line else ""

    server = await asyncio.start_unix_server(answering(body), tmp_path / "admin")
    async with server:
        await drain(tmp_path / "admin", 10)
    assert asked[0] == "POST /drain_listeners HTTP/1.1"
    assert len(asked) == 4


async def test_draining_has_an_end(tmp_path: Path) -> None:
    handle = answering(lambda _: "http.gateway.downstream_rq_active: 1\n")
    server = await asyncio.start_unix_server(handle, tmp_path / "admin")
    async with server, asyncio.timeout(10):
        await drain(tmp_path / "admin", 0.1)


async def test_the_access_log_turns_when_it_is_large_and_envoy_is_told_until_it_hears(
    tmp_path: Path,
) -> None:
    asked: list[str] = []

    def body(line: str) -> str:
        asked.append(line)
        return ""

    path = tmp_path / "access.log"
    log = AccessLog(path, tmp_path / "admin", LogSettings(size=100, files=3))
    path.write_bytes(b"x" * 100)
    await log.look()
    assert path.exists()
    path.write_bytes(b"y" * 101)
    await log.look()
    assert (tmp_path / "access.log.1").read_bytes() == b"y" * 101
    assert not path.exists()

    server = await asyncio.start_unix_server(answering(body), tmp_path / "admin")
    async with server:
        await log.look()
        await log.look()
    assert asked == ["POST /reopen_logs HTTP/1.1"]
