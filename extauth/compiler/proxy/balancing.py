"""Envoy's balancing of several workers: it shares the work, and goes round dead ones.

Nothing of it lets a request through: one that no worker answers is refused.
"""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster.v3 import OutlierDetection
from envoy_data_plane.envoy.config.core.v3 import (
    BackoffStrategy,
    RetryPolicy,
    RetryPolicyRetryHostPredicate,
)
from envoy_data_plane.envoy.config.route.v3 import RetryPolicy as RouteRetryPolicy
from envoy_data_plane.envoy.config.route.v3 import (
    RetryPolicyRetryBackOff,
)
from envoy_data_plane.envoy.config.route.v3 import (
    RetryPolicyRetryHostPredicate as RouteRetryHostPredicate,
)
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts.v3 import PreviousHostsPredicate
from envoy_data_plane.google.protobuf import Any

_EJECTED = timedelta(seconds=1)
_PAUSE = timedelta(milliseconds=1)
# Only what never reached a worker: nothing is counted twice.
_UNREACHED = "connect-failure"
_RETRIES = 3
# Envoy picks at random again and again, and in the end takes one that it has tried before.
_PICKS = 32
_OTHERS = "envoy.retry_host_predicates.previous_hosts"

DEAD = OutlierDetection(
    interval=_EJECTED,
    base_ejection_time=_EJECTED,
    max_ejection_time=_EJECTED,
    max_ejection_percent=100,
    split_external_local_origin_errors=True,
    consecutive_local_origin_failure=1,
    enforcing_consecutive_local_origin_failure=100,
    enforcing_local_origin_success_rate=0,
    # What a worker answers is its own business.
    enforcing_consecutive_5xx=0,
    enforcing_consecutive_gateway_failure=0,
    enforcing_success_rate=0,
)
"""A worker that can't be connected to is left out for a second. With all of them out Envoy tries
any."""


def stream_retries() -> RetryPolicy:
    """For calls of the service: another worker, where one can't be connected to."""
    return RetryPolicy(
        retry_on=_UNREACHED,
        num_retries=_RETRIES,
        retry_back_off=BackoffStrategy(base_interval=_PAUSE),
        retry_host_predicate=[RetryPolicyRetryHostPredicate(name=_OTHERS, typed_config=_others())],
        host_selection_retry_max_attempts=_PICKS,
    )


def route_retries() -> RouteRetryPolicy:
    """The same for requests to the portal."""
    return RouteRetryPolicy(
        retry_on=_UNREACHED,
        num_retries=_RETRIES,
        retry_back_off=RetryPolicyRetryBackOff(base_interval=_PAUSE),
        retry_host_predicate=[RouteRetryHostPredicate(name=_OTHERS, typed_config=_others())],
        host_selection_retry_max_attempts=_PICKS,
    )


def _others() -> Any:
    return Any.pack(PreviousHostsPredicate())
