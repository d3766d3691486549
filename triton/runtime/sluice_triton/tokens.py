"""The token classification model: texts in, the spans of names out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from sluice_triton.parameters import RequestError, decode
from sluice_triton.tagger import Tagger


class TritonPythonModel:
    """The interface Triton's stub calls; the tensors are those of the model's signature.yaml."""

    def initialize(self, args: dict[str, str]) -> None:
        version = Path(args["model_repository"]) / args["model_version"]
        self._tagger = Tagger(version / "weights.npz")

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response a request, with as many rows as its `TEXT` [n, 1]."""
        return [self._respond(request) for request in requests]

    def _respond(self, request: Any) -> Any:
        texts = pb_utils.get_input_tensor_by_name(request, "TEXT").as_numpy()
        try:
            found = [self._tagger.tag(decode(text, "TEXT")) for text in texts.reshape(-1)]
        except RequestError as error:
            failure = pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse(error=failure)
        rows = [[json.dumps([span._asdict() for span in spans]).encode()] for spans in found]
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("SPANS", np.array(rows, np.object_).reshape(-1, 1))]
        )
