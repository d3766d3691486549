"""Loopback ports."""

from __future__ import annotations

import socket

import pytest

from extauth.errors import StackError
from extauth.stack.process.ports import LOOPBACK, allocate, require_free


@pytest.fixture
def taken() -> object:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_names_the_option_to_change(taken: int) -> None:
    with pytest.raises(StackError, match=rf"^port {taken} on 127\.0\.0\.1 is in use; .* --port$"):
        require_free(LOOPBACK, taken, "--port")


def test_a_free_port_passes() -> None:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    require_free(LOOPBACK, port, "--port")


def test_a_foreign_address_is_one_clear_error() -> None:
    with pytest.raises(StackError, match=r"^cannot listen on 192\.0\.2\.1:8080"):
        require_free("192.0.2.1", 8080, "--port")


def test_no_two_names_get_the_same_port() -> None:
    names = [f"port{number}" for number in range(20)]
    assert len(set(allocate(names, {}).values())) == len(names)


def test_ports_are_kept_from_the_last_time() -> None:
    before = allocate(["triton", "opa"], {})
    assert allocate(["triton", "opa"], before) == before


def test_a_port_that_was_taken_meanwhile_is_replaced(taken: int) -> None:
    assert allocate(["opa"], {"opa": taken})["opa"] != taken
