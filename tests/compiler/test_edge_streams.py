"""Event streams pass piece by piece, for as long as something happens."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.compiler.script import CHAT, STREAM, decide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.compiler.edge import Edge, Handler

pytestmark = pytest.mark.slow

HEAD = f"POST {CHAT} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 2\r\n\r\n"
REQUEST = HEAD.encode() + b"{}"


def read_until(connection: socket.socket, text: bytes) -> bytes:
    found = b""
    while text not in found:
        piece = connection.recv(65536)
        assert piece, found
        found += piece
    return found


def test_each_piece_arrives_before_the_next_is_made(edge: Edge) -> None:
    arrived = [threading.Event() for _ in range(3)]

    def answer(handler: Handler) -> None:
        def pieces() -> Iterator[bytes]:
            for number, event in enumerate(arrived):
                yield b"data: %d\n\n" % number
                assert event.wait(20)

        handler.stream(pieces())

    edge.script.process, edge.script.answer = decide(STREAM), answer
    with socket.create_connection(("127.0.0.1", edge.port), timeout=20) as connection:
        connection.sendall(REQUEST)
        for number, event in enumerate(arrived):
            read_until(connection, b"data: %d\n\n" % number)
            event.set()
        read_until(connection, b"0\r\n\r\n")
    assert edge.script.messages[-4:] == ["response_body"] * 4


def test_a_stream_outlasts_the_timeout_of_plain_answers(impatient_edge: Edge) -> None:
    """1.5 s for a plain answer, 1 s without a piece: eight pieces 0.25 s apart pass."""
    pause = threading.Event()

    def answer(handler: Handler) -> None:
        def pieces() -> Iterator[bytes]:
            for number in range(8):
                yield b"data: %d\n\n" % number
                pause.wait(0.25)

        handler.stream(pieces())

    impatient_edge.script.process, impatient_edge.script.answer = decide(STREAM), answer
    reply = impatient_edge.request("POST", CHAT, b"{}")
    assert reply.status == 200
    assert reply.body.count(b"data: ") == 8


def test_a_silent_stream_is_cut(impatient_edge: Edge) -> None:
    silent = threading.Event()

    def answer(handler: Handler) -> None:
        def pieces() -> Iterator[bytes]:
            yield b"data: 0\n\n"
            silent.wait(20)

        handler.stream(pieces())

    impatient_edge.script.process, impatient_edge.script.answer = decide(STREAM), answer
    with socket.create_connection(("127.0.0.1", impatient_edge.port), timeout=20) as connection:
        connection.sendall(REQUEST)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    silent.set()
    assert b"data: 0" in received
    assert not received.endswith(b"0\r\n\r\n")


def test_the_service_may_shorten_a_requests_timeout(edge: Edge) -> None:
    gone = threading.Event()
    edge.script.process = decide(headers={"x-envoy-upstream-rq-timeout-ms": "200"})
    edge.script.answer = lambda _: bool(gone.wait(20)) and None
    try:
        assert edge.request("POST", CHAT, b"{}").status == 504
    finally:
        gone.set()
