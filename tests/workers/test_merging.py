"""What several workers have counted, as one scrape."""

from __future__ import annotations

import pytest
from prometheus_client.exposition import generate_latest

from extauth.gateway.metrics import RequestMetrics
from extauth.observability.metrics import Metrics
from extauth.workers.merging import Merged, families

pytestmark = pytest.mark.slow


def counted(*requests: str, held: float, sequence: float = 1.0) -> Metrics:
    """The metrics of a worker with these requests, which holds so many reservations."""
    metrics = Metrics()
    ended = RequestMetrics(metrics)
    for outcome in requests:
        ended.request(outcome, None, "openai", 200)
        ended.stages({"parse": 700})
    metrics.info("sluice_snapshot", "Served.", "digest", "engine").values = ("abc", "wasm")
    metrics.gauge("sluice_held", "Held here.", lambda: held)
    metrics.gauge("sluice_keys", "In the store of all.", lambda: 40.0, shared=True)
    metrics.total("sluice_refused", "In a file of all.", lambda: sequence, shared=True)
    return metrics


def scrape(*workers: Metrics | None) -> list[str]:
    told = {
        number: None if metrics is None else families(metrics)
        for number, metrics in enumerate(workers)
    }
    text = generate_latest(Merged(told)).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_counters_and_histograms_are_added_up() -> None:
    lines = scrape(counted("served", "served", held=1), counted("served", "denied", held=2))
    labels = 'api="openai",outcome="{}",rule="",status="200"'
    assert f"sluice_requests_total{{{labels.format('served')}}} 3.0" in lines
    assert f"sluice_requests_total{{{labels.format('denied')}}} 1.0" in lines
    assert 'sluice_stage_seconds_bucket{le="0.0005",stage="parse"} 0.0' in lines
    assert 'sluice_stage_seconds_bucket{le="0.001",stage="parse"} 4.0' in lines
    assert 'sluice_stage_seconds_count{stage="parse"} 4.0' in lines


def test_a_gauge_is_shown_for_each_worker_and_a_shared_one_once() -> None:
    lines = scrape(counted("served", held=1), counted(held=2))
    assert 'sluice_held{worker="0"} 1.0' in lines
    assert 'sluice_held{worker="1"} 2.0' in lines
    assert lines.count("sluice_keys 40.0") == 1
    assert lines.count("sluice_refused_total 1.0") == 1
    assert lines.count('sluice_snapshot_info{digest="abc",engine="wasm"} 1.0') == 1


def test_each_worker_is_told_with_what_it_served() -> None:
    lines = scrape(counted("served", "denied", held=0), None, counted(held=0))
    assert [line for line in lines if line.startswith("sluice_worker")] == [
        'sluice_worker_up{worker="0"} 1.0',
        'sluice_worker_up{worker="1"} 0.0',
        'sluice_worker_up{worker="2"} 1.0',
        'sluice_worker_requests_total{worker="0"} 2.0',
        'sluice_worker_requests_total{worker="2"} 0.0',
    ]
