"""The load in Triton's Prometheus metrics: the few series that matter, parsed.

https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/metrics.html
names them. The format is Prometheus's text format 0.0.4.
"""

from __future__ import annotations

import re
from collections import defaultdict
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_PENDING = b"inference_pending_request_count"
_QUEUE = b"inference_queue_duration_us"
_DONE = b"inference_request_success"
_GPU = b"gpu_utilization"

# prometheus_client's own parser takes a dozen times as long.
_SERIES = re.compile(
    rb"^nv_(%s)\{((?:[^\"}\n]|\"(?:[^\"\\\n]|\\.)*+\")*+)\} (\S++)"
    % b"|".join((_PENDING, _QUEUE, _DONE, _GPU)),
    re.MULTILINE,
)
_LABEL = re.compile(rb"([a-z_]++)=\"((?:[^\"\\]|\\.)*+)\"", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")


class Totals(NamedTuple):
    """Totals since a version was loaded: microseconds spent in the queue, and number of requests.

    Only requests that were answered with success are counted.
    """

    queue_us: float
    requests: float


class LoadSample(NamedTuple):
    """The load in one answer of Triton's metrics endpoint.

    `pending` is the number of requests in the queue by model, over all of its versions; `totals`
    are by model and version. `gpu` is the mean utilisation of the server's GPUs, 0 to 1, None
    without a GPU.
    """

    pending: Mapping[str, int]
    totals: Mapping[tuple[str, str], Totals]
    gpu: float | None


def parse(text: bytes) -> LoadSample:
    """Parse the known series and ignore everything else. Takes some 10 ms a megabyte. Pure."""
    pending: dict[str, float] = defaultdict(float)
    queue: dict[tuple[str, str], float] = defaultdict(float)
    done: dict[tuple[str, str], float] = defaultdict(float)
    gpus: list[float] = []
    for series in _SERIES.finditer(text):
        name, labels, written = series.groups()
        try:
            value = float(written)
        except ValueError:
            continue
        # NaN and infinity are not readings.
        if not isfinite(value):
            continue
        if name == _GPU:
            gpus.append(value)
            continue
        named = {key: _unescaped(found) for key, found in _LABEL.findall(labels)}
        key = named.get(b"model", ""), named.get(b"version", "")
        # A model that runs on several GPUs has a series for each.
        if name == _PENDING:
            pending[key[0]] += value
        elif name == _QUEUE:
            queue[key] += value
        else:
            done[key] += value
    return LoadSample(
        {model: round(count) for model, count in pending.items()},
        {key: Totals(queue[key], done[key]) for key in queue.keys() & done.keys()},
        sum(gpus) / len(gpus) if gpus else None,
    )


def _unescaped(value: bytes) -> str:
    text = value.decode(errors="replace")
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text)
