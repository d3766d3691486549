"""A request between a client's codec and a backend, as the pipeline puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extauth.backends import check_capabilities
from extauth.backends.openai import OpenAIBackend
from extauth.backends.triton import TritonBackend
from extauth.settings import Model, Price

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from extauth.backends import Backend, UpstreamRequest
    from extauth.clients import Codec
    from extauth.tokens import LanguageModel
    from extauth.types import Delta, Usage
    from extauth.types.call import Call

TRITON = TritonBackend(external=False)
OPENAI = OpenAIBackend("https://api.example.com")


def settings(name: str = "chat", **fields: Any) -> Model:
    """A model's settings, with these in place of what most have."""
    common: dict[str, Any] = {
        "name": name,
        "backend": "triton",
        "task": "chat",
        "versions": ("1",),
        "aliases": {},
        "default": "1",
        "context_length": 512,
        "price": Price(),
        "region": "eu",
        "tokenizer": None,
    }
    return Model(**{**common, **fields})


def check(call: Call, backend: Backend = TRITON, **fields: Any) -> None:
    """Raise InvalidRequest for what a backend can't do for a model with these settings."""
    model = settings(**fields)
    check_capabilities(call, backend.capabilities(model), model.name)


def sent(
    call: Call,
    model: LanguageModel,
    max_tokens: int | None = None,
    *,
    version: str = "1",
    backend: Backend = TRITON,
    prompts: Sequence[str] | None = None,
) -> UpstreamRequest:
    """What the backend is sent; its prompts are the model's own unless given."""
    if prompts is None:
        prompts = model.prompts(call)
    return backend.request(call, model.settings, version, prompts, max_tokens)


class Served:
    """The answer to one request: the backend's reader in front of the client's writer."""

    def __init__(self, codec: Codec, backend: Backend = TRITON, label: str = "chat@2") -> None:
        self.reader = backend.reader(codec.call)
        self.writer = codec.writer(model_label=label, request_id="r1", created=1700000000)
        self.start = self.reader.start
        self.decode = self.reader.decode
        self.encode = self.writer.encode
        self.error = self.writer.error

    def finish(self, usage: Usage) -> bytes:
        """What is left, once the backend has nothing more to tell."""
        self.reader.finish()
        return self.writer.finish(usage)

    def whole(self, answer: bytes, usage: Usage, headers: Mapping[str, str] | None = None) -> bytes:
        """The client's answer to a backend's that came at once."""
        self.start(200, headers or {})
        return self.encode(self.decode(answer, end=True)) + self.finish(usage)

    def deltas(self, *chunks: bytes) -> list[Delta]:
        """All that the backend says in these chunks, the last one included."""
        found = [delta for chunk in chunks for delta in self.decode(chunk, end=False)]
        return found + self.decode(b"", end=True)
