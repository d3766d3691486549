"""The small transformer of chat and embed in numpy; `training/network.py` is its twin in jax.

Pre-norm blocks (RMSNorm, rotary attention, squared-ReLU MLP), no biases, tied embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(slots=True)
class Cache:
    """Keys and values of the tokens read so far, each [layers, heads, capacity, head width]."""

    keys: Floats
    values: Floats
    length: int = 0

    def copy(self) -> Cache:
        return Cache(self.keys.copy(), self.values.copy(), self.length)


class Transformer:
    """Weights from an .npz, float32 or int8 with scales; computing is float32 either way.

    Safe to share between threads: all changing state is in the Cache.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: _dequantised(stored, name) for name in stored if "." not in name}
        self.heads = int(arrays.pop("heads"))
        self.context = int(arrays.pop("context"))
        self.embedding = arrays["embedding"]
        self.final_norm = arrays["final_norm"]
        self.project = arrays.get("project")
        names = ("attention_norm", "qkv", "out", "mlp_norm", "up", "down")
        self._layers = list(zip(*(arrays[name] for name in names), strict=True))
        self._head_width = self.embedding.shape[1] // self.heads
        half = self._head_width // 2
        angles = np.outer(np.arange(self.context), 10000.0 ** (-np.arange(half) / half))
        self._cos = np.cos(angles).astype(np.float32)
        self._sin = np.sin(angles).astype(np.float32)

    def cache(self, capacity: int) -> Cache:
        """Room for `capacity` tokens, at most `context`."""
        shape = (len(self._layers), self.heads, capacity, self._head_width)
        return Cache(np.empty(shape, np.float32), np.empty(shape, np.float32))

    def read(self, tokens: list[int], cache: Cache, *, causal: bool = True) -> Floats:
        """Append `tokens` to `cache`; returns their final states [tokens, width]."""
        start, end = cache.length, cache.length + len(tokens)
        cos, sin = self._cos[start:end], self._sin[start:end]
        hidden = np.triu(np.full((len(tokens), end), -np.inf, np.float32), k=start + 1)
        x = self.embedding[tokens]
        for layer, (attention_norm, qkv, out, mlp_norm, up, down) in enumerate(self._layers):
            heads = (_norm(x, attention_norm) @ qkv).reshape(len(tokens), -1, self._head_width)
            query, key, value = heads.transpose(1, 0, 2).reshape(3, self.heads, len(tokens), -1)
            cache.keys[layer, :, start:end] = _rotate(key, cos, sin)
            cache.values[layer, :, start:end] = value
            scores = _rotate(query, cos, sin) @ cache.keys[layer, :, :end].transpose(0, 2, 1)
            scores *= self._head_width**-0.5
            if causal and len(tokens) > 1:
                scores += hidden
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            mixed = scores @ cache.values[layer, :, :end]
            x = x + mixed.transpose(1, 0, 2).reshape(len(tokens), -1) @ out
            wide = np.maximum(_norm(x, mlp_norm) @ up, 0)
            x = x + np.square(wide, out=wide) @ down
        cache.length = end
        return _norm(x, self.final_norm)

    def logits(self, state: Floats) -> Floats:
        """The next token's logits [vocabulary] after a final state [width]."""
        result: Floats = self.embedding @ state
        return result


def _dequantised(stored: np.lib.npyio.NpzFile, name: str) -> Floats:
    array: Floats = stored[name]
    if array.ndim == 0:
        return array
    scale = f"{name}.scale"
    return array.astype(np.float32) * stored[scale] if scale in stored else array.astype(np.float32)


def _norm(x: Floats, gain: Floats) -> Floats:
    result: Floats = x * (gain / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(1e-6)))
    return result


def _rotate(x: Floats, cos: Floats, sin: Floats) -> Floats:
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)
