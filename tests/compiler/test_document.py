"""What a configuration's YAML may hold, and that everything else is refused with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.compiler.document import read_document
from extauth.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
models:
  chat:
    versions: ["1", "2"]
    price: {prompt: 1}
"""


def test_every_value_has_a_line(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(TEXT)
    document = read_document(file)
    assert document.value == {"models": {"chat": {"versions": ["1", "2"], "price": {"prompt": 1}}}}
    assert document.line(("models", "chat", "versions", 1)) == 3
    assert document.line(("models", "chat", "price", "prompt")) == 4


def test_what_is_missing_has_the_line_of_what_is_around_it(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(TEXT)
    error = read_document(file).error(("models", "chat", "backend"), "is missing")
    assert error.message == f"{file}:2: models.chat.backend: is missing"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-13-45", "2026-13-45"),
        ("!!int abc", "abc"),
        ("!!float abc", "abc"),
        ("!!bool abc", "abc"),
        ("!!timestamp abc", "abc"),
        ("!!binary YQ==", "YQ=="),
    ],
)
def test_a_value_is_text_a_number_or_a_boolean(tmp_path: Path, value: str, shown: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"a: 1\nb: {value}\n")
    with pytest.raises(ConfigurationError) as caught:
        read_document(file)
    assert caught.value.message == (
        f"{file}:2: b: '{shown}' is not text, a number, true or false; write it in quotes"
    )


@pytest.mark.parametrize("key", ["1", "true", "2026-01-01", "2026-13-45", "[a]", "!!int abc"])
def test_a_key_is_text(tmp_path: Path, key: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(f"a: 1\n? {key}\n: 1\n")
    with pytest.raises(ConfigurationError, match=r"gateway\.yaml:2: .* write it in quotes"):
        read_document(file)
