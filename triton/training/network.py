"""The transformer of the demo models in jax, for training; `sluice_triton.transformer` serves it.

Pre-norm blocks (RMSNorm, rotary attention, squared-ReLU MLP), no biases, tied embedding.
A layer's matrices are stacked along a first axis, so that jax compiles one layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

Weights = dict[str, jax.Array]


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a network; `context` is the longest text in tokens."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int
    context: int


def initial_weights(shape: Shape, seed: int) -> Weights:
    keys = iter(jax.random.split(jax.random.key(seed), 5))
    depth, width, hidden = shape.layers, shape.width, shape.hidden

    def normal(*dims: int, scale: float) -> jax.Array:
        return scale * jax.random.normal(next(keys), dims, jnp.float32)

    residual = width**-0.5 / (2 * depth) ** 0.5
    return {
        "embedding": normal(shape.vocabulary, width, scale=0.02),
        "attention_norm": jnp.ones((depth, width)),
        "qkv": normal(depth, width, 3 * width, scale=width**-0.5),
        "out": normal(depth, width, width, scale=residual),
        "mlp_norm": jnp.ones((depth, width)),
        "up": normal(depth, width, hidden, scale=width**-0.5),
        "down": normal(depth, hidden, width, scale=hidden**-0.5 / (2 * depth) ** 0.5),
        "final_norm": jnp.ones((width,)),
    }


def norm(x: jax.Array, gain: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-6) * gain


def rotate(x: jax.Array) -> jax.Array:
    """Rotary positions over `x` [batch, tokens, heads, head width]; halves pair up."""
    tokens, half = x.shape[1], x.shape[-1] // 2
    angles = jnp.outer(jnp.arange(tokens), 10000.0 ** (-jnp.arange(half) / half))
    cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]
    a, b = x[..., :half], x[..., half:]
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def hidden_states(
    weights: Weights, shape: Shape, tokens: jax.Array, visible: jax.Array
) -> jax.Array:
    """Run `tokens` [batch, length]; `visible` [batch, length, length] is True where attended."""
    batch, length = tokens.shape
    head_width = shape.width // shape.heads

    def layer(x: jax.Array, w: Weights) -> tuple[jax.Array, None]:
        qkv = norm(x, w["attention_norm"]) @ w["qkv"]
        q, k, v = jnp.split(qkv.reshape(batch, length, 3 * shape.heads, head_width), 3, axis=2)
        scores = jnp.einsum("bqhd,bkhd->bhqk", rotate(q), rotate(k)) * head_width**-0.5
        scores = jnp.where(visible[:, None], scores, -1e9)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), v)
        x = x + mixed.reshape(batch, length, shape.width) @ w["out"]
        x = x + jnp.square(jax.nn.relu(norm(x, w["mlp_norm"]) @ w["up"])) @ w["down"]
        return x, None

    layers = {k: v for k, v in weights.items() if k not in ("embedding", "final_norm", "project")}
    x, _ = jax.lax.scan(layer, weights["embedding"][tokens], layers)
    return norm(x, weights["final_norm"])


def optimizer(peak: float, steps: int) -> optax.GradientTransformation:
    """AdamW with warm-up and a linear fall to zero."""
    schedule = optax.join_schedules(
        [optax.linear_schedule(0, peak, steps // 20), optax.linear_schedule(peak, 0, steps)],
        [steps // 20],
    )
    return optax.chain(
        optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.98, weight_decay=0.02)
    )


def save(path: Path, weights: Weights, shape: Shape, dtype: type[np.generic]) -> None:
    """Write weights and sizes to an .npz that loads without pickle."""
    arrays = {name: np.asarray(array, dtype) for name, array in weights.items()}
    np.savez(path, heads=np.int32(shape.heads), context=np.int32(shape.context), **arrays)
