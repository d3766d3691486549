"""A client of a text model on Triton: KServe's protocol v2 over HTTP, as JSON.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from extauth.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.content.detectors.connections import Connections

BATCH = 32
"""Texts in one request at most; the model must accept that many."""

TEXT = "TEXT"


class OutputTensor(msgspec.Struct, frozen=True):
    """An output tensor; `data` is flat, in row-major order."""

    name: str
    shape: list[int]
    data: list[str | float]


class _InferResponse(msgspec.Struct, frozen=True):
    outputs: list[OutputTensor]


_decode = msgspec.json.Decoder(_InferResponse).decode


class TextModel:
    """A model with the input `TEXT`, BYTES [n, 1]."""

    def __init__(
        self,
        connections: Connections,
        *,
        url: str,
        model: str,
        version: str | None,
        outputs: Sequence[str],
    ) -> None:
        versions = f"/versions/{version}" if version else ""
        self._url = f"{url.rstrip('/')}/v2/models/{model}{versions}/infer"
        self._connections = connections
        self._names = tuple(outputs)
        self._outputs = [{"name": name} for name in outputs]

    async def infer(self, texts: Sequence[str]) -> list[OutputTensor]:
        """Return the outputs for at most `BATCH` texts, in the order of `outputs`.

        Raises BackendUnavailable and BackendError.
        """
        tensor = {"name": TEXT, "shape": [len(texts), 1], "datatype": "BYTES", "data": texts}
        body = msgspec.json.encode({"inputs": [tensor], "outputs": self._outputs})
        answer = await self._connections.post(self._url, body)
        try:
            outputs = {tensor.name: tensor for tensor in _decode(answer).outputs}
            return [outputs[name] for name in self._names]
        except (msgspec.DecodeError, KeyError):
            # The decoder's message can quote the answer, and so a text.
            raise BackendError(f"its answer lacks {' or '.join(self._names)}") from None
