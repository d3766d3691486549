"""How the next token is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice_triton.parameters import Parameters
from sluice_triton.sampling import Sampler

pytestmark = pytest.mark.slow

LOGITS = np.array([0.0, 1.0, 3.0, 2.0, -np.inf], np.float32)


def choices(given: Parameters, count: int, index: int = 0) -> list[int]:
    sampler = Sampler(given, index)
    return [sampler.choose(LOGITS.copy()) for _ in range(count)]


def test_temperature_zero_takes_the_most_likely() -> None:
    assert set(choices(Parameters(temperature=0), 10)) == {2}


def test_a_tiny_temperature_takes_the_most_likely() -> None:
    assert set(choices(Parameters(temperature=1e-30), 10)) == {2}


def test_tokens_come_as_often_as_their_probability_says() -> None:
    drawn = np.bincount(choices(Parameters(seed=1), 4000), minlength=5) / 4000
    likely = np.exp(LOGITS) / np.exp(LOGITS).sum()
    np.testing.assert_allclose(drawn, likely, atol=0.03)


def test_top_p_keeps_the_fewest_tokens_that_reach_the_mass() -> None:
    # The probabilities are 0.03, 0.09, 0.64 and 0.24.
    assert set(choices(Parameters(seed=1, top_p=0.6), 200)) == {2}
    assert set(choices(Parameters(seed=1, top_p=0.7), 200)) == {2, 3}
    assert set(choices(Parameters(seed=1, top_p=0.9), 200)) == {1, 2, 3}


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 15))
def test_a_seed_repeats_itself(seed: int, index: int) -> None:
    given = Parameters(seed=seed)
    assert choices(given, 8, index) == choices(given, 8, index)


def test_completions_of_one_request_differ() -> None:
    assert choices(Parameters(seed=1), 20, index=0) != choices(Parameters(seed=1), 20, index=1)


def test_presence_counts_once_and_frequency_each_time() -> None:
    # Token 2 leads token 3 by 1: one presence penalty of 1.5 puts it behind, 3 then falls too.
    assert choices(Parameters(temperature=0, presence_penalty=1.5), 4) == [2, 3, 2, 2]
    assert choices(Parameters(temperature=0, frequency_penalty=0.6), 4) == [2, 2, 3, 2]
