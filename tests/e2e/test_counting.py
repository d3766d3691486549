"""One number, and it is the model's: told to the client, charged, and on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openai
import pytest
import tritonclient.http as triton
import yaml

from extauth.tokens import ChatTemplate
from tests.e2e.stack import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.site import Site
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "lookup",
            "description": "Finds an order.",
            "parameters": {"type": "object", "properties": {"order": {"type": "string"}}},
        },
    }
]
CALL = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
CHATS: dict[str, list[Any]] = {
    "plain": [{"role": "user", "content": "Say hello."}],
    "scripts": [{"role": "user", "content": "Grüße, 你好, привет, مرحبا 👩‍👩‍👧 1234567"}],
    "parts": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "name": "ada",
            "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
        },
    ],
    "tools": [
        {"role": "user", "content": "Where is my order?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "It is on its way."},
    ],
}
SENSITIVE = [{"role": "user", "content": "Mail jane@example.com or pay with 4111 1111 1111 1111."}]


def model_counts(stack: Stack, model: str, prompt: str) -> int:
    """What Triton itself says, past the gateway."""
    response = stack.http(None).post(
        f"{stack.triton}/v2/models/{model}/generate",
        json={"text_input": prompt, "max_tokens": 1, "stream": False},
    )
    return int(response.raise_for_status().json()["prompt_tokens"])


def rendered(messages: list[Any]) -> str:
    """What the demo's chat template makes of messages, their parts joined."""
    template = ChatTemplate(REPOSITORY / "triton/models/echo/chat_template.jinja")
    joined = [
        {
            **message,
            "content": "\n".join(part["text"] for part in content)
            if isinstance(content := message["content"], list)
            else content or "",
        }
        for message in messages
    ]
    return template.render(joined)


def asked(
    client: openai.OpenAI, model: str, messages: list[Any], *, stream: bool, **given: Any
) -> tuple[str, tuple[int, int]]:
    """The request's id, and the tokens that the client is told."""
    if not stream:
        raw = client.chat.completions.with_raw_response.create(
            model=model, messages=messages, **given
        )
        usage = raw.parse().usage
    else:
        raw = client.chat.completions.with_raw_response.create(
            model=model,
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
            **given,
        )
        (usage,) = [chunk.usage for chunk in raw.parse() if chunk.usage]
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    return raw.headers["x-request-id"], (usage.prompt_tokens, usage.completion_tokens)


class Caller:
    """A key of its own, so that what is charged is what it used."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.name = f"acme/{name}"
        self.key = stack.create_key(name, "acme", "premium", "developer", region="eu-west")
        self.client = stack.openai(key=self.key)
        self.before = (0, 0)

    def charged(self) -> tuple[int, int]:
        """Since the last time that this was asked."""
        rows = self.stack.json("usage", "--principal", self.name)["usage"]
        now = (
            sum(row["prompt_tokens"] for row in rows),
            sum(row["completion_tokens"] for row in rows),
        )
        since = (now[0] - self.before[0], now[1] - self.before[1])
        self.before = now
        return since

    def recorded(self, request_id: str) -> tuple[int, int]:
        """In the audit record."""
        usage = self.stack.audit(request_id)["usage"]
        return usage["prompt_tokens"], usage["completion_tokens"]


@pytest.fixture
def caller(stack: Stack, request: pytest.FixtureRequest) -> Caller:
    """Of the shared stack."""
    return Caller(stack, f"count-{abs(hash(request.node.name)) % 10**9}")


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_is_counted_as_the_model_counts_it(caller: Caller, name: str) -> None:
    given = {"tools": TOOLS} if name == "tools" else {}
    _, (prompt, _) = asked(caller.client, "echo", CHATS[name], stream=False, n=2, **given)
    assert prompt == model_counts(caller.stack, "echo", rendered(CHATS[name]))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "messages", "given"),
    [
        ("echo", CHATS["tools"], {"tools": TOOLS}),
        ("echo", SENSITIVE, {}),
        ("echo", CHATS["scripts"], {"n": 3, "stop": ["مرحبا"]}),
        ("echo", CHATS["plain"], {"max_tokens": 5000}),
        ("chat", CHATS["plain"], {"max_tokens": 3}),
    ],
    ids=["tools", "masked", "choices", "clamped", "short"],
)
def test_what_is_told_is_charged_and_on_record(  # noqa: PLR0917 - a table's columns
    stack: Stack, request: pytest.FixtureRequest, model: str, messages: list[Any],
    given: dict[str, Any], stream: bool,
) -> None:  # fmt: skip
    caller = Caller(stack, f"one-{request.node.callspec.id.lower()}")
    request_id, told = asked(caller.client, model, messages, stream=stream, **given)
    assert told[1] > 0
    assert caller.charged() == told == caller.recorded(request_id)


def test_what_is_counted_is_what_the_model_was_given(caller: Caller) -> None:
    """Placeholders are not as long as what they stand for."""
    request_id, (prompt, _) = asked(caller.client, "echo", SENSITIVE, stream=False)
    before = caller.stack.audit(request_id)["facts"]["tokens"]["prompt"]
    assert prompt != before == model_counts(caller.stack, "echo", rendered(SENSITIVE))


def test_embeddings_are_charged_what_they_tell(caller: Caller) -> None:
    raw = caller.client.embeddings.with_raw_response.create(
        model="embed", input=["hello there", "wörld", "!"]
    )
    usage = raw.parse().usage
    told = (usage.prompt_tokens, 0)
    assert told[0] == usage.total_tokens > 3
    assert caller.charged() == told == caller.recorded(raw.headers["x-request-id"])


@pytest.fixture
def tensors(stack: Stack) -> Iterator[triton.InferenceServerClient]:
    """tritonclient, unchanged."""
    with triton.InferenceServerClient(stack.endpoint.removeprefix("http://")) as client:
        yield client


@pytest.mark.parametrize("binary", [False, True])
def test_text_tensors_are_charged_as_the_same_texts_are(
    caller: Caller, tensors: triton.InferenceServerClient, binary: bool
) -> None:
    texts = ["hello there", "wörld", "Grüße 你好"]
    tensor = triton.InferInput("text_input", [3, 1], "BYTES")
    array = np.array([[text.encode()] for text in texts], dtype=np.object_)
    tensor.set_data_from_numpy(array, binary_data=binary)
    whole = caller.client.embeddings.create(model="embed", input=texts)
    caller.charged()
    tensors.infer("embed", [tensor], headers={"Authorization": f"Bearer {caller.key}"})
    assert caller.charged() == (whole.usage.prompt_tokens, 0)


@pytest.mark.parametrize("operation", ["generate", "generate_stream"])
def test_a_kserve_client_is_told_what_it_is_charged(stack: Stack, operation: str) -> None:
    caller = Caller(stack, f"kserve-{operation.replace('_', '-')}")
    response = stack.http(key=caller.key).post(
        f"/v2/models/echo/{operation}", json={"text_input": "say it again", "max_tokens": 20}
    )
    lines = response.text.replace("data: ", "").strip().split("\n\n")
    last = yaml.safe_load(lines[-1])
    told = (last["prompt_tokens"], last["completion_tokens"])
    assert told[0] == model_counts(stack, "echo", "say it again")
    assert caller.charged() == told == caller.recorded(response.headers["x-request-id"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_that_is_too_long_loses_its_oldest_turns(stack: Stack, stream: bool) -> None:
    caller = Caller(stack, f"long-{stream}".lower())
    turns = [
        {"role": role, "content": "word " * 60} for _ in range(12) for role in ("user", "assistant")
    ]
    messages = [{"role": "system", "content": "Be brief."}, *turns, *CHATS["plain"]]
    assert model_counts(stack, "echo", rendered(messages)) > 1024
    raw = caller.client.chat.completions.with_raw_response.create(
        model="chat", messages=messages, max_tokens=20, stream=stream, seed=1, temperature=0
    )
    request_id = raw.headers["x-request-id"]
    if stream:
        assert list(raw.parse())
    dropped = int(raw.headers["x-sluice-dropped-turns"])
    assert 0 < dropped < 12
    assert stack.audit(request_id)["dropped_turns"] == dropped
    kept = [messages[0], *turns[2 * dropped :], *CHATS["plain"]]
    prompt, _ = caller.recorded(request_id)
    assert prompt == model_counts(stack, "echo", rendered(kept)) <= 1024 - 20
    more = [messages[0], *turns[2 * dropped - 2 :], *CHATS["plain"]]
    assert model_counts(stack, "echo", rendered(more)) > 1024 - 20


def test_a_completion_that_is_too_long_is_refused(caller: Caller) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        caller.client.completions.create(model="chat", prompt="word " * 2000, max_tokens=8)
    assert raised.value.code == "context_length_exceeded"


def test_an_estimate_is_settled_with_what_the_backend_counted(
    site: Site,
) -> None:
    file = site.policies / "data/settlement.yaml"
    told = yaml.safe_load(file.read_text())
    told["settlement"]["models"] = {"echo": "backend"}
    file.write_text(yaml.safe_dump(told))

    def change(config: dict[str, Any]) -> None:
        for model in ("chat", "echo"):
            config["models"][model]["tokenizer"] = "estimate"

    site.change(change)
    site.apply()
    stack = site.stack
    caller = Caller(stack, "estimated")
    messages = CHATS["plain"]
    exact = model_counts(stack, "echo", rendered(messages))
    for stream in (False, True):
        request_id, told = asked(caller.client, "echo", messages, stream=stream)
        assert told[0] == exact
        assert caller.charged() == told == caller.recorded(request_id)
        facts = stack.audit(request_id)["facts"]["tokens"]
        assert not facts["exact"]
        assert facts["prompt"] > exact

        request_id, told = asked(caller.client, "chat", messages, stream=stream, max_tokens=20)
        assert told[0] == facts["prompt"]
        assert caller.charged() == told == caller.recorded(request_id)
