"""config.pbtxt, read back by Triton's own description of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.triton import model_config
from extauth.errors import ConfigurationError
from tests.compiler.conftest import REPOSITORY

if TYPE_CHECKING:
    from extauth.settings import BackendSettings

SOURCE = read_configuration(REPOSITORY / "gateway.yaml", Overrides())
MODELS = SOURCE.settings.models
BACKEND = SOURCE.settings.backends["triton"]


def render(name: str, backend: BackendSettings = BACKEND, repository: Path | None = None) -> Any:
    text = model_config(MODELS[name], backend, repository or SOURCE.repositories[name])
    return text_format.Parse(text, model_config_pb2.ModelConfig())


@pytest.mark.parametrize("name", MODELS)
def test_it_says_what_the_signature_says(name: str) -> None:
    signature = yaml.safe_load((SOURCE.repositories[name] / "signature.yaml").read_text())
    config = render(name)
    assert (config.name, config.backend) == (name, "python")
    assert config.max_batch_size == signature["max_batch_size"]
    assert config.model_transaction_policy.decoupled == signature["decoupled"]
    assert [str(v) for v in config.version_policy.specific.versions] == list(MODELS[name].versions)
    for tensors, written in ((config.input, "inputs"), (config.output, "outputs")):
        assert [(t.name, list(t.dims)) for t in tensors] == [
            (t["name"], t["dims"]) for t in signature[written]
        ]
    assert [t.optional for t in config.input] == [
        t.get("optional", False) for t in signature["inputs"]
    ]


@pytest.mark.parametrize(("profile", "kind"), [("cpu", "KIND_CPU"), ("gpu", "KIND_GPU")])
def test_profiles(profile: str, kind: str) -> None:
    (group,) = render("embed", msgspec.structs.replace(BACKEND, profile=profile)).instance_group
    assert model_config_pb2.ModelInstanceGroup.Kind.Name(group.kind) == kind
    assert group.count >= 1


def test_batching_has_priorities_and_a_bounded_queue() -> None:
    batching = render("embed").dynamic_batching
    assert 1 < batching.default_priority_level <= batching.priority_levels
    assert batching.default_queue_policy.max_queue_size > 0
    assert batching.default_queue_policy.default_timeout_microseconds > 0
    assert batching.default_queue_policy.allow_timeout_override


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decoupled": "yes"}, ':2: decoupled: "yes" is not of type boolean'),
        ({"inputs": [{"name": "a", "data_type": "TEXT", "dims": [1]}]}, "inputs[0].data_type"),
        ({"inputs": [{"name": 'a" }', "data_type": "BYTES", "dims": [1]}]}, "inputs[0].name"),
        ({"outputs": None}, "outputs"),
    ],
)
def test_a_wrong_signature_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    tensor = {"name": "a", "data_type": "BYTES", "dims": []}
    signature = {"max_batch_size": 0, "decoupled": True, "context_length": 8}
    signature |= {"inputs": [tensor], "outputs": [tensor], **change}
    file = tmp_path / "signature.yaml"
    file.write_text(yaml.safe_dump(json.loads(json.dumps(signature)), sort_keys=False))
    with pytest.raises(ConfigurationError) as caught:
        render("echo", repository=tmp_path)
    assert caught.value.message.startswith(str(file))
    assert message in caught.value.message


def test_a_missing_signature(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"signature\.yaml: can't be read"):
        render("echo", repository=tmp_path)
