"""A server that lives as long as a block."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from extauth.errors import StackError, Unreachable
from extauth.network.request import request
from extauth.rego.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from extauth.rego.opa import Opa


def test_it_answers_until_the_block_ends(opa: Opa, write: Callable[..., Path]) -> None:
    root = write({"gateway/a.rego": "package a\n\nx := 1\n"})
    opa.build(["gateway"], root / "bundle.tar.gz", cwd=root, revision="one")
    with serve(opa.path, root / "bundle.tar.gz") as url:
        answer = request(url, "/v1/data/a/x", timeout=5)
        assert json.loads(answer.body) == {"result": 1}
    with pytest.raises(Unreachable):
        request(url, "/health", timeout=5)


def test_a_server_that_ends_at_once(tmp_path: Path) -> None:
    other = tmp_path / "opa"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    with pytest.raises(StackError, match="ended before it was ready"), serve(other, tmp_path):
        pass


def test_no_opa(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="can't be run"), serve(tmp_path / "opa", tmp_path):
        pass
