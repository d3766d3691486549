"""Models of servers that speak the OpenAI API: llama.cpp's own, and one over TLS."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.backends.openai.tiny_model import write_model
from tests.e2e.stack import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SERVER = Path(__file__).parents[1] / "backends/openai/llama_server.py"
PROMPT = [{"role": "user", "content": "Hello, who asks?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks up.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 4}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """llama.cpp's server on a model of our own: its address, and the file of its key."""
    root = tmp_path_factory.mktemp("llama")
    write_model(root / "tiny.gguf")
    key = root / "key"
    key.write_text("sk-first\n")
    key.chmod(0o600)
    port = free_port()
    command = [sys.executable, str(SERVER), str(root / "tiny.gguf"), str(port), str(key)]
    with (root / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "listening\n", (root / "log").read_text()
            yield f"http://127.0.0.1:{port}", key
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()


@pytest.fixture(scope="module")
def cloud(shared_site: Site, llama: tuple[str, Path]) -> Iterator[Site]:
    """A stack with a model of it, and one of a server over TLS, beside the demo's."""
    url, key = llama

    def change(config: dict[str, Any]) -> None:
        config["backends"]["llama"] = {
            "kind": "openai",
            "url": url,
            "region": "eu-west",
            "credential_file": str(key),
        }
        for name, task in (("tiny", "chat"), ("tiny-text", "completion")):
            config["models"][name] = {
                "backend": "llama",
                "task": task,
                "context_length": 8192,
                "upstream_name": "tiny",
                "price": {"prompt": 10, "completion": 10},
            }

    shared_site.change(change)
    shared_site.apply()
    yield shared_site
    shared_site.restore()


@pytest.fixture(scope="module")
def stack(cloud: Site) -> Stack:
    """Its stack."""
    return cloud.stack


@pytest.fixture(scope="module")
def client(stack: Stack) -> openai.OpenAI:
    """Somebody who may use every model."""
    return stack.openai(
        key=stack.create_key("any", "platform", "internal", "admin", region="eu-west")
    )


def test_a_chat_is_answered_counted_and_charged(stack: Stack, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="tiny", messages=PROMPT, seed=7)
    answer = raw.parse()
    assert answer.model == "tiny@1"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    record = stack.audit(raw.headers["x-request-id"])
    assert record["usage"]["completion_tokens"] == answer.usage.completion_tokens < 30
    assert record["usage"]["prompt_tokens"] == answer.usage.prompt_tokens
    assert record["facts"]["tokens"]["exact"] is False
    assert record["facts"]["load"] is None
    assert record["facts"]["tokens"]["prompt"] > answer.usage.prompt_tokens


def test_a_stream_is_charged_what_the_server_counts(stack: Stack, client: openai.OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(
        model="tiny", messages=PROMPT, stream=True
    ) as raw:
        events = [line for line in raw.iter_lines() if line.startswith("data: ")]
        request_id = raw.headers["x-request-id"]
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event[6:]) for event in events[:-1]]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)
    usage = stack.audit(request_id)["usage"]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    # A token a word and the end, where a token a byte was set aside.
    assert 0 < usage["completion_tokens"] < len(text)


def test_usage_is_told_to_who_asks(client: openai.OpenAI) -> None:
    *_, last = client.chat.completions.create(
        model="tiny", messages=PROMPT, stream=True, stream_options={"include_usage": True}
    )
    assert last.usage.completion_tokens > 0


def test_a_tool_is_called_by_a_stream(client: openai.OpenAI) -> None:
    arguments, name, ids = "", "", set()
    for chunk in client.chat.completions.create(
        model="tiny",
        messages=PROMPT,
        tools=[TOOL],
        tool_choice="required",
        max_tokens=200,
        stream=True,
    ):
        for call in chunk.choices[0].delta.tool_calls or () if chunk.choices else ():
            if call.index == 0:
                arguments += call.function.arguments or ""
                name += call.function.name or ""
                ids |= {call.id} - {None}
    assert name == "look_up"
    assert set(json.loads(arguments)) == {"city"}
    assert len(ids) == 1


def test_an_answer_keeps_to_its_schema(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 4}},
        "required": ["city"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model="tiny",
        messages=PROMPT,
        response_format={"type": "json_schema", "json_schema": {"name": "c", "schema": schema}},
    )
    assert set(json.loads(answer.choices[0].message.content)) == {"city"}


def test_choices_log_probabilities_and_stop_strings(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="tiny", messages=PROMPT, n=2, logprobs=True, top_logprobs=2, stop=["zzz"]
    )
    assert len(answer.choices) == 2
    assert answer.choices[0].logprobs is not None
    assert answer.choices[0].logprobs.content
    assert len(answer.choices[0].logprobs.content[0].top_logprobs) == 2


def test_a_completion(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="tiny-text", prompt="\n", temperature=0, max_tokens=5)
    assert answer.choices[0].text.strip().startswith("The gateway")
    assert answer.usage.completion_tokens <= 5


def test_what_is_secret_never_gets_there(stack: Stack, client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="tiny", messages=[{"role": "user", "content": "Write to jane@example.com."}]
    )
    assert stack.audit(raw.headers["x-request-id"])["facts"]["sensitive"] == {"email": 1}


def test_images_are_facts_and_the_server_says_that_it_has_no_eyes(
    stack: Stack, client: openai.OpenAI
) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://Pictures.example.com/cat.png"}}
    content = [{"type": "text", "text": "What is it?"}, image]
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": content}]
        )
    assert raised.value.status_code == 502
    record = stack.audit(raised.value.response.headers["x-request-id"])
    assert record["facts"]["parts"] == {
        "images": 1,
        "audio": 0,
        "files": 0,
        "hosts": ["pictures.example.com"],
    }


def test_what_is_too_long_for_the_server_is_the_clients_to_shorten(
    cloud: Site, client: openai.OpenAI
) -> None:
    def longer(config: dict[str, Any]) -> None:
        config["models"]["tiny"]["context_length"] = 100_000

    cloud.change(longer)
    cloud.apply()
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "asks " * 5000}]
        )
    assert raised.value.code == "context_length_exceeded"


def test_kserve_has_no_metadata_of_it_but_generates(stack: Stack) -> None:
    key = stack.create_key("kserve", "platform", "internal", "admin", region="eu-west")
    http = stack.http(key=key)
    assert http.get("/v2/models/tiny").status_code == 404
    assert http.get("/v2/models/chat/versions/1/ready").status_code == 200
    asked = {"text_input": "\n", "temperature": 0}
    answer = http.post("/v2/models/tiny-text/generate", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["text_output"].strip().startswith("The gateway")
    tensor = {"name": "text_input", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    refused = http.post("/v2/models/tiny-text/infer", json={"inputs": [tensor]})
    assert (refused.status_code, refused.json()["error"]) == (
        400,
        "The model tiny-text does not take tensors: send text.",
    )


def test_a_credential_is_rotated_by_a_move(
    cloud: Site, llama: tuple[str, Path], client: openai.OpenAI
) -> None:
    _, key = llama

    def write(secret: str) -> None:
        beside = key.with_name("new")
        beside.write_text(secret)
        beside.chmod(0o600)
        beside.replace(key)

    def refused() -> None:
        with pytest.raises(openai.APIStatusError, match="does not accept the gateway's credential"):
            client.chat.completions.create(model="tiny", messages=PROMPT)

    def served() -> None:
        assert client.chat.completions.create(model="tiny", messages=PROMPT).choices

    served()
    write("sk-other\n")
    eventually(refused)
    write("sk-first\n")
    eventually(served)
    for file in cloud.state.path.rglob("*"):
        if file.is_file() and os.access(file, os.R_OK):
            assert b"sk-first" not in file.read_bytes(), file


class _Handler(BaseHTTPRequestHandler):
    """Answers every chat with what it was sent."""

    def do_POST(self) -> None:  # http.server looks the method up by this name
        self.rfile.read(int(self.headers["content-length"]))
        told = json.dumps([self.path, sorted(self.headers.items())])
        message = {"role": "assistant", "content": told}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def tls_server(root: Path) -> Iterator[tuple[str, Path]]:
    """A server over TLS for `localhost`: its address, and the file that verifies it."""
    certificate, key = root / "certificate.pem", root / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/prefix", certificate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_https_is_verified_and_host_path_and_credential_are_its_own(
    cloud: Site, llama: tuple[str, Path], client: openai.OpenAI, tmp_path: Path
) -> None:
    _, key = llama
    with tls_server(tmp_path) as (url, certificate):

        def change(config: dict[str, Any]) -> None:
            config["backends"]["far"] = {
                "kind": "openai",
                "url": url,
                "region": "eu-west",
                "credential_file": str(key),
            }
            config["models"]["far"] = {
                "price": {"prompt": 10, "completion": 10},
                "backend": "far",
                "task": "chat",
                "context_length": 2048,
            }

        def verify(config: dict[str, Any]) -> None:
            config["backends"]["far"]["ca_file"] = str(certificate)

        cloud.change(change)
        cloud.apply()

        def unverified() -> None:
            with pytest.raises(openai.APIStatusError) as raised:
                client.chat.completions.create(model="far", messages=PROMPT)
            assert raised.value.status_code == 502
            assert raised.value.code == "backend_certificate"

        eventually(unverified)
        cloud.change(verify)
        cloud.apply()
        answer = eventually(
            lambda: client.chat.completions.create(
                model="far",
                messages=PROMPT,
                extra_headers={"cookie": "mine", "x-api-key": "mine", "x-sluice-streams": "1"},
            )
        )
    path, headers = json.loads(answer.choices[0].message.content)
    sent = {name.lower(): value for name, value in headers}
    assert path == "/prefix/v1/chat/completions"
    assert sent["authorization"] == "Bearer sk-first"
    assert sent["host"] == url.removeprefix("https://").removesuffix("/prefix")
    private = {"cookie", "x-api-key", "x-forwarded-for", "x-envoy-external-address"}
    assert not (private | {"x-sluice-streams", "x-sluice-cluster"}) & set(sent)
