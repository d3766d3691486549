"""Train the embedding model: paraphrases of one fact lie near each other, other facts further."""

from __future__ import annotations

import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from corpus import TRITON, Corpus
from network import Shape, Weights, hidden_states, initial_weights, optimizer, save
from tokenizers import Tokenizer

SHAPE = Shape(vocabulary=2048, width=128, layers=2, heads=4, hidden=512, context=512)
DIMENSIONS = 256
LENGTH, BATCH = 40, 48
TEMPERATURE = 0.07


def embed(weights: Weights, tokens: jax.Array, present: jax.Array) -> jax.Array:
    """Unit vectors [batch, DIMENSIONS] of `tokens` [batch, length]; padding is not `present`."""
    states = hidden_states(weights, SHAPE, tokens, present[:, None, :].repeat(LENGTH, axis=1))
    mean = (states * present[..., None]).sum(1) / present.sum(1, keepdims=True)
    vectors = mean @ weights["project"]
    return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)


def loss(weights: Weights, tokens: jax.Array, present: jax.Array, facts: jax.Array) -> jax.Array:
    """InfoNCE both ways; another pair about the same fact is no counter-example."""
    first, second = jnp.split(embed(weights, tokens, present), 2)
    alike = (facts[:, None] == facts[None, :]) & ~jnp.eye(BATCH, dtype=bool)
    scores = jnp.where(alike, -1e9, first @ second.T / TEMPERATURE)
    own = jnp.arange(BATCH)
    forth = optax.softmax_cross_entropy_with_integer_labels(scores, own)
    back = optax.softmax_cross_entropy_with_integer_labels(scores.T, own)
    return (forth + back).mean() / 2


def batch(tokenizer: Tokenizer, corpus: Corpus) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens and presence [2 * BATCH, LENGTH], the first texts before the second; the facts."""
    pairs = [corpus.pair() for _ in range(BATCH)]
    texts = [pair[1] for pair in pairs] + [pair[2] for pair in pairs]
    tokens = np.zeros((2 * BATCH, LENGTH), np.int32)
    present = np.zeros((2 * BATCH, LENGTH), bool)
    for row, encoding in enumerate(tokenizer.encode_batch(texts)):
        ids = encoding.ids[:LENGTH]
        tokens[row, : len(ids)] = ids
        present[row, : len(ids)] = True
    return tokens, present, np.array([pair[0] for pair in pairs])


def main(steps: int) -> None:
    tokenizer = Tokenizer.from_file(str(TRITON / "models" / "chat" / "tokenizer.json"))
    corpus = Corpus(seed=4)
    weights = initial_weights(SHAPE, seed=5)
    scale = SHAPE.width**-0.5
    weights["project"] = scale * jax.random.normal(jax.random.key(6), (SHAPE.width, DIMENSIONS))
    rule = optimizer(2e-3, steps)
    state = rule.init(weights)

    @jax.jit
    def step(weights, state, tokens, present, facts):  # type: ignore[no-untyped-def]  # jax traces it
        value, gradient = jax.value_and_grad(loss)(weights, tokens, present, facts)
        updates, state = rule.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state, value

    for done in range(1, steps + 1):
        weights, state, value = step(weights, state, *batch(tokenizer, corpus))
        if done % 100 == 0:
            sys.stdout.write(f"{done} {value:.4f}\n")
            sys.stdout.flush()

    # Half precision on disk: nothing that the vectors' neighbourhoods would notice.
    save(TRITON / "models" / "embed" / "1" / "weights.npz", weights, SHAPE, np.float16)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1500)
