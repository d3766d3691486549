"""The programs that we run see a short list of variables, and no secret of our shell."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from extauth.network.request import request
from extauth.rego.environment import INHERITED, environment
from extauth.rego.process import run
from extauth.rego.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.rego.opa import Opa

SECRET = {"AWS_SECRET_ACCESS_KEY": "s3cret", "OPA_BUNDLE": "true", "PGPASSWORD": "s3cret"}


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that holds secrets, and what programs need."""
    for name, value in {**SECRET, "TZ": "UTC", "CUDA_VISIBLE_DEVICES": "0"}.items():
        monkeypatch.setenv(name, value)


def test_a_program_inherits_what_is_listed() -> None:
    told = environment()
    assert set(told) <= set(INHERITED)
    assert (told["PATH"], told["TZ"]) == (os.environ["PATH"], "UTC")


def test_more_is_asked_for_by_name_or_beginning() -> None:
    assert environment({"ONE": "1"}, ["CUDA_"]) == {
        **environment(),
        "ONE": "1",
        "CUDA_VISIBLE_DEVICES": "0",
    }
    assert environment(inherits=["PGPASSWORD"])["PGPASSWORD"] == "s3cret"


def test_what_is_run_to_its_end_sees_no_more() -> None:
    told = run(Path("/usr/bin/env"), environment={"ONE": "1"}).out
    assert "ONE=1" in told
    assert not [name for name in SECRET if name in told]


def test_a_server_sees_no_more(opa: Opa, write: Callable[..., Path]) -> None:
    """Also where its bundle was made by somebody who asks it: OPA itself has no such bound."""
    root = write({"gateway/a.rego": "package a\n\nx := opa.runtime().env\n"})
    subprocess.run([opa.path, "build", "gateway", "-o", "bundle.tar.gz"], cwd=root, check=True)
    with serve(opa.path, root / "bundle.tar.gz") as url:
        told = json.loads(request(url, "/v1/data/a/x", timeout=5).body)["result"]
    assert "PATH" in told
    assert not set(SECRET) & set(told)
