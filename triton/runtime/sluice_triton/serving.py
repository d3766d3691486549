"""A completion model in Triton's Python backend: requests in, decoupled responses out.

Tensors are those of the model's signature.yaml. A request that does not stream gets one response
with `n` elements in each output; one that streams gets a response a delta, one element each.
"""

from __future__ import annotations

import json
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from sluice_triton.completion import Completion, Delta
from sluice_triton.parameters import Parameters, RequestError, decode, read
from sluice_triton.scheduler import Scheduler, Work
from sluice_triton.vocabulary import Vocabulary

# More than this wait in Triton's own queue, where its pending count and its timeouts see them.
_ACTIVE_REQUESTS = 16
# Asking Triton whether a request was cancelled takes some 50 us, so not before each token.
_STEPS_PER_CANCEL_CHECK = 8


class CompletionModel(ABC):
    """The interface Triton's stub calls; a subclass supplies the tokens."""

    context: int
    """Tokens that prompt and completion may have together."""

    vocabulary: Vocabulary

    def initialize(self, args: dict[str, str]) -> None:
        model = Path(args["model_repository"])
        self.vocabulary = Vocabulary(model / "tokenizer.json")
        self.load(model / args["model_version"])
        inputs = json.loads(args["model_config"])["input"]
        self._inputs = tuple(tensor["name"] for tensor in inputs)
        self._scheduler = Scheduler(_ACTIVE_REQUESTS, _log)

    @abstractmethod
    def load(self, version: Path) -> None:
        """Read what the version folder holds and set `context`."""

    @abstractmethod
    def start(self, text: str, prompt: Sequence[int], given: Parameters) -> list[Iterator[int]]:
        """`given.n` iterators over generated tokens; the first `next` begins to compute."""

    def execute(self, requests: list[Any]) -> None:
        """Accept requests; answers follow through their response senders."""
        for request in requests:
            tensors = {}
            for name in self._inputs:
                tensor = pb_utils.get_input_tensor_by_name(request, name)
                if tensor is not None:
                    tensors[name] = tensor.as_numpy()
            self._scheduler.submit(self._answer(tensors, request.get_response_sender()))

    def finalize(self) -> None:
        """Called at unload: requests already accepted are still answered."""
        self._scheduler.close()

    def _answer(self, tensors: dict[str, NDArray[Any]], sender: Any) -> Work:
        try:
            yield from self._complete(tensors, sender)
        except RequestError as error:
            _fail(sender, str(error), pb_utils.TritonError.INVALID_ARG)
        except Exception as error:
            _log(error)
            _fail(sender, "the model failed", pb_utils.TritonError.INTERNAL)

    def _complete(self, tensors: dict[str, NDArray[Any]], sender: Any) -> Work:
        given = read(tensors)
        text = decode(tensors["text_input"].item(), "text_input")
        prompt = self.vocabulary.encode(text)
        room = self.context - len(prompt)
        if not prompt:
            raise RequestError("text_input is empty")
        if room < 1:
            raise RequestError(
                f"the prompt has {len(prompt)} tokens and leaves no room for an answer: "
                f"the context holds {self.context}"
            )
        limit = min(given.max_tokens or room, room)
        active = {
            index: Completion(tokens, self.vocabulary, given.stop, limit)
            for index, tokens in enumerate(self.start(text, prompt, given))
        }
        whole = [Delta("", 0, "")] * given.n
        steps = 0
        while active:
            for index in tuple(active):
                if steps % _STEPS_PER_CANCEL_CHECK == 0 and sender.is_cancelled():
                    _fail(sender, "the request was cancelled", pb_utils.TritonError.CANCELLED)
                    return
                steps += 1
                delta = active[index].step()
                if delta.finish_reason:
                    del active[index]
                if given.stream and (delta.text or delta.finish_reason):
                    _send(sender, [delta], [index], len(prompt), final=not active)
                elif not given.stream:
                    joined = whole[index].text + delta.text
                    whole[index] = Delta(joined, delta.tokens, delta.finish_reason)
                yield
        if not given.stream:
            _send(sender, whole, range(given.n), len(prompt), final=True)


def _log(error: Exception) -> None:
    """Name the place of a failure; the message itself could quote a prompt."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    pb_utils.Logger.log_error(f"{type(error).__name__} at {place.filename}:{place.lineno}")


def _send(
    sender: Any, deltas: Sequence[Delta], indices: Sequence[int], prompt: int, *, final: bool
) -> None:
    outputs = {
        "text_output": np.array([delta.text.encode() for delta in deltas], np.object_),
        "finish_reason": np.array([delta.finish_reason.encode() for delta in deltas], np.object_),
        "index": np.array(indices, np.int32),
        "completion_tokens": np.array([delta.tokens for delta in deltas], np.int32),
        "prompt_tokens": np.array([prompt], np.int32),
    }
    response = pb_utils.InferenceResponse([pb_utils.Tensor(*item) for item in outputs.items()])
    sender.send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if final else 0)


def _fail(sender: Any, message: str, code: Any) -> None:
    response = pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))
    sender.send(response, flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
