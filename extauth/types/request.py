"""A request as its head and path describe it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Operation(StrEnum):
    """The operation that the client asks for, by the name of the API it called."""

    CHAT = "chat.completions"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MODELS_LIST = "models.list"
    MODELS_RETRIEVE = "models.retrieve"
    USAGE = "usage"
    INFER = "infer"
    GENERATE = "generate"
    GENERATE_STREAM = "generate_stream"
    MODEL_READY = "model.ready"
    MODEL_METADATA = "model.metadata"
    SERVER_LIVE = "server.live"
    SERVER_READY = "server.ready"
    SERVER_METADATA = "server.metadata"


class Api(StrEnum):
    """The API whose shapes the client speaks. Errors are answered in the same shapes."""

    OPENAI = "openai"
    KSERVE = "kserve"


class RequestHead(msgspec.Struct, frozen=True):
    """A request before its body, as Envoy saw it. Header names are in lower case.

    `path` is normalised by Envoy and has no query. `source_ip` is the peer's address as Envoy
    trusts it. `jwt_claims` are claims that Envoy's jwt_authn verified, else None. `repeated` names
    a header that occurs twice and may occur only once.
    """

    request_id: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    source_ip: str
    jwt_claims: dict[str, object] | None = None
    repeated: str | None = None


class ModelReference(msgspec.Struct, frozen=True):
    """A model as the client named it: `chat`, `chat@stable`, `chat@2`, `/versions/2`.

    At most one of `version` (canonical decimal digits: `2`, never `02`) and `alias` is set.
    """

    name: str
    version: str | None = None
    alias: str | None = None


class Target(msgspec.Struct, frozen=True):
    """A parsed request line: the API, the operation, and the model if the path names one."""

    api: Api
    operation: Operation
    model: ModelReference | None = None

    @property
    def inference(self) -> bool:
        """True if the request carries a body to a model."""
        return self.operation in INFERENCE


INFERENCE = frozenset(
    {
        Operation.CHAT,
        Operation.COMPLETIONS,
        Operation.EMBEDDINGS,
        Operation.INFER,
        Operation.GENERATE,
        Operation.GENERATE_STREAM,
    }
)
