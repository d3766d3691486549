"""The signature files that config.pbtxt is rendered from, against what Triton serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tritonclient.http import InferenceServerClient

pytestmark = pytest.mark.slow

MODELS = Path(__file__).resolve().parents[2] / "triton" / "models"


@pytest.mark.parametrize("name", ["chat", "echo", "embed", "names", "injection"])
def test_triton_serves_the_tensors_of_the_signature(triton: Any, name: str) -> None:
    signature = yaml.safe_load((MODELS / name / "signature.yaml").read_text("utf-8"))
    with InferenceServerClient(triton.http) as client:
        metadata = client.get_model_metadata(name)
    rows = [-1] if signature["max_batch_size"] else []
    for side in ("inputs", "outputs"):
        assert {(t["name"], t["datatype"], tuple(t["shape"])) for t in metadata[side]} == {
            (t["name"], t["data_type"], tuple(rows + t["dims"])) for t in signature[side]
        }


def test_both_versions_of_chat_are_served(triton: Any) -> None:
    with InferenceServerClient(triton.http) as client:
        assert client.get_model_metadata("chat")["versions"] == ["1", "2"]
