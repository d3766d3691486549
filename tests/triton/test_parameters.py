"""Which parameters a completion model takes, and how it refuses the others."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sluice_triton.parameters import MOST_COMPLETIONS, Parameters, RequestError, read

pytestmark = pytest.mark.slow


def test_absent_tensors_mean_the_defaults() -> None:
    assert read({}) == Parameters(
        stream=False,
        max_tokens=None,
        temperature=1.0,
        top_p=1.0,
        n=1,
        stop=(),
        seed=None,
        presence_penalty=0.0,
        frequency_penalty=0.0,
    )


def test_tensors_are_read_as_plain_values() -> None:
    given = read(
        {
            "text_input": np.array([b"not a parameter"], np.object_),
            "stream": np.array([True]),
            "max_tokens": np.array([7], np.int32),
            "temperature": np.array([0.5], np.float32),
            "stop": np.array(["ä".encode(), b"\n"], np.object_),
            "seed": np.array([-1], np.int64),
        }
    )
    assert given == Parameters(
        stream=True, max_tokens=7, temperature=0.5, stop=("ä", "\n"), seed=-1
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 0),
        ("temperature", -0.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_p", math.nan),
        ("n", 0),
        ("n", MOST_COMPLETIONS + 1),
        ("presence_penalty", math.inf),
        ("frequency_penalty", math.nan),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(RequestError, match=name):
        read({name: np.array([value])})


@pytest.mark.parametrize(("stop", "says"), [(b"", "empty"), (b"\xff", "UTF-8")])
def test_a_stop_string_must_be_text(stop: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        read({"stop": np.array([stop], np.object_)})
