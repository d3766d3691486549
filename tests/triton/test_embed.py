"""The embedding model on a real Triton."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException

pytestmark = pytest.mark.slow

# Neither the questions nor their pairing are in the training text.
PARAPHRASES = [
    ("How do I get an API key for my team?", "I would like to have a key, who can give me one?"),
    ("What happens when OPA cannot be reached?", "the policy engine is down, what now"),
    ("Please explain what tokens are", "how is a text split into tokens?"),
    ("How does masking of personal data work?", "do you hide e-mail addresses in my prompts?"),
    ("Why was I refused with a 403?", "my request was not allowed"),
    ("What are embeddings?", "texts turned into vectors"),
    ("Hello there, friend", "hey, hello to you"),
    ("How do I make a cup of tea?", "tell me how tea is made"),
]


def embed(triton: Any, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    given = InferInput("text_input", [len(texts), 1], "BYTES")
    given.set_data_from_numpy(np.array([[text.encode()] for text in texts], np.object_))
    with InferenceServerClient(triton.http) as client:
        result = client.infer("embed", [given])
        return result.as_numpy("embedding"), result.as_numpy("prompt_tokens")


def test_a_batch_gives_one_unit_vector_a_text(triton: Any) -> None:
    vectors, tokens = embed(triton, ["one", "two words", "12345"])
    assert vectors.shape == (3, 256)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert tokens.shape == (3, 1)
    assert tokens[2, 0] == 5


def test_a_paraphrase_is_nearer_than_other_texts(triton: Any) -> None:
    first, _ = embed(triton, [pair[0] for pair in PARAPHRASES])
    second, _ = embed(triton, [pair[1] for pair in PARAPHRASES])
    likeness = first @ second.T
    own, others = np.diag(likeness), likeness[~np.eye(len(likeness), dtype=bool)]
    assert own.mean() > others.mean() + 0.5
    assert (own > likeness.mean(axis=1)).all()
    nearest = likeness.argmax(axis=1) == np.arange(len(likeness))
    assert nearest.sum() >= len(likeness) - 1


def test_a_text_has_the_same_vector_alone_and_in_company(triton: Any) -> None:
    alone, _ = embed(triton, ["a policy gateway"])
    company, _ = embed(triton, ["another, much longer text about tenants", "a policy gateway"])
    np.testing.assert_array_equal(alone[0], company[1])


@pytest.mark.parametrize("text", ["", "1" * 513])
def test_a_text_without_tokens_or_with_too_many_is_refused(triton: Any, text: str) -> None:
    with pytest.raises(InferenceServerException, match="between 1 and 512 tokens"):
        embed(triton, [text])
    assert embed(triton, ["a"])[0].shape == (1, 256)
