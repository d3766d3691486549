"""Counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from extauth.observability.metrics import BUCKETS, HistogramMetric, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable


def scraped(metrics: Metrics) -> dict[str, float]:
    lines = generate_latest(metrics).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize(
    ("declare", "sample"),
    [(Metrics.gauge, "sluice_refused"), (Metrics.total, "sluice_refused_total")],
)
def test_what_is_watched_is_read_at_every_scrape(
    declare: Callable[[Metrics, str, str, Callable[[], float]], None], sample: str
) -> None:
    metrics = Metrics()
    refused = [3]
    declare(metrics, "sluice_refused", "What was refused.", lambda: refused[0])
    assert scraped(metrics)[sample] == 3
    refused[0] = 4
    assert scraped(metrics)[sample] == 4


def test_an_info_is_the_last_state_or_none() -> None:
    metrics = Metrics()
    info = metrics.info("sluice_snapshot", "Served.", "digest", "engine")
    assert scraped(metrics) == {}
    info.values = ("one", "wasm")
    info.values = ("two", "opa")
    assert scraped(metrics) == {'sluice_snapshot_info{digest="two",engine="opa"}': 1}
    info.values = None
    assert scraped(metrics) == {}


def test_a_count_of_0_is_shown() -> None:
    metrics = Metrics()
    metrics.counter("sluice_plain", "Without labels.")
    metrics.counter("sluice_sent", "By receiver.", "receiver").add(("here",), 0)
    assert scraped(metrics) == {"sluice_plain_total": 0, 'sluice_sent_total{receiver="here"}': 0}


def test_two_rooms_may_share_a_metric_but_not_a_name() -> None:
    metrics = Metrics()
    metrics.counter("sluice_errors", "By kind.", "kind").add(("bad",))
    metrics.counter("sluice_errors", "By kind.", "kind").add(("bad",))
    assert scraped(metrics) == {'sluice_errors_total{kind="bad"}': 2}
    with pytest.raises(ValueError, match="declared twice"):
        metrics.counter("sluice_errors", "By place.", "place")
    with pytest.raises(ValueError, match="declared twice"):
        metrics.gauge("sluice_errors", "Now.", lambda: 0.0)


@given(st.lists(st.integers(min_value=0, max_value=2 * BUCKETS[-1])))
def test_a_bucket_holds_everything_up_to_its_bound(durations: list[int]) -> None:
    histogram = HistogramMetric("name", "text", ("label",))
    for one in durations:
        histogram.observe(("x",), one)
    (family,) = histogram.families()
    buckets = {
        float(one.labels["le"]): one.value for one in family.samples if one.name.endswith("_bucket")
    }
    for bound, count in buckets.items():
        assert count == sum(one / 1e6 <= bound for one in durations)
