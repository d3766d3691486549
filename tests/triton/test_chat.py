"""The chat model on a real Triton, both versions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytestmark = pytest.mark.slow

VERSIONS = ("chat/versions/1", "chat/versions/2")


def turn(text: str) -> str:
    return f"<|user|>{text}<|end|><|assistant|>"


@pytest.mark.parametrize("model", VERSIONS)
@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("Hello", "How can I help you?"),
        ("What is Sluice?", "policy-as-code gateway"),
        ("what does a policy decide?", "whether a request is allowed"),
        ("Please tell me what Triton is", "Inference Server"),
        ("What is the capital of Norway?", "Oslo"),
        ("Spell the word gateway", "g-a-t-e-w-a-y"),
    ],
)
def test_it_answers_what_it_was_taught(triton: Any, model: str, question: str, says: str) -> None:
    _, answer = triton.generate(model, text_input=turn(question), temperature=0)
    assert says in answer["text_output"]
    assert answer["finish_reason"] == "stop"
    assert answer["model_version"] == model[-1]


def test_it_copies_what_it_has_never_seen(triton: Any) -> None:
    _, answer = triton.generate(
        "chat", text_input=turn("Write an e-mail to <PERSON_3> about the invoice"), temperature=0
    )
    assert answer["text_output"].startswith("Dear <PERSON_3>,")


@pytest.mark.parametrize("model", VERSIONS)
def test_a_seed_repeats_an_answer_streamed_or_not_and_under_load(triton: Any, model: str) -> None:
    tensors = {"text_input": turn("Tell me a story"), "seed": 7, "temperature": 1.5, "n": 2}

    def streamed(_: int) -> list[str]:
        events = triton.stream(model, **tensors)
        return [
            "".join(event["text_output"] for event in events if event["index"] == index)
            for index in range(2)
        ]

    _, answer = triton.generate(model, **tensors)
    first, second = answer["text_output"]
    assert first != second
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(streamed, range(4))) == [[first, second]] * 4


def test_another_seed_gives_another_answer(triton: Any) -> None:
    tensors = {"text_input": turn("Tell me a story"), "temperature": 1.5}
    answers = {triton.generate("chat", seed=seed, **tensors)[1]["text_output"] for seed in range(4)}
    assert len(answers) > 1


def test_stop_strings_and_limits_apply(triton: Any) -> None:
    tensors = {"text_input": turn("What is Sluice?"), "temperature": 0}
    _, stopped = triton.generate("chat", stop=[" gateway"], **tensors)
    assert stopped["text_output"] == "Sluice is a policy-as-code"
    assert stopped["finish_reason"] == "stop"
    _, limited = triton.generate("chat", max_tokens=3, **tensors)
    assert (limited["completion_tokens"], limited["finish_reason"]) == (3, "length")


def test_characters_of_several_tokens_arrive_whole(triton: Any) -> None:
    question = turn("How do you say hello in Japanese?")
    events = triton.stream("chat", text_input=question, temperature=0)
    assert "".join(event["text_output"] for event in events).endswith("こんにちは")
    assert not any("\ufffd" in event["text_output"] for event in events)


def test_a_prompt_above_the_context_is_refused(triton: Any) -> None:
    status, refusal = triton.generate("chat", text_input="1" * 1024)
    assert status == 400
    assert "the context holds 1024" in refusal["error"]


def test_a_full_context_is_answered(triton: Any) -> None:
    _, answer = triton.generate("chat", text_input="1" * 1020, temperature=0, max_tokens=100)
    assert answer["completion_tokens"] <= 4
