"""Asking the stack's own processes over TCP and over unix sockets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extauth.stack.drain import active_requests, drain_envoy
from extauth.stack.ports import LOOPBACK
from extauth.stack.request import UnreachableError, request

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


async def test_a_unix_socket_may_lie_deeper_than_an_address_can_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.chdir(deep)
    server = await asyncio.start_unix_server(answering(lambda line: line), "socket")
    async with server:
        answer = await asyncio.to_thread(request, deep / "socket", "/ready")
    assert (answer.status, answer.body) == (200, b"GET /ready HTTP/1.1")


async def test_a_port(tmp_path: Path) -> None:
    server = await asyncio.start_server(answering(lambda line: line), LOOPBACK, 0)
    where = server.sockets[0].getsockname()
    async with server:
        answer = await asyncio.to_thread(request, where, "/x", method="POST")
    assert answer.body == b"POST /x HTTP/1.1"


@pytest.mark.parametrize("where", [("127.0.0.1", 1), None])
def test_nobody_there_is_unreachable(where: tuple[str, int] | None, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        request(where or tmp_path / "socket", "/")


async def test_what_is_no_http_is_unreachable() -> None:
    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(handle, LOOPBACK, 0)
    async with server:
        with pytest.raises(UnreachableError):
            await asyncio.to_thread(request, server.sockets[0].getsockname(), "/")


def test_active_requests_do_not_count_the_question_itself() -> None:
    stats = "http.admin.downstream_rq_active: 1\nhttp.gateway.downstream_rq_active: 2\n"
    assert active_requests(stats) == 2


async def test_draining_waits_until_no_request_is_active(tmp_path: Path) -> None:
    asked: list[str] = []
    left = iter([2, 1, 0])

    def body(line: str) -> str:
        asked.append(line)
        return f"http.gateway.downstream_rq_active: {next(left)}\n" if "stats" in line else ""

    server = await asyncio.start_unix_server(answering(body), tmp_path / "admin")
    async with server:
        await drain_envoy(tmp_path / "admin", 10)
    assert asked[0] == "POST /drain_listeners HTTP/1.1"
    assert len(asked) == 4


async def test_draining_has_an_end(tmp_path: Path) -> None:
    handle = answering(lambda _: "http.gateway.downstream_rq_active: 1\n")
    server = await asyncio.start_unix_server(handle, tmp_path / "admin")
    async with server, asyncio.timeout(10):
        await drain_envoy(tmp_path / "admin", 0.1)
