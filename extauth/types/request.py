"""What a client asks for, as its head and its path say."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Operation(StrEnum):
    """What the client wants done, named by the API that it called."""

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
    """Whose shapes the client speaks; errors answer in the same ones."""

    OPENAI = "openai"
    KSERVE = "kserve"


class RequestHead(msgspec.Struct, frozen=True):
    """A request before its body: what Envoy saw, header names in lower case.

    `path` is normalised by Envoy and without its query. `source_ip` is the peer's address as
    Envoy trusts it. `jwt_claims` are claims that Envoy's jwt_authn has verified, else None.
    `repeated` names a header that may be there only once and is there twice.
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
    """A parsed request line: what to do, by which API, to which model if the path names one."""

    api: Api
    operation: Operation
    model: ModelReference | None = None

    @property
    def inference(self) -> bool:
        """Whether a body goes to a model."""
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
