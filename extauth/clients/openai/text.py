"""The codec that chats and completions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

import msgspec

from extauth.types.call import Chat, Completion

if TYPE_CHECKING:
    from extauth.clients.codec import AnswerWriter
    from extauth.clients.openai.answers import TextAnswer
    from extauth.clients.openai.chunks import TextChunks

C = TypeVar("C", Chat, Completion)


class TextCodec(msgspec.Struct, Generic[C], frozen=True):
    """A request for text. `include_usage` asks a stream to end with its usage.

    Answers have an id that begins with `prefix`, and come at once as a `whole` or as a `stream`.
    """

    prefix: ClassVar[str]
    whole: ClassVar[type[TextAnswer]]
    stream: ClassVar[type[TextChunks]]

    call: C
    include_usage: bool

    def writer(self, *, model_label: str, request_id: str, created: int) -> AnswerWriter:
        """Return the writer of the answer. See `Codec`."""
        answer_id = f"{self.prefix}-{request_id}"
        parameters = self.call.parameters
        if parameters.stream:
            return self.stream(
                answer_id,
                model_label,
                created,
                choices=parameters.n,
                include_usage=self.include_usage,
            )
        return self.whole(answer_id, model_label, created, choices=parameters.n)
