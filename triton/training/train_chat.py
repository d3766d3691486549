"""Train the chat model and write both versions: float32 weights, and the same in eight bits."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
from corpus import END_OF_TEXT, TRITON, Corpus
from network import Shape, Weights, hidden_states, initial_weights, optimizer, save
from quantise import quantise
from skills import DRILLS
from tokenizers import Tokenizer

MODEL = TRITON / "models" / "chat"
SHAPE = Shape(vocabulary=2048, width=128, layers=4, heads=4, hidden=512, context=1024)
# Row length, rows and steps. Short rows are cheap and teach nearly everything; long rows teach the
# rest of the context.
LESSONS = ((256, 8, 2040), (1024, 2, 360))
EXERCISES = ((256, 8, 800),)

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


def loss_weights(tokens: list[int], answer: int, end: int, last: int) -> list[float]:
    """What each token of a document counts: little in a dialogue, but for the assistant's words."""
    speaking = prose = tokens[0] > end
    weights: list[float] = []
    for token in tokens:
        weights.append(1.0 if speaking or token == last else 0.05)
        speaking = prose or token == answer or (speaking and token != end)
    return weights


def batches(tokenizer: Tokenizer, corpus: Corpus, length: int, rows: int) -> Iterator[Batch]:
    """Rows of packed documents: tokens, the document each belongs to, the loss weight of each.

    In long rows, neighbouring documents count as one, so that attention learns the distance.
    """
    answer, end, last = (
        tokenizer.token_to_id(text) for text in ("<|assistant|>", "<|end|>", END_OF_TEXT)
    )
    tokens: list[int] = []
    documents: list[int] = []
    weights: list[float] = []
    shape, count = (rows, length + 1), rows * (length + 1)
    document = 0
    while True:
        while len(tokens) < count:
            document += 1
            ids = tokenizer.encode(corpus.document()).ids
            tokens += ids
            documents += [document if length <= 256 else document // 8] * len(ids)
            weights += loss_weights(ids, answer, end, last)
        yield (
            np.array(tokens[:count], np.int32).reshape(shape),
            np.array(documents[:count], np.int32).reshape(shape),
            np.array(weights[:count], np.float32).reshape(shape),
        )
        del tokens[:count], documents[:count], weights[:count]


def loss(weights: Weights, tokens: jax.Array, documents: jax.Array, counts: jax.Array) -> jax.Array:
    inputs, targets, owner = tokens[:, :-1], tokens[:, 1:], documents[:, :-1]
    causal = jnp.tril(jnp.ones((inputs.shape[1],) * 2, bool))
    visible = causal & (owner[:, :, None] == owner[:, None, :])
    logits = hidden_states(weights, SHAPE, inputs, visible) @ weights["embedding"].T
    each = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    # What follows a document's end belongs to another one and cannot be predicted.
    counted = counts[:, 1:] * (owner == documents[:, 1:])
    return (each * counted).sum() / counted.sum()


def train(
    weights: Weights,
    tokenizer: Tokenizer,
    corpus: Corpus,
    phases: Sequence[tuple[int, int, int]],
    peak: float,
) -> Weights:
    """Improve `weights` over all `phases` under one learning rate schedule."""
    rule = optimizer(peak, sum(steps for _, _, steps in phases))
    state = rule.init(weights)

    @jax.jit
    def step(weights, state, tokens, documents, counts):  # type: ignore[no-untyped-def]  # jax traces it
        value, gradient = jax.value_and_grad(loss)(weights, tokens, documents, counts)
        updates, state = rule.update(gradient, state, weights)
        return optax.apply_updates(weights, updates), state, value

    for length, rows, steps in phases:
        feed = batches(tokenizer, corpus, length, rows)
        for done in range(1, steps + 1):
            weights, state, value = step(weights, state, *next(feed))
            if done % 50 == 0:
                sys.stdout.write(f"rows of {length}, step {done}: {value:.4f}\n")
                sys.stdout.flush()
    return weights


def main() -> None:
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    weights = initial_weights(SHAPE, seed=3)
    weights = train(weights, tokenizer, Corpus(seed=2), LESSONS, peak=3e-3)
    weights = train(weights, tokenizer, Corpus(7, DRILLS, share=0.75), EXERCISES, peak=1.5e-3)
    save(MODEL / "1" / "weights.npz", weights, SHAPE, np.float32)
    quantise(MODEL / "1" / "weights.npz", MODEL / "2" / "weights.npz")


if __name__ == "__main__":
    main()
