"""The entry for every request with a body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extauth.clients.body import check_headers
from extauth.clients.kserve.generate import parse_generate
from extauth.clients.kserve.infer import parse_infer
from extauth.clients.openai.chat import parse_chat
from extauth.clients.openai.completions import parse_completion
from extauth.clients.openai.embeddings import parse_embedding
from extauth.errors import NotFound
from extauth.types import Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.clients.codec import Codec
    from extauth.types import RequestHead, Target

_PARSERS: Final[dict[Operation, Callable[[Target, bytes, int], Codec]]] = {
    Operation.CHAT: parse_chat,
    Operation.COMPLETIONS: parse_completion,
    Operation.EMBEDDINGS: parse_embedding,
    Operation.GENERATE: parse_generate,
    Operation.GENERATE_STREAM: parse_generate,
}


def parse_request(target: Target, head: RequestHead, body: bytes, *, depth: int) -> Codec:
    """Read a whole request. `depth` is how deep its JSON may nest.

    Raises InvalidRequest, NotFound, RequestTooLarge or UnsupportedEncoding.
    """
    check_headers(head)
    if target.operation is Operation.INFER:
        return parse_infer(target, head.headers, body, depth)
    parser = _PARSERS.get(target.operation)
    if parser is None:
        raise NotFound("There is no such route.")
    return parser(target, body, depth)
