"""The load from samples."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extauth.facts.load.backend import WINDOW, BackendLoad
from extauth.facts.load.sample import LoadSample, Totals, parse
from tests.facts.load.triton import printed


def sampled(done: float, queue_us: float, version: str = "1") -> LoadSample:
    """Return a sample of one version of `chat`."""
    return LoadSample({"chat": 0}, {("chat", version): Totals(queue_us, done)}, None)


def waits(*samples: tuple[float, LoadSample]) -> float | None:
    """Return the mean wait in milliseconds after the last of the samples."""
    load = BackendLoad()
    for now, sample in samples:
        readings = load.add(sample, now)
    return readings["chat"].queue_ms


def test_the_wait_is_that_of_the_requests_answered_in_between() -> None:
    assert waits((0, sampled(100, 9e9)), (1, sampled(104, 9e9 + 10_000))) == 2.5


def test_what_triton_prints_comes_to_a_reading() -> None:
    load = BackendLoad()
    load.add(parse(printed(done=6, queue_us=162_353)), 1.0)
    reading = load.add(parse(printed(pending=3, done=8, queue_us=182_353)), 2.0)["chat"]
    assert (reading.time, reading.pending, reading.queue_ms, reading.gpu) == (2.0, 4, 10.0, None)


def test_the_first_reading_has_no_wait() -> None:
    assert waits((0, sampled(100, 9e9))) is None


def test_without_an_answered_request_the_wait_is_unknown() -> None:
    """A queue that does not move must not look like a short one."""
    assert waits((0, sampled(100, 9e9)), (1, sampled(100, 9e9))) is None


def test_a_wait_counts_for_ten_seconds() -> None:
    busy = [(0, sampled(0, 0)), (1, sampled(1, 50_000))]
    later = [(second, sampled(1, 50_000)) for second in range(2, 11)]
    assert waits(*busy, *later) == 50.0
    assert waits(*busy, *later, (11, sampled(1, 50_000))) is None


def test_a_gap_is_no_interval() -> None:
    assert waits((0, sampled(0, 0)), (WINDOW + 1, sampled(10, 50_000))) is None


def test_a_restarted_server_counts_from_zero() -> None:
    before = [(0, sampled(100, 9e9)), (1, sampled(110, 9e9))]
    assert waits(*before, (2, sampled(2, 4_000))) is None
    assert waits(*before, (2, sampled(2, 4_000)), (3, sampled(4, 10_000))) == 3.0


def test_a_version_that_is_loaded_begins_at_zero() -> None:
    both = LoadSample(
        {"chat": 0}, {("chat", "1"): Totals(9e9, 100), ("chat", "2"): Totals(6_000, 2)}, None
    )
    assert waits((0, sampled(100, 9e9)), (1, both)) == 3.0
    assert waits((0, both), (1, sampled(101, 9e9 + 1_000))) == 1.0


def test_a_model_that_is_gone_has_no_reading() -> None:
    load = BackendLoad()
    load.add(sampled(1, 1), 0)
    assert load.add(LoadSample({}, {}, None), 1) == {}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**6)), min_size=1, max_size=40))
def test_the_wait_is_the_mean_over_the_last_ten_seconds(steps: list[tuple[int, int]]) -> None:
    """With any arrivals in each second, it equals the plain sum."""
    load = BackendLoad()
    done = queue = 0
    load.add(sampled(0, 0), 0)
    for second, (requests, waited) in enumerate(steps, 1):
        done, queue = done + requests, queue + requests * waited
        told = load.add(sampled(done, queue), second)["chat"].queue_ms
        last = steps[max(0, second - int(WINDOW)) : second]
        count = sum(requests for requests, _ in last)
        whole = sum(requests * waited for requests, waited in last)
        assert told == (round(whole / count / 1000, 3) if count else None)
