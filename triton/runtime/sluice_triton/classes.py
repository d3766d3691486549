"""The text classification model: texts in, the scores of labels out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from sluice_triton.grams import Scorer
from sluice_triton.parameters import RequestError, decode


class TritonPythonModel:
    """The interface Triton's stub calls; the tensors are those of the model's signature.yaml."""

    def initialize(self, args: dict[str, str]) -> None:
        version = Path(args["model_repository"]) / args["model_version"]
        self._scorer = Scorer(version / "weights.npz")

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response a request, with as many rows as its `TEXT` [n, 1]."""
        return [self._respond(request) for request in requests]

    def _respond(self, request: Any) -> Any:
        texts = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy().reshape(-1)
        try:
            scores = np.stack([self._scorer.score(decode(text, "TEXT")) for text in texts])
        except RequestError as error:
            failure = pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse(error=failure)
        labels = [label.encode() for label in self._scorer.labels]
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("LABELS", np.array([labels] * len(texts), np.object_)),
                pb_utils.Tensor("SCORES", scores.astype(np.float32)),
            ]
        )
