"""The metrics of requests."""

from __future__ import annotations

from extauth.gateway.metrics import RequestMetrics
from extauth.observability.metrics import SERIES, Metrics
from tests.observability.test_metrics import scraped


def test_tokens_are_counted_by_model_and_type() -> None:
    metrics = Metrics()
    requests = RequestMetrics(metrics)
    requests.tokens("chat", 10, 5)
    requests.tokens("chat", 1, 2)
    assert scraped(metrics) == {
        'sluice_tokens_total{model="chat",type="prompt"}': 11,
        'sluice_tokens_total{model="chat",type="completion"}': 7,
    }


def test_stages_are_seconds() -> None:
    metrics = Metrics()
    RequestMetrics(metrics).stages({"identify": 40, "decide": 400_000})
    found = scraped(metrics)
    assert found['sluice_stage_seconds_sum{stage="identify"}'] == 0.00004
    assert found['sluice_stage_seconds_bucket{le="5e-05",stage="identify"}'] == 1
    assert found['sluice_stage_seconds_bucket{le="0.25",stage="decide"}'] == 0
    assert found['sluice_stage_seconds_bucket{le="+Inf",stage="decide"}'] == 1


def test_a_decision_that_failed_is_timed_and_counted_and_the_count_begins_at_0() -> None:
    metrics = Metrics()
    requests = RequestMetrics(metrics)
    labels = '{engine="wasm",entrypoint="gateway/admission"}'
    requests.decision("wasm", "gateway/admission", 0.001, ok=True)
    assert scraped(metrics)[f"sluice_decision_errors_total{labels}"] == 0
    requests.decision("wasm", "gateway/admission", 0.001, ok=False)
    found = scraped(metrics)
    assert found[f"sluice_decision_seconds_count{labels}"] == 2
    assert found[f"sluice_decision_errors_total{labels}"] == 1


def test_however_many_rules_there_are_the_series_are_bounded_and_nothing_is_lost() -> None:
    metrics = Metrics()
    requests = RequestMetrics(metrics)
    for number in range(3 * SERIES):
        requests.request("refused", f"rule-{number}", "openai", 403)
    counts = [value for name, value in scraped(metrics).items() if "requests" in name]
    assert len(counts) == SERIES + 1
    assert sum(counts) == 3 * SERIES
