"""Requests that block: to ports, to unix sockets, and downloads."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.errors import AnswerTooLarge, Unreachable
from extauth.network.request import downloading, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[[bytes, socket.socket], None]


def saying(text: str, status: str = "200 OK", *headers: str) -> Answer:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(text)}", *headers, "", text]
    return lambda _, connection: connection.sendall("\r\n".join(lines).encode())


def echo(head: bytes, connection: socket.socket) -> None:
    saying(head.split(b"\r\n")[0].decode())(head, connection)


def listening(path: Path | None) -> socket.socket:
    if path is None:
        return socket.create_server(("127.0.0.1", 0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


@contextmanager
def serving(answer: Answer, path: Path | None = None) -> Iterator[str]:
    """A server that answers every connection once; its URL where it has no path."""
    with listening(path) as listener:

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head and (piece := connection.recv(4096)):
                        head += piece
                    try:
                        answer(head, connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}" if path is None else ""
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_unix_socket_may_lie_deeper_than_an_address_can_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    monkeypatch.chdir(deep)
    with serving(echo, Path("socket")):
        answer = request(deep / "socket", "/ready")
    assert (answer.status, answer.body) == (200, b"GET /ready HTTP/1.1")


def test_a_port() -> None:
    with serving(echo) as url:
        assert request(url, "/x", method="POST").body == b"POST /x HTTP/1.1"


def test_any_status_is_an_answer_and_a_redirect_is_not_followed() -> None:
    with serving(saying("elsewhere", "302 Found", "Location: http://127.0.0.1:1/")) as url:
        answer = request(url)
    assert (answer.status, answer.body) == (302, b"elsewhere")
    assert answer.headers["location"] == "http://127.0.0.1:1/"


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(echo) as url:
        assert request(url, "/x").status == 200


@pytest.mark.parametrize("port", [1, None])
def test_nobody_there_is_unreachable(port: int | None, tmp_path: Path) -> None:
    server = f"http://127.0.0.1:{port}" if port else tmp_path / "socket"
    with pytest.raises(Unreachable, match="can't connect: "):
        request(server, "/secret")


def test_what_is_no_http_is_unreachable() -> None:
    with (
        serving(lambda _, connection: connection.sendall(b"SSH-2.0\r\n\r\n")) as url,
        pytest.raises(Unreachable),
    ):
        request(url)


def test_an_answer_that_is_cut_off_is_none() -> None:
    def answer(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")

    with serving(answer) as url, pytest.raises(Unreachable, match="IncompleteRead"):
        request(url)


def test_an_answer_has_a_largest_size() -> None:
    with serving(saying("x" * 1001)) as url:
        with pytest.raises(AnswerTooLarge, match="over 1000 bytes"):
            request(url, largest=1000)
        assert len(request(url, largest=1001).body) == 1001


def test_an_answer_that_drips_has_an_end() -> None:
    stopped = threading.Event()

    def answer(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not stopped.wait(0.02):
            connection.sendall(b"x")

    with serving(answer) as url:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer within"):
            request(url, timeout=5, within=0.2)
        stopped.set()
        assert time.monotonic() - began < 5


def test_a_server_that_keeps_the_connection_open_does_not_hold_up_the_answer() -> None:
    stopped = threading.Event()

    def answer(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        stopped.wait(10)

    with serving(answer) as url:
        assert request(url).body == b"ok"
        stopped.set()


def test_a_download_follows_redirects() -> None:
    with (
        serving(saying("the file")) as target,
        serving(saying("", "302 Found", f"Location: {target}/file")) as url,
        downloading(f"{url}/latest") as download,
    ):
        assert (b"".join(download), download.total) == (b"the file", 8)


def test_a_download_that_is_refused_or_cut_off_is_unreachable() -> None:
    with (
        serving(saying("", "404 Not Found")) as url,
        pytest.raises(Unreachable, match="it answered 404"),
        downloading(url),
    ):
        pass

    def half(_: bytes, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")

    with serving(half) as url, downloading(url) as download, pytest.raises(Unreachable):
        b"".join(download)
