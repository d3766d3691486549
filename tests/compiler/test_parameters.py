"""The parameters that a model's own backend honours: read of its signature, or told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from extauth.compiler.configuration import read_configuration
from extauth.errors import ConfigurationError
from extauth.settings import Overrides

if TYPE_CHECKING:
    from tests.compiler.conftest import Workspace

REPOSITORY = Path(__file__).parents[2]


def parameters(workspace: Workspace, *changes: tuple[str, object]) -> tuple[str, ...] | None:
    """Those of the model `echo`."""
    workspace.write(*changes)
    return read(workspace.config, "echo")


def read(config: Path, model: str) -> tuple[str, ...] | None:
    return read_configuration(config, Overrides()).settings.models[model].parameters


def signed(workspace: Workspace, *inputs: str, decoupled: bool = True) -> None:
    """Give `echo` these inputs, beside those that a text needs."""
    tensors = [{"name": name, "data_type": "BYTES", "dims": [1]} for name in inputs]
    signature = {"context_length": 128, "decoupled": decoupled, "inputs": tensors}
    signature |= {"max_batch_size": 0, "outputs": [{**tensors[0], "name": "text_output"}]}
    # Without an object that is there twice, which YAML would write with an anchor.
    plain = json.loads(json.dumps(signature))
    (workspace.root / "echo/signature.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))


def test_the_demos_models_honour_what_their_signatures_name() -> None:
    config = REPOSITORY / "gateway.yaml"
    assert read(config, "embed") == ()
    assert read(config, "chat") == (
        *("frequency_penalty", "n", "presence_penalty", "seed"),
        *("stop", "stream", "temperature", "top_p"),
    )


def test_what_is_no_input_is_not_honoured(workspace: Workspace) -> None:
    signed(workspace, "text_input", "max_tokens", "seed", "top_k")
    assert parameters(workspace) == ("seed", "stream")


def test_a_model_that_is_not_decoupled_does_not_stream(workspace: Workspace) -> None:
    signed(workspace, "text_input", "max_tokens", "stream", decoupled=False)
    assert parameters(workspace) == ()


@pytest.mark.parametrize("missing", ["text_input", "max_tokens"])
def test_a_model_that_writes_text_has_a_prompt_and_a_bound(
    workspace: Workspace, missing: str
) -> None:
    signed(workspace, *{"text_input", "max_tokens", "seed"} - {missing})
    with pytest.raises(ConfigurationError) as caught:
        parameters(workspace)
    assert caught.value.message == (
        f"{workspace.root / 'echo/signature.yaml'}:3: inputs: the input {missing} is missing: "
        "models.echo writes text"
    )


EXTERNAL = [
    ("backends.triton.embedded", None),
    ("backends.triton.url", "http://127.0.0.1:8000"),
    ("models.echo.repository", None),
]
OPENAI = [*EXTERNAL, ("backends.triton.kind", "openai")]


def test_of_another_server_the_configuration_may_tell(workspace: Workspace) -> None:
    given = ("models.echo.parameters", ["top_p", "seed"])
    assert parameters(workspace, *EXTERNAL) is None
    assert parameters(workspace, *EXTERNAL, given) == ("seed", "top_p")
    given = ("models.echo.parameters", ["tools", "logprobs"])
    assert parameters(workspace, *OPENAI, given) == ("logprobs", "tools")
    assert parameters(workspace, *OPENAI, ("models.echo.parameters", [])) == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([("models.echo.parameters", ["seed"])], "models.echo.parameters: leave it out"),
        (
            [*EXTERNAL, ("models.echo.parameters", ["seed", "logprobs"])],
            "models.echo.parameters[1]: no model of Triton is asked for logprobs",
        ),
        (
            [*EXTERNAL, ("models.echo.parameters", ["sead"])],
            'models.echo.parameters[0]: "sead" is not one of stream, temperature',
        ),
        ([*OPENAI, ("models.echo.parameters", ["n", "n"])], "models.echo.parameters: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    workspace: Workspace, changes: list[tuple[str, object]], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parameters(workspace, *changes)
    assert message in caught.value.message
