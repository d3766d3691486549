"""The embedding model: a text becomes a unit vector, near those of texts that mean the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from sluice_triton.parameters import RequestError, decode
from sluice_triton.transformer import Floats, Transformer
from sluice_triton.vocabulary import Vocabulary


class Encoder:
    """Mean of the final states, projected, of length one."""

    def __init__(self, path: Path) -> None:
        self._network = Transformer(path)

    def encode(self, tokens: list[int]) -> Floats:
        """The embedding [256] of `tokens`; raises RequestError when there are none or too many."""
        if not 0 < len(tokens) <= self._network.context:
            raise RequestError(
                f"a text must have between 1 and {self._network.context} tokens, not {len(tokens)}"
            )
        states = self._network.read(tokens, self._network.cache(len(tokens)), causal=False)
        vector = states.mean(axis=0) @ self._network.project
        unit: Floats = vector / np.linalg.norm(vector)
        return unit


class TritonPythonModel:
    """The interface Triton's stub calls. Texts are encoded one by one: batching changes no bit."""

    def initialize(self, args: dict[str, str]) -> None:
        model = Path(args["model_repository"])
        self._vocabulary = Vocabulary(model / "tokenizer.json")
        self._encoder = Encoder(model / args["model_version"] / "weights.npz")

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response a request, with as many rows as its `text_input` [k, 1]."""
        return [self._respond(request) for request in requests]

    def _respond(self, request: Any) -> Any:
        texts = pb_utils.get_input_tensor_by_name(request, "text_input").as_numpy()
        try:
            rows = [self._vocabulary.encode(decode(text, "text_input")) for text in texts[:, 0]]
            vectors = np.stack([self._encoder.encode(tokens) for tokens in rows])
        except RequestError as error:
            failure = pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse(error=failure)
        counts = np.array([[len(tokens)] for tokens in rows], np.int32)
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("embedding", vectors.astype(np.float32)),
                pb_utils.Tensor("prompt_tokens", counts),
            ]
        )
