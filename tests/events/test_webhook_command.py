"""`sluice webhook test` tells whether an event would arrive."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from extauth.storage.resources import schema
from tests.events.conftest import REPOSITORY
from tests.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

SLUICE = Path(sys.executable).with_name("sluice")


@pytest.fixture
def config(tmp_path: Path, secret_file: Path) -> Callable[..., Path]:
    """Return the demo's configuration with webhooks to these receivers."""

    def write(*receivers: Receiver) -> Path:
        document = yaml.safe_load((REPOSITORY / "gateway.yaml").read_text())
        for model in document["models"].values():
            for name in {"repository", "tokenizer", "chat_template"} & model.keys():
                model[name] = str(REPOSITORY / model[name])
        document["policy"]["directory"] = str(REPOSITORY / document["policy"]["directory"])
        document["events"] = {
            "webhooks": [
                {"url": receiver.url, "secret_file": secret_file.name, "tenants": ["acme"]}
                for receiver in receivers
            ]
        }
        path = tmp_path / "gateway.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    return write


def sluice(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [SLUICE, "webhook", "test", *arguments, "--config", config],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "T0P" not in done.stdout + done.stderr
    return done


def test_an_example_arrives_signed(
    config: Callable[..., Path], receive: Callable[..., Receiver]
) -> None:
    receiver = receive()
    done = sluice(config(receiver), "--json")
    assert done.returncode == 0, done.stderr
    event = receiver.next().verified()
    jsonschema.validate(event, json.loads(schema("event").read_text()))
    assert event["data"]["tenant"] == "example"
    (told,) = json.loads(done.stdout)["webhooks"]
    assert told.pop("milliseconds") >= 0
    assert told == {
        "index": 0,
        "webhook": receiver.address,
        "accepted": True,
        "status": 204,
        "reason": "answered 204",
    }


def test_one_that_does_not_take_it_is_a_failure_of_the_command(
    config: Callable[..., Path], receive: Callable[..., Receiver]
) -> None:
    good, bad = receive(), receive(401)
    written = config(good, bad)
    done = sluice(written)
    assert done.returncode == 1
    assert "answered 401" in done.stdout
    assert good.next().verified()
    assert sluice(written, "0").returncode == 0
    # Only the first was asked again.
    assert (good.received.qsize(), bad.received.qsize()) == (1, 1)


def test_where_there_is_none_to_try(config: Callable[..., Path]) -> None:
    done = sluice(config())
    assert done.returncode == 2
    assert done.stderr.endswith("gateway.yaml: there is no events.webhooks to try\n")
