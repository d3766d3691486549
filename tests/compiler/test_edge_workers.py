"""Several workers behind one Envoy: a dead one costs nobody an answer, and lets nobody through."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from extauth.compiler import Overrides
from extauth.compiler.proxy import render
from extauth.types.headers import PRINCIPAL
from tests.compiler.conftest import SETTINGS
from tests.compiler.script import CHAT, allow

if TYPE_CHECKING:
    from tests.compiler.edge import Edge, Reply

pytestmark = pytest.mark.slow

REQUESTS = 40


def ask(edge: Edge) -> Reply:
    return edge.request("POST", CHAT, b"{}", {"content-type": "application/json"})


def test_requests_go_round_a_worker_that_is_dead(lame_edge: Edge) -> None:
    assert {ask(lame_edge).status for _ in range(REQUESTS)} == {200}
    assert len(lame_edge.script.served) == REQUESTS
    # Each of them was decided once.
    assert lame_edge.script.messages.count("request_body") == REQUESTS


def test_so_do_those_that_only_need_to_be_authorised(lame_edge: Edge) -> None:
    statuses = {lame_edge.request("GET", "/v1/nothing").status for _ in range(REQUESTS)}
    assert statuses == {404}
    assert len(lame_edge.script.checked) == REQUESTS


def test_so_do_those_to_the_portal(lame_edge: Edge) -> None:
    lame_edge.script.check = allow({PRINCIPAL: "ada"})
    statuses = {lame_edge.request("GET", "/v1/models").status for _ in range(REQUESTS)}
    assert statuses == {200}
    assert len(lame_edge.script.portal) == REQUESTS


def test_without_any_worker_nothing_gets_through(lame_edge: Edge) -> None:
    with lame_edge.alone():
        assert {ask(lame_edge).status for _ in range(REQUESTS)} == {503}
        assert lame_edge.request("GET", "/v1/models").status == 503
        assert not lame_edge.script.served
        assert not lame_edge.script.portal
    deadline = time.monotonic() + 10
    while ask(lame_edge).status != 200:
        assert time.monotonic() < deadline, "the worker is back, and gets no requests"


def test_a_single_process_is_called_as_ever() -> None:
    assert render(SETTINGS, Overrides())["cds.yaml"].count(b"run/ext_proc.sock") == 1
