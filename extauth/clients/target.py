"""The request line: which API, which operation, which model."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from extauth.errors import MethodNotAllowed, NotFound
from extauth.types import Api, ModelReference, Operation, Target

_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
_VERSION: Final = r"0*[1-9][0-9]{0,8}"
_REFERENCE: Final = re.compile(rf"({_NAME})(?:@(?:({_VERSION})|({_NAME})))?")
_DIGITS: Final = re.compile(r"[0-9]+")

_FIXED: Final = {
    "/v1/chat/completions": ("POST", Target(Api.OPENAI, Operation.CHAT)),
    "/v1/completions": ("POST", Target(Api.OPENAI, Operation.COMPLETIONS)),
    "/v1/embeddings": ("POST", Target(Api.OPENAI, Operation.EMBEDDINGS)),
    "/v1/models": ("GET", Target(Api.OPENAI, Operation.MODELS_LIST)),
    "/v1/usage": ("GET", Target(Api.OPENAI, Operation.USAGE)),
    "/v2": ("GET", Target(Api.KSERVE, Operation.SERVER_METADATA)),
    "/v2/health/live": ("GET", Target(Api.KSERVE, Operation.SERVER_LIVE)),
    "/v2/health/ready": ("GET", Target(Api.KSERVE, Operation.SERVER_READY)),
}
_RETRIEVE: Final = "/v1/models/"
_MODEL: Final = re.compile(r"/v2/models/([^/]+)(?:/versions/([0-9]{1,20}))?(?:/([a-z_]+))?")
_ACTIONS: Final = {
    None: ("GET", Operation.MODEL_METADATA),
    "ready": ("GET", Operation.MODEL_READY),
    "infer": ("POST", Operation.INFER),
    "generate": ("POST", Operation.GENERATE),
    "generate_stream": ("POST", Operation.GENERATE_STREAM),
}
# Triton answers /v2/models/stats itself, with the statistics of every model.
_RESERVED: Final = frozenset({"stats"})


def api_of(path: str) -> Api:
    """Return the API whose shapes an answer to `path` has: KServe's under /v2, else OpenAI's."""
    return Api.KSERVE if path == "/v2" or path.startswith("/v2/") else Api.OPENAI


def parse_target(method: str, path: str) -> Target:
    """Read a request line; `path` is normalised and without its query.

    Whatever is not listed here does not exist: repository control, configuration, statistics,
    traces, logs and shared memory never do. A model's name may hold `%40` for `@`, which clients
    write; no other escape, since what Triton would decode must be what was decided on. Raises
    NotFound or MethodNotAllowed.
    """
    fixed = _FIXED.get(path)
    if fixed is not None:
        _require(method, fixed[0])
        return fixed[1]
    if path.startswith(_RETRIEVE):
        reference = parse_reference(path[len(_RETRIEVE) :].replace("%40", "@"))
        _require(method, "GET")
        return Target(Api.OPENAI, Operation.MODELS_RETRIEVE, reference)
    match = _MODEL.fullmatch(path)
    if match is None:
        _no_route()
    model, version, action = match.groups()
    known = _ACTIONS.get(action)
    if known is None or model in _RESERVED:
        _no_route()
    reference = parse_reference(model.replace("%40", "@"))
    if version is not None:
        if reference.version or reference.alias:
            _no_model()
        reference = ModelReference(reference.name, version=_canonical(version))
    _require(method, known[0])
    return Target(Api.KSERVE, known[1], reference)


def parse_reference(text: str) -> ModelReference:
    """Read a model as a client names it: `chat`, `chat@stable`, `chat@2`.

    `chat@02` is `chat@2`. Raises NotFound, since what is not a name names no model.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        _no_model()
    name, version, alias = match.groups()
    if version is not None:
        version = version.lstrip("0")
    elif alias is not None and _DIGITS.fullmatch(alias):
        _no_model()
    return ModelReference(name, version=version, alias=alias)


def _canonical(version: str) -> str:
    digits = version.lstrip("0")
    if not 1 <= len(digits) <= 9:
        _no_model()
    return digits


def _require(method: str, allowed: str) -> None:
    if method != allowed:
        raise MethodNotAllowed(f"Use {allowed} here.", headers=(("allow", allowed),))


def _no_route() -> NoReturn:
    raise NotFound("There is no such route.")


def _no_model() -> NoReturn:
    raise NotFound(
        "The model does not exist or you do not have access to it.",
        code="model_not_found",
        param="model",
    )
