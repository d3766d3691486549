"""How a fault of form reads: where, what is there, what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extauth.compiler import Overrides
from extauth.compiler.configuration import read_configuration
from extauth.compiler.validation import nearest
from extauth.errors import ConfigurationError
from tests.compiler.conftest import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

CHAT_ALIASES = 'aliases: { stable: "1", next: "2" }'
DEMO_KEY = "{ name: bob, tenant: globex"


def refusal(directory: Path, old: str, new: str) -> ConfigurationError:
    """What the shipped configuration is refused with, after one edit."""
    for name in ("policies", "triton"):
        (directory / name).symlink_to(REPOSITORY / name)
    text = (REPOSITORY / "gateway.yaml").read_text()
    assert old in text
    (directory / "gateway.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(directory / "gateway.yaml", Overrides())
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("  port: 8080", "  port: 8080.0", 8, "listener.port: 8080.0 is not a port, 1 to 65535"),
        ("  port: 8080", "  port: true", 8, "listener.port: true is not a port, 1 to 65535"),
        ("json_depth: 32", "json_depth: 4", 69, "limits.json_depth: 4 is not 8 or more"),
        (
            CHAT_ALIASES,
            'aliases: { Next: "2" }',
            32,
            'models.chat.aliases: "Next" is not a name: a lower-case letter, then letters, '
            "digits, '.', '_' and '-'",
        ),
        (
            "region: eu-west\n\nmodels",
            'region: ""\n\nmodels',
            24,
            'backends.triton.region: "" is not text of one character or more',
        ),
        ("time_zone: UTC", "time_zone: /etc", 4, "time_zone: '/etc' is no IANA time zone"),
        (
            DEMO_KEY,
            "{ name: ada, tenant: acme",
            60,
            "identity.demo_keys[1].name: tenant acme has a key of this name already",
        ),
    ],
)
def test_one_edit_of_the_demo(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    error = refusal(tmp_path, old, new)
    file = tmp_path / "gateway.yaml"
    assert error.message == f"{file}:{line}: {message}"
    assert (error.file, error.line) == (file, line)


def test_faults_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    error = refusal(tmp_path, "  address: 127.0.0.1\n  port: 8080", "  prot: 8080")
    file = tmp_path / "gateway.yaml"
    assert error.message.splitlines() == [
        f"{file}:6: listener: the key address is missing",
        f"{file}:6: listener: the key port is missing",
        f"{file}:7: listener.prot: there is no such key; did you mean port?",
    ]


def test_an_empty_file_lacks_every_key(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("")
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(file, Overrides())
    missing = [line.split()[-3] for line in caught.value.message.splitlines()]
    assert len(missing) == len(set(missing))
    assert {"version", "listener", "models"} < set(missing)


def test_the_nearest_name_or_a_few_or_none() -> None:
    assert nearest("tirton", ["triton", "vllm"]) == "; did you mean triton?"
    assert nearest("x", ["triton", "vllm"]) == "; expected one of triton, vllm"
    assert nearest("x", []) == nearest("x", [f"name-{n}" for n in range(100)]) == ""
