from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extauth.backends.triton import triton_path
from extauth.clients.target import api_of, parse_reference, parse_target
from extauth.errors import MethodNotAllowed, NotFound
from extauth.types import Api, ModelReference, Operation, Target

CHAT = ModelReference("chat")


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("POST", "/v1/chat/completions", Target(Api.OPENAI, Operation.CHAT)),
        ("POST", "/v1/completions", Target(Api.OPENAI, Operation.COMPLETIONS)),
        ("POST", "/v1/embeddings", Target(Api.OPENAI, Operation.EMBEDDINGS)),
        ("GET", "/v1/models", Target(Api.OPENAI, Operation.MODELS_LIST)),
        ("GET", "/v1/usage", Target(Api.OPENAI, Operation.USAGE)),
        ("GET", "/v1/models/chat", Target(Api.OPENAI, Operation.MODELS_RETRIEVE, CHAT)),
        (
            "GET",
            "/v1/models/chat%40stable",
            Target(Api.OPENAI, Operation.MODELS_RETRIEVE, ModelReference("chat", alias="stable")),
        ),
        ("GET", "/v2", Target(Api.KSERVE, Operation.SERVER_METADATA)),
        ("GET", "/v2/health/live", Target(Api.KSERVE, Operation.SERVER_LIVE)),
        ("GET", "/v2/health/ready", Target(Api.KSERVE, Operation.SERVER_READY)),
        ("GET", "/v2/models/chat", Target(Api.KSERVE, Operation.MODEL_METADATA, CHAT)),
        ("GET", "/v2/models/chat/ready", Target(Api.KSERVE, Operation.MODEL_READY, CHAT)),
        (
            "GET",
            "/v2/models/chat/versions/2/ready",
            Target(Api.KSERVE, Operation.MODEL_READY, ModelReference("chat", version="2")),
        ),
        ("POST", "/v2/models/chat/infer", Target(Api.KSERVE, Operation.INFER, CHAT)),
        ("POST", "/v2/models/chat/generate", Target(Api.KSERVE, Operation.GENERATE, CHAT)),
        (
            "POST",
            "/v2/models/chat%40stable/generate_stream",
            Target(Api.KSERVE, Operation.GENERATE_STREAM, ModelReference("chat", alias="stable")),
        ),
    ],
)
def test_every_route_has_one_target(method, path, target):
    assert parse_target(method, path) == target


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/chat/completions/",
        "//v1/models",
        "/v1/models/",
        "/v1/usage/",
        "/v1/usage/acme",
        "/v1/files",
        "/v2/",
        "/v2/models",
        "/v2/models/stats",
        "/v2/models/stats/ready",
        "/v2/models/chat/",
        "/v2/models/chat/config",
        "/v2/models/chat/stats",
        "/v2/models/chat/versions/1/stats",
        "/v2/models/chat/trace/setting",
        "/v2/models/chat/versions/",
        "/v2/models/chat/versions/1/",
        "/v2/models/chat/versions/0/infer",
        "/v2/models/chat/versions/-1/infer",
        "/v2/models/chat/versions/+1/infer",
        "/v2/models/chat/versions/1e0/infer",
        "/v2/models/chat/versions/1234567890/infer",
        "/v2/models/chat/versions/\u0661/infer",
        "/v2/models/chat@stable/versions/1/infer",
        "/v2/models/ch%61t/infer",
        "/v2/models/chat%2F..%2Fother/infer",
        "/v2/models/chat%2540stable/infer",
        "/v2/models/chat;x/infer",
        "/v2/models/../chat/infer",
        "/v2/models/CHAT/infer",
        "/v2/models/chat/infer%0a",
        "/v2/models/chat/infer\n",
        "/v2/repository/index",
        "/v2/repository/models/chat/load",
        "/v2/systemsharedmemory/status",
        "/v2/cudasharedmemory/status",
        "/v2/trace/setting",
        "/v2/logging",
        "/metrics",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_exists(method, path):
    with pytest.raises(NotFound):
        parse_target(method, path)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("HEAD", "/v1/models", "GET"),
        ("POST", "/v1/usage", "GET"),
        ("POST", "/v1/models/chat", "GET"),
        ("post", "/v2/models/chat/infer", "POST"),
        ("POST", "/v2/models/chat", "GET"),
    ],
)
def test_a_known_route_tells_its_method(method, path, allow):
    with pytest.raises(MethodNotAllowed) as raised:
        parse_target(method, path)
    assert raised.value.headers == (("allow", allow),)


@pytest.mark.parametrize("version", ["2", "02", "00000000000000000002"])
def test_a_version_has_one_spelling(version):
    target = parse_target("POST", f"/v2/models/chat/versions/{version}/infer")
    assert target.model == ModelReference("chat", version="2")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("chat", ModelReference("chat")),
        ("chat@2", ModelReference("chat", version="2")),
        ("chat@02", ModelReference("chat", version="2")),
        ("chat@stable", ModelReference("chat", alias="stable")),
        ("chat@2024-08", ModelReference("chat", alias="2024-08")),
        ("7b.chat_x-1", ModelReference("7b.chat_x-1")),
    ],
)
def test_a_reference_names_a_version_or_an_alias(text, reference):
    assert parse_reference(text) == reference


@pytest.mark.parametrize(
    "text",
    ["", "@1", "chat@", "chat@0", "chat@1234567890", "chat@a@b", "Chat", "-chat", "a" * 65, "a\n"],
)
def test_what_is_no_name_names_no_model(text):
    with pytest.raises(NotFound) as raised:
        parse_reference(text)
    assert raised.value.code == "model_not_found"


@given(st.integers(1, 10**9 - 1), st.integers(0, 5))
def test_versions_are_canonical(number, zeros):
    assert parse_reference("m@" + "0" * zeros + str(number)).version == str(number)


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_not_found(text):
    try:
        reference = parse_reference(text)
    except NotFound:
        return
    assert reference.version is None or reference.alias is None


def test_errors_speak_the_shape_of_the_path():
    assert api_of("/v2/models/x/config") is Api.KSERVE
    assert api_of("/v2") is Api.KSERVE
    assert api_of("/v22") is Api.OPENAI
    assert api_of("/nothing") is Api.OPENAI


def test_tritons_path_always_names_the_version():
    assert triton_path(Operation.INFER, "chat", "2") == "/v2/models/chat/versions/2/infer"
    assert triton_path(Operation.MODEL_METADATA, "chat", "2") == "/v2/models/chat/versions/2"
