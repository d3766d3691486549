"""What a signature may not say, because Triton would not start, or not keep the promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.triton import model_config
from extauth.errors import ConfigurationError
from tests.compiler.conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = read_configuration(REPOSITORY / "gateway.yaml", Overrides()).settings


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "dims: [256]}",
            "dims: [256], optional: true}",
            "outputs[0].optional: there is no such key; expected one of data_type, dims, name",
        ),
        ("[256]", "[0]", "outputs[0].dims[0]: 0 is not a length of 1 or more, or -1 for any"),
        (
            "name: embedding",
            "name: 1st",
            "outputs[0].name: \"1st\" is not a name: letters, digits and '_'",
        ),
        (
            "context_length: 512",
            "context_length: 128",
            "context_length: the model takes 128 tokens, but models.embed.context_length is 512",
        ),
    ],
)
def test_a_signature_that_cannot_be_served(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (REPOSITORY / "triton/models/embed/signature.yaml").read_text()
    line = next(n for n, row in enumerate(text.splitlines(), 1) if old in row)
    (tmp_path / "signature.yaml").write_text(text.replace(old, new, 1))
    model = SETTINGS.models["embed"]
    with pytest.raises(ConfigurationError) as caught:
        model_config(model, SETTINGS.backends[model.backend], tmp_path)
    assert caught.value.message == f"{tmp_path / 'signature.yaml'}:{line}: {message}"
