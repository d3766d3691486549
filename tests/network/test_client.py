"""The HTTP client of the service."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from extauth.errors import AnswerTooLarge, Unreachable
from extauth.network.client import HttpClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handle: Handler, path: Path | None = None) -> AsyncIterator[str]:
    server = web.Server(handle, handler_cancellation=True)
    loop = asyncio.get_running_loop()
    listening = await (
        loop.create_server(server, "127.0.0.1", 0)
        if path is None
        else loop.create_unix_server(server, path)
    )
    yield "" if path else f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    listening.close()
    await server.shutdown(1)


@asynccontextmanager
async def client(
    seconds: float = 5.0, largest: int = 1000, **options: object
) -> AsyncIterator[HttpClient]:
    made = HttpClient(timeout=seconds, largest=largest, **options)
    yield made
    await made.close()


async def hello(request: web.Request) -> web.StreamResponse:
    return web.Response(text=f"{request.method} {request.path} {await request.text()}")


async def test_a_request_and_its_response() -> None:
    async with serving(hello) as url, client() as ours:
        answer = await ours.request("POST", f"{url}/x", b"body")
    assert (answer.status, answer.body) == (200, b"POST /x body")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_unix_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with serving(hello, tmp_path / "s"), client(socket=tmp_path / "s") as ours:
        assert (await ours.request("GET", "http://worker/state")).body == b"GET /state "


async def test_a_redirect_is_an_answer() -> None:
    async def away(_: web.Request) -> web.StreamResponse:
        return web.Response(status=307, headers={"location": "http://127.0.0.1:1/"})

    async with serving(away) as url, client() as ours:
        assert (await ours.request("POST", url)).status == 307


async def test_a_body_has_a_largest_size_and_need_not_be_read() -> None:
    async def large(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(1001))

    async with serving(large) as url:
        async with client() as ours:
            with pytest.raises(AnswerTooLarge, match="over 1000 bytes"):
                await ours.request("GET", url)
        async with client(largest=1001) as ours:
            assert len((await ours.request("GET", url)).body) == 1001
        async with client(largest=0) as ours:
            assert (await ours.request("GET", url)).body == b""


async def test_a_compressed_body_stays_as_it_is() -> None:
    """What is small on the wire and large in memory is refused by nobody but the reader."""

    async def compressed(_: web.Request) -> web.StreamResponse:
        answer = web.Response(body=bytes(100_000))
        answer.enable_compression(web.ContentCoding.gzip)
        return answer

    async with serving(compressed) as url, client() as ours:
        assert (await ours.request("GET", url)).body[:2] == b"\x1f\x8b"


async def test_a_response_has_so_long_in_all() -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async with serving(never) as url, client(0.05) as ours:
        with pytest.raises(Unreachable, match=r"^no answer within 0\.05 s$"):
            await ours.request("GET", url)
        with pytest.raises(Unreachable, match=r"^no answer within 0\.02 s$"):
            await ours.request("GET", url, timeout=0.02)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1/secret", "^can't connect: Connection refused$"),
        ("http://host.invalid/secret", "^its name can't be resolved$"),
    ],
)
async def test_nobody_there_is_unreachable(url: str, why: str) -> None:
    async with client() as ours:
        with pytest.raises(Unreachable, match=why):
            await ours.request("GET", url)


async def test_a_server_without_tls_is_told_so() -> None:
    async with serving(hello) as url, client() as ours:
        with pytest.raises(Unreachable, match="it does not speak TLS"):
            await ours.request("GET", url.replace("http:", "https:"))
