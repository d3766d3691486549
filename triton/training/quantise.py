"""Store a network's matrices as int8 with one float32 scale an output channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The embedding's rows are output channels of the tied head; a matrix's are its columns.
_AXES = {"embedding": 1, "qkv": 1, "out": 1, "up": 1, "down": 1}


def quantise(source: Path, target: Path) -> None:
    """Read the float32 .npz at `source` and write the int8 one to `target`."""
    arrays: dict[str, NDArray[Any]] = {}
    with np.load(source, allow_pickle=False) as weights:
        for name, array in weights.items():
            if name not in _AXES:
                arrays[name] = array
                continue
            scale = np.abs(array).max(axis=_AXES[name], keepdims=True) / np.float32(127)
            arrays[name] = np.rint(array / scale).astype(np.int8)
            arrays[f"{name}.scale"] = scale
    np.savez(target, **arrays)
