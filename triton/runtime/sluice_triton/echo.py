"""The echo model: it answers with the last user turn, so that a test knows what to expect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sluice_triton.parameters import Parameters
from sluice_triton.serving import CompletionModel

_CONTEXT = 8192
_USER, _END = "<|user|>", "<|end|>"
# How chat_template.jinja writes "<|" inside a turn.
_ESCAPED, _PLAIN = "<\u200b|", "<|"


def last_user_turn(prompt: str) -> str:
    """The content of the last user turn of a rendered chat, or `prompt` itself if there is none."""
    _, user, turn = prompt.rpartition(_USER)
    return turn.partition(_END)[0].replace(_ESCAPED, _PLAIN) if user else prompt


class TritonPythonModel(CompletionModel):
    """Honours max_tokens, stop, stream and n; there is nothing to sample."""

    context = _CONTEXT

    def load(self, version: Path) -> None:
        """No weights."""

    def start(self, text: str, prompt: Sequence[int], given: Parameters) -> list[Iterator[int]]:
        answer = self.vocabulary.encode(last_user_turn(text))
        return [iter(answer) for _ in range(given.n)]
