"""KServe v2 over HTTP through the whole path, with tritonclient, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture
def client(stack: Stack) -> Iterator[triton.InferenceServerClient]:
    """tritonclient, pointed at the gateway."""
    with triton.InferenceServerClient(stack.endpoint.removeprefix("http://")) as connected:
        yield connected


def _headers(stack: Stack, tenant: str = "acme") -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.key(tenant)}"}


def _texts(*texts: str) -> list[triton.InferInput]:
    tensor = triton.InferInput("text_input", [len(texts), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[text.encode()] for text in texts], dtype=np.object_))
    return [tensor]


def test_the_server_is_ready_for_those_it_knows(
    stack: Stack, client: triton.InferenceServerClient
) -> None:
    assert client.is_server_live(headers=_headers(stack))
    assert client.is_server_ready(headers=_headers(stack))
    assert not client.is_server_live()
    about = client.get_server_metadata(headers=_headers(stack))
    assert (about["name"], about["extensions"]) == ("sluice", ["binary_tensor_data"])


def test_metadata_names_the_version_that_policy_picked(
    stack: Stack, client: triton.InferenceServerClient
) -> None:
    assert client.is_model_ready("echo", headers=_headers(stack))
    metadata = client.get_model_metadata("echo", headers=_headers(stack))
    assert metadata["name"] == "echo"
    assert "text_input" in [tensor["name"] for tensor in metadata["inputs"]]


def test_infer_returns_tensors(stack: Stack, client: triton.InferenceServerClient) -> None:
    result = client.infer("embed", _texts("hello", "world"), headers=_headers(stack))
    assert result.as_numpy("embedding").shape == (2, 256)


def test_infer_speaks_json_too(stack: Stack) -> None:
    response = stack.http().post(
        "/v2/models/embed/versions/1/infer",
        json={
            "inputs": [
                {"name": "text_input", "datatype": "BYTES", "shape": [1, 1], "data": ["hello"]}
            ],
            "outputs": [{"name": "embedding", "parameters": {"binary_data": False}}],
        },
    )
    assert response.status_code == 200, response.text
    (output,) = response.json()["outputs"]
    assert len(output["data"]) == 256


def test_a_model_that_is_not_granted_is_not_there(
    stack: Stack, client: triton.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match="does not exist or you do not have access"):
        client.infer("no-such-model", _texts("x"), headers=_headers(stack))
    with pytest.raises(InferenceServerException, match=r"\[403\]"):
        client.infer("embed", _texts("x"), headers=_headers(stack, "globex"))
    assert not client.is_model_ready("embed", headers=_headers(stack, "globex"))


def test_generate(stack: Stack) -> None:
    response = stack.http().post(
        "/v2/models/echo/generate", json={"text_input": "hello there", "max_tokens": 50}
    )
    assert response.status_code == 200, response.text
    assert response.json()["text_output"] == "hello there"
    assert response.json()["model_version"] == "1"


def test_generate_stream(stack: Stack) -> None:
    with stack.http().stream(
        "POST",
        "/v2/models/echo/generate_stream",
        json={"text_input": "one two three", "max_tokens": 50, "stream": True},
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [line for line in response.iter_lines() if line.startswith("data: ")]
    assert len(events) > 1
    assert "[DONE]" not in events[-1]


@pytest.mark.parametrize("version", ["1", "01", "0000001"])
def test_a_version_is_one_however_it_is_written(stack: Stack, version: str) -> None:
    response = stack.http().post(
        f"/v2/models/chat/versions/{version}/generate",
        json={"text_input": "<|user|>hi", "max_tokens": 2},
    )
    assert response.status_code in {200, 400}, response.text
    facts = stack.audit(response.headers["x-request-id"])["facts"]
    assert facts["model"]["version"] == "1"


@pytest.mark.parametrize(
    "path",
    [
        "/v2/repository/index",
        "/v2/repository/models/chat/load",
        "/v2/repository/models/chat/unload",
        "/v2/models/chat/config",
        "/v2/models/chat/stats",
        "/v2/models/stats",
        "/v2/systemsharedmemory/status",
        "/v2/cudasharedmemory/status",
        "/v2/trace/setting",
        "/v2/logging",
        "/metrics",
        "/v2/models/chat%2Fgenerate",
        "/v2/models/chat/versions/1%2Fgenerate",
        "/v2/models/chat/../../repository/index",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_controls_the_server_is_out_of_reach(stack: Stack, method: str, path: str) -> None:
    response = stack.http("platform").request(
        method, path, content=b"{}" if method == "POST" else None
    )
    assert response.status_code in {400, 404, 405}
    assert set(response.json()) == {"error"}
