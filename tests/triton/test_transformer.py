"""The network as it is served: reading in pieces, and eight bits against thirty-two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sluice_triton.transformer import Transformer
from sluice_triton.vocabulary import Vocabulary

pytestmark = pytest.mark.slow

CHAT = Path(__file__).resolve().parents[2] / "triton" / "models" / "chat"


@pytest.fixture(scope="module")
def prompt() -> list[int]:
    vocabulary = Vocabulary(CHAT / "tokenizer.json")
    return vocabulary.encode("<|user|>What does a policy decide?<|end|><|assistant|>A policy")


@pytest.fixture(scope="module")
def full() -> Transformer:
    return Transformer(CHAT / "1" / "weights.npz")


def test_reading_token_by_token_equals_reading_at_once(
    full: Transformer, prompt: list[int]
) -> None:
    once = full.read(prompt, full.cache(len(prompt)))
    cache = full.cache(len(prompt))
    single = [full.read([token], cache)[0] for token in prompt]
    np.testing.assert_allclose(single, once, atol=1e-4)


def test_a_later_token_changes_no_earlier_state(full: Transformer, prompt: list[int]) -> None:
    whole = full.read(prompt, full.cache(len(prompt)))
    shorter = full.read(prompt[:-1], full.cache(len(prompt)))
    np.testing.assert_allclose(whole[:-1], shorter, atol=1e-4)


def test_a_copied_cache_goes_its_own_way(full: Transformer, prompt: list[int]) -> None:
    cache = full.cache(len(prompt) + 2)
    full.read(prompt, cache)
    other = cache.copy()
    full.read([100], cache)
    full.read([200], other)
    alone = full.cache(len(prompt) + 2)
    full.read(prompt, alone)
    full.read([100], alone)
    np.testing.assert_array_equal(full.read([101], cache), full.read([101], alone))


def test_eight_bits_predict_what_thirty_two_do(full: Transformer, prompt: list[int]) -> None:
    small = Transformer(CHAT / "2" / "weights.npz")
    exact, rounded = (net.read(prompt, net.cache(len(prompt))) for net in (full, small))
    cosine = (exact * rounded).sum(-1)
    cosine /= np.linalg.norm(exact, axis=-1) * np.linalg.norm(rounded, axis=-1)
    assert cosine.min() > 0.99


def test_the_files_are_as_small_as_they_are_meant_to_be() -> None:
    assert (CHAT / "1" / "weights.npz").stat().st_size < 5_000_000
    assert (CHAT / "2" / "weights.npz").stat().st_size < 1_500_000
