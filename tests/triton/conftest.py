"""A real Triton server over the demo models, one for all tests of this folder."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from extauth.errors import Unreachable
from extauth.network.request import request
from extauth.stack.engines.triton import find_triton, link_backend

TRITON = Path(__file__).resolve().parents[2] / "triton"
MODELS = ("chat", "echo", "embed", "names", "injection")

# The unit tests import the models' own package, which lives in no installed distribution.
sys.path.insert(0, str(TRITON / "runtime"))


Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """Where the running Triton listens, `host:port` each."""

    http: str
    grpc: str

    def generate(self, model: str, **tensors: Any) -> tuple[int, Json]:
        """Status and body of one POST; `model` may name a version, as in "chat/versions/2"."""
        status, body = self._post(f"/v2/models/{model}/generate", tensors)
        return status, json.loads(body)

    def stream(self, model: str, **tensors: Any) -> list[Json]:
        """All events of one streamed answer."""
        _, body = self._post(f"/v2/models/{model}/generate_stream", tensors | {"stream": True})
        lines = (line for line in body.split(b"\n") if line.startswith(b"data: "))
        return [json.loads(line[6:]) for line in lines]

    def _post(self, path: str, tensors: Json) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.http, timeout=60)
        try:
            connection.request("POST", path, json.dumps(tensors))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("triton")
    _, files = find_triton()
    repository, backends = root / "models", root / "backends"
    for name in MODELS:
        _render(name, repository / name)
    link_backend(files, backends)

    ports = _free_ports(3)
    with (root / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                files.server,
                f"--model-repository={repository}",
                f"--backend-directory={backends}",
                *(
                    f"--{endpoint}-{setting}"
                    for endpoint, port in zip(("http", "grpc", "metrics"), ports, strict=True)
                    for setting in ("address=127.0.0.1", f"port={port}")
                ),
            ],
            env=os.environ | files.environment(),
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_ready(f"http://127.0.0.1:{ports[0]}/v2/health/ready", process, root)
            yield Server(f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}")
        finally:
            process.terminate()
            process.wait()


def _render(name: str, target: Path) -> None:
    """Link a model's files to `target` and write the config.pbtxt its signature asks for."""
    target.mkdir(parents=True)
    for entry in (TRITON / "models" / name).iterdir():
        (target / entry.name).symlink_to(entry)
    signature = yaml.safe_load((target / "signature.yaml").read_text("utf-8"))
    lines = [
        f'name: "{name}"',
        'backend: "python"',
        f"max_batch_size: {signature['max_batch_size']}",
        f"model_transaction_policy {{ decoupled: {str(signature['decoupled']).lower()} }}",
        "instance_group [ { count: 1 kind: KIND_CPU } ]",
        "version_policy { all {} }",
    ]
    lines += [f"input [ {_tensor(tensor)} ]" for tensor in signature["inputs"]]
    lines += [f"output [ {_tensor(tensor)} ]" for tensor in signature["outputs"]]
    if signature["max_batch_size"]:
        lines.append("dynamic_batching { }")
    (target / "config.pbtxt").write_text("\n".join(lines), "utf-8")


def _tensor(tensor: dict[str, Any]) -> str:
    kind = {"BYTES": "STRING"}.get(tensor["data_type"], tensor["data_type"])
    optional = " optional: true" if tensor.get("optional") else ""
    return f'{{ name: "{tensor["name"]}" data_type: TYPE_{kind} dims: {tensor["dims"]}{optional} }}'


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], root: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(Unreachable):
            if request(url, timeout=1).status == 200:
                return
        time.sleep(0.1)
    pytest.fail((root / "server.log").read_text("utf-8", "replace")[-4000:])
