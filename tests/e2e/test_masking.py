"""What is sensitive stays here: `echo` shows what the model saw, the client sees its own words."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import openai
import pytest
import tritonclient.http as triton

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

SECRETS = {
    "email": "jane.roe@example.com",
    "phone": "+44 20 7946 0958",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "ip": "203.0.113.77",
}
TEXT = "; ".join(f"my {kind} is {value}" for kind, value in SECRETS.items())
MESSAGES = [{"role": "user", "content": TEXT}]


def test_the_client_gets_its_own_words_back(stack: Stack) -> None:
    answer = stack.openai().chat.completions.create(model="echo", messages=MESSAGES)
    assert answer.choices[0].message.content == TEXT


def test_a_stream_is_restored_whatever_its_chunks(stack: Stack) -> None:
    chunks = stack.openai().chat.completions.create(model="echo", messages=MESSAGES, stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == TEXT
    assert len([piece for piece in pieces if piece]) > 3


def test_kserve_answers_are_restored_too(stack: Stack) -> None:
    response = stack.http().post(
        "/v2/models/echo/generate", json={"text_input": TEXT, "max_tokens": 500}
    )
    assert response.json()["text_output"] == TEXT


def test_the_model_sees_placeholders(stack: Stack) -> None:
    """Cut off in the middle of a placeholder, what the model saw shows."""
    whole = stack.openai().chat.completions.create(model="echo", messages=MESSAGES)
    assert whole.usage is not None
    seen = ""
    for length in range(1, whole.usage.completion_tokens):
        answer = stack.openai("platform").chat.completions.create(
            model="echo", messages=MESSAGES, max_tokens=length
        )
        seen = answer.choices[0].message.content or ""
        if "[EMAIL_1" in seen:
            break
    assert "[EMAIL_1" in seen
    assert SECRETS["email"] not in seen


def test_policy_says_who_is_not_masked(stack: Stack) -> None:
    key = stack.create_key("officer", "acme", "premium", "developer", "privacy-officer")
    answer = stack.openai(key=key).chat.completions.create(
        model="echo",
        messages=[{"role": "user", "content": f"{SECRETS['email']} and so on"}],
        stop=" and",
    )
    masked = stack.openai().chat.completions.create(
        model="echo", messages=[{"role": "user", "content": SECRETS["email"]}], stop="EMAIL"
    )
    assert answer.choices[0].message.content == SECRETS["email"]
    assert masked.choices[0].message.content == "["


def test_secrets_are_masked_too(stack: Stack) -> None:
    text = "deploy with ghp_" + "a1B2" * 9 + " today"
    raw = stack.openai().chat.completions.with_raw_response.create(
        model="echo", messages=[{"role": "user", "content": text}]
    )
    assert raw.parse().choices[0].message.content == text
    assert stack.audit(raw.headers["x-request-id"])["facts"]["sensitive"] == {"secret": 1}


def test_findings_are_facts(stack: Stack) -> None:
    raw = stack.openai().chat.completions.with_raw_response.create(model="echo", messages=MESSAGES)
    record = stack.audit(raw.headers["x-request-id"])
    assert record["facts"]["sensitive"] == dict.fromkeys(SECRETS, 1)


def test_nothing_that_was_found_is_written_anywhere(stack: Stack) -> None:
    canary = "canary.9f27@example.org"
    raw = stack.openai().chat.completions.with_raw_response.create(
        model="echo", messages=[{"role": "user", "content": f"zebra-4417 {canary}"}]
    )
    stack.audit(raw.headers["x-request-id"])
    for file in stack.state_dir.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert canary.encode() not in content, file
            assert b"zebra-4417" not in content, file


CARD = "4111 1111 1111 1111"
KEY = "ghp_" + "a1B2" * 9


def test_what_a_model_says_is_scanned_for_the_client_s_own_policy(stack: Stack) -> None:
    """A tester's card reaches the model as another one, which its answer may not tell either."""
    key = stack.create_key("scanned", "acme", "premium", "developer", "tester")
    messages = [{"role": "user", "content": f"Charge {CARD} for it, please."}]
    client = stack.openai(key=key)
    raw = client.chat.completions.with_raw_response.create(model="echo", messages=messages)
    assert raw.parse().choices[0].message.content == "Charge [CARD] for it, please."
    assert stack.audit(raw.headers["x-request-id"])["answer_sensitive"] == {"card": 1}
    chunks = client.chat.completions.create(model="echo", messages=messages, stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == "Charge [CARD] for it, please."
    response = stack.http(key=key).post(
        "/v2/models/echo/generate", json={"text_input": f"{CARD} it is", "max_tokens": 60}
    )
    assert response.json()["text_output"] == "[CARD] it is"


def test_an_answer_that_is_blocked_is_an_error_and_charged(stack: Stack) -> None:
    """A reviewer sees what would be masked, but no model may tell a secret."""
    key = stack.create_key("blocked", "acme", "premium", "developer", "reviewer")
    messages = [{"role": "user", "content": f"The key is {KEY} and no other."}]
    client = stack.openai(key=key)
    with pytest.raises(openai.PermissionDeniedError) as denied:
        client.chat.completions.create(model="echo", messages=messages)
    assert denied.value.code == "content_blocked"
    record = stack.audit(denied.value.response.headers["x-request-id"])
    assert record["usage"]["completion_tokens"] > 0
    assert (record["outcome"], record["answer_sensitive"]) == ("denied", {"secret": 1})
    chunks = client.chat.completions.create(model="echo", messages=messages, stream=True)
    pieces: list[str] = []
    with pytest.raises(openai.APIError) as cut:
        pieces.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert cut.value.code == "content_blocked"
    assert "".join(pieces) == "The key is "


def test_json_inside_of_a_text_is_read_without_its_escapes_and_comes_back(stack: Stack) -> None:
    text = json.dumps({"arguments": json.dumps({"to": "a\tjane.roe@example.com", "n": 1})})
    client = stack.openai()
    messages = [{"role": "user", "content": text}]
    raw = client.chat.completions.with_raw_response.create(model="echo", messages=messages)
    assert raw.parse().choices[0].message.content == text
    assert stack.audit(raw.headers["x-request-id"])["facts"]["sensitive"] == {"email": 1}
    cut = client.chat.completions.create(model="echo", messages=messages, stop="EMAIL")
    assert cut.choices[0].message.content == text.partition("jane")[0] + "["


def test_tools_and_their_calls_are_searched(stack: Stack) -> None:
    called = {"name": "mail", "arguments": json.dumps({"to": "jane.roe@example.com"})}
    schema = {"type": "object", "properties": {"to": {"enum": ["bob@example.org"]}}}
    raw = stack.openai().chat.completions.with_raw_response.create(
        model="echo",
        messages=[
            {"role": "user", "content": "Mail her"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": called}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": f"sent from {SECRETS['ip']}"},
        ],
        tools=[{"type": "function", "function": {"name": "mail", "parameters": schema}}],
    )
    facts = stack.audit(raw.headers["x-request-id"])["facts"]
    assert facts["sensitive"] == {"email": 2, "ip": 1}


@pytest.mark.parametrize("binary", [True, False])
def test_tensors_are_masked_in_either_form(stack: Stack, binary: bool) -> None:
    """What is redacted is embedded as if it had been written so."""
    key = stack.create_key(f"tensors-{binary}", "wayne", "premium", "developer", region="eu-west")
    tensor = triton.InferInput("text_input", [2, 1], "BYTES")
    texts = [[f"Write to {SECRETS['email']} now".encode()], [b"Write to [EMAIL] now"]]
    tensor.set_data_from_numpy(np.array(texts, dtype=np.object_), binary_data=binary)
    with triton.InferenceServerClient(stack.endpoint.removeprefix("http://")) as client:
        answer = client.infer("embed", [tensor], headers={"Authorization": f"Bearer {key}"})
    masked, written = answer.as_numpy("embedding")
    assert np.array_equal(masked, written)


def test_a_hash_is_the_tenants_and_always_the_same(stack: Stack) -> None:
    def said(key: str, text: str) -> str:
        answer = stack.openai(key=key).chat.completions.create(
            model="echo", messages=[{"role": "user", "content": text}]
        )
        return str(answer.choices[0].message.content)

    mine, same = (
        stack.create_key(name, "acme", "premium", "developer", "analyst", region="eu-west")
        for name in ("ana", "ann")
    )
    other = stack.create_key("ana", "initrode", "premium", "developer", "analyst", region="eu-west")
    hashed = said(mine, "by jane.roe@example.com")
    assert re.fullmatch(r"by \[EMAIL:[0-9a-f]{16}\]", hashed)
    assert said(same, "by JANE.ROE@example.com") == hashed
    assert said(other, "by jane.roe@example.com") != hashed


def test_what_is_noted_passes_and_is_told(stack: Stack) -> None:
    key = stack.create_key("noted", "acme", "premium", "developer", "reviewer", region="eu-west")
    raw = stack.openai(key=key).chat.completions.with_raw_response.create(
        model="echo",
        messages=[{"role": "user", "content": f"{SECRETS['email']} and so on"}],
        stop=" ",
    )
    assert raw.parse().choices[0].message.content == SECRETS["email"]
    assert raw.headers["x-sluice-noted"] == "email=1"
    assert stack.audit(raw.headers["x-request-id"])["noted"] == {"email": 1}
