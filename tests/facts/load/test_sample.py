"""Parsing of Triton's metrics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.facts.load.sample import Totals, parse
from tests.facts.load.triton import printed, printed_with_gpus

names = st.text(st.characters(codec="utf-8"), max_size=8)


def test_pending_requests_are_those_of_all_versions() -> None:
    assert parse(printed(pending=6)).pending == {"chat": 7, "embed": 0}


def test_totals_are_by_version_and_of_answered_requests() -> None:
    assert parse(printed(done=6, queue_us=162353)).totals == {
        ("embed", "1"): Totals(0, 0),
        ("chat", "2"): Totals(0, 0),
        ("chat", "1"): Totals(162353, 6),
    }


def test_large_totals_are_exact() -> None:
    text = printed(done=1).replace(b"} 1\n", b"} 9007199254740991\n")
    assert parse(text).totals["chat", "1"].requests == 9007199254740991


def test_gpus_are_averaged() -> None:
    assert parse(printed_with_gpus(0.9, 0.4)).gpu == pytest.approx(0.65)


def test_without_a_gpu_its_use_is_unknown() -> None:
    assert parse(printed()).gpu is None


def test_the_series_of_several_gpus_are_one_model() -> None:
    text = (
        b'nv_inference_pending_request_count{gpu_uuid="GPU-0",model="chat",version="1"} 2\n'
        b'nv_inference_pending_request_count{gpu_uuid="GPU-1",model="chat",version="1"} 3\n'
    )
    assert parse(text).pending == {"chat": 5}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe\x00",
        b"<html>nv_inference_pending_request_count</html>",
        b"nv_inference_pending_request_count 5\n",
        b'# nv_inference_pending_request_count{model="chat",version="1"} 5\n',
        b'nv_inference_pending_request_count{model="chat",version="1"} NaN\n',
        b'nv_inference_pending_request_count{model="chat",version="1"} +Inf\n',
        b'nv_inference_pending_request_count{model="chat",version="1"} many\n',
        b'nv_inference_pending_request_count{model="chat" 5\n',
        b'nv_inference_pending_request_count_total{model="chat",version="1"} 5\n',
        b'nv_inference_request_success{model="chat",version="1"} 5\n',
    ],
)
def test_what_is_no_series_tells_nothing(text: bytes) -> None:
    assert parse(text) == ({}, {}, None)


def test_a_label_that_only_looks_like_another_is_not_it() -> None:
    text = b'nv_inference_pending_request_count{submodel="a",note="model=\\"b\\",",model="c"} 1\n'
    assert parse(text).pending == {"c": 1}


@given(names, st.integers(0, 2**53))
def test_any_name_is_read_as_it_was_written(name: str, count: int) -> None:
    written = name.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    text = f'nv_inference_pending_request_count{{model="{written}",version="1"}} {count}\n'
    assert parse(text.encode()).pending == {name: count}


@given(st.binary())
def test_nothing_that_a_server_prints_is_an_error(noise: bytes) -> None:
    parse(noise)
    parse(b'nv_inference_pending_request_count{model="' + noise + b'"} 1\n')
