"""Counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from extauth.observability.metrics import BUCKETS, SERIES, Histogram, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable


def scraped(metrics: Metrics) -> dict[str, float]:
    lines = generate_latest(metrics).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_tokens_are_counted_by_model_and_type() -> None:
    metrics = Metrics()
    metrics.tokens("chat", 10, 5)
    metrics.tokens("chat", 1, 2)
    assert scraped(metrics) == {
        'sluice_tokens_total{model="chat",type="prompt"}': 11,
        'sluice_tokens_total{model="chat",type="completion"}': 7,
    }


def test_stages_are_seconds() -> None:
    metrics = Metrics()
    metrics.stages({"identify": 40, "decide": 400_000})
    found = scraped(metrics)
    assert found['sluice_stage_seconds_sum{stage="identify"}'] == 0.00004
    assert found['sluice_stage_seconds_bucket{le="5e-05",stage="identify"}'] == 1
    assert found['sluice_stage_seconds_bucket{le="0.25",stage="decide"}'] == 0
    assert found['sluice_stage_seconds_bucket{le="+Inf",stage="decide"}'] == 1


def test_a_decision_that_failed_is_timed_and_counted() -> None:
    metrics = Metrics()
    metrics.decision("wasm", "gateway/admission", 0.001, ok=True)
    metrics.decision("wasm", "gateway/admission", 0.001, ok=False)
    found = scraped(metrics)
    labels = '{engine="wasm",entrypoint="gateway/admission"}'
    assert found[f"sluice_decision_seconds_count{labels}"] == 2
    assert found[f"sluice_decision_errors_total{labels}"] == 1


@pytest.mark.parametrize(
    ("watch", "sample"),
    [(Metrics.watch, "sluice_refused"), (Metrics.watch_total, "sluice_refused_total")],
)
def test_what_is_watched_is_read_at_every_scrape(
    watch: Callable[[Metrics, str, str, Callable[[], float]], None], sample: str
) -> None:
    metrics = Metrics()
    refused = [3]
    watch(metrics, "sluice_refused", "What was refused.", lambda: refused[0])
    assert scraped(metrics)[sample] == 3
    refused[0] = 4
    assert scraped(metrics)[sample] == 4


def test_the_snapshot_served_is_the_last_one() -> None:
    metrics = Metrics()
    metrics.snapshot("one", "wasm")
    metrics.snapshot("two", "opa")
    assert scraped(metrics) == {'sluice_snapshot_info{digest="two",engine="opa"}': 1}


def test_however_many_rules_there_are_the_series_are_bounded_and_nothing_is_lost() -> None:
    metrics = Metrics()
    for number in range(3 * SERIES):
        metrics.request("refused", f"rule-{number}", "openai", 403)
    counts = [value for name, value in scraped(metrics).items() if "requests" in name]
    assert len(counts) == SERIES + 1
    assert sum(counts) == 3 * SERIES


@given(st.lists(st.integers(min_value=0, max_value=2 * BUCKETS[-1])))
def test_a_bucket_holds_everything_up_to_its_bound(durations: list[int]) -> None:
    histogram = Histogram()
    for one in durations:
        histogram.observe(("x",), one)
    family = histogram.family("name", "text", ["label"])
    buckets = {
        float(one.labels["le"]): one.value for one in family.samples if one.name.endswith("_bucket")
    }
    for bound, count in buckets.items():
        assert count == sum(one / 1e6 <= bound for one in durations)
