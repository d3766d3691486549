"""An application on a socket, for as long as a block lasts."""

from __future__ import annotations

import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from extauth.errors import StackError
from extauth.network.server import listen_tcp, listen_unix, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request


async def hello(_: Request) -> PlainTextResponse:
    """The only page."""
    return PlainTextResponse("hello")


@pytest.fixture
def app() -> Starlette:
    """Something to serve."""
    return Starlette(routes=[Route("/", hello)])


@pytest.fixture
def path() -> Iterator[Path]:
    """A path short enough for a unix socket, which pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="asgi") as directory:
        yield Path(directory) / "socket"


async def get(path: Path) -> str:
    """Ask over a unix socket."""
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return (await client.get("/")).text


async def test_a_unix_socket_serves_its_owner_alone(app: Starlette, path: Path) -> None:
    async with serving(app, listen_unix(path)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await get(path) == "hello"


async def test_a_socket_that_was_left_behind_is_replaced(app: Starlette, path: Path) -> None:
    listen_unix(path).close()
    assert path.exists()
    async with serving(app, listen_unix(path)):
        assert await get(path) == "hello"


async def test_serving_stops_with_the_block(app: Starlette, path: Path) -> None:
    async with serving(app, listen_unix(path)):
        pass
    with pytest.raises(httpx.ConnectError):
        await get(path)


async def test_it_stops_when_the_block_fails(app: Starlette, path: Path) -> None:
    with pytest.raises(LookupError):
        async with serving(app, listen_unix(path)):
            raise LookupError
    with pytest.raises(httpx.ConnectError):
        await get(path)


async def test_a_tcp_port_serves(app: Starlette) -> None:
    listener = listen_tcp("127.0.0.1", 0)
    port = listener.getsockname()[1]
    async with serving(app, listener), httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"127\.0\.0\.1:{port}: can't listen"):
            listen_tcp("127.0.0.1", port)


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't listen"):
        listen_unix(tmp_path / "missing" / "socket")
