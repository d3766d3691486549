"""Personal data goes to a model for a purpose that the person has agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e

PERSONAL = [{"role": "user", "content": "Write to jane.roe@example.com"}]


def ask(stack: Stack, key: str, purpose: str | None = None) -> str:
    headers = {"x-request-purpose": purpose} if purpose else {}
    answer = stack.openai(key=key).chat.completions.create(
        model="echo", messages=PERSONAL, extra_headers=headers
    )
    return str(answer.choices[0].message.content)


def test_a_tenant_may_ask_for_consent(stack: Stack) -> None:
    key = stack.create_key("ada", "hooli", "premium", "developer", region="eu-west")
    with pytest.raises(openai.PermissionDeniedError, match="no consent to use data of kind email"):
        ask(stack, key, "support")

    stack.json("keys", "consent", "hooli/ada", "--consent", "support")

    assert ask(stack, key, "support") == PERSONAL[0]["content"]
    with pytest.raises(openai.PermissionDeniedError, match="for the purpose billing"):
        ask(stack, key, "billing")
    with pytest.raises(openai.PermissionDeniedError, match="name it in x-request-purpose"):
        ask(stack, key)

    stack.json("keys", "consent", "hooli/ada", "--withdraw")
    with pytest.raises(openai.PermissionDeniedError, match="no consent"):
        ask(stack, key, "support")


def test_a_tenant_may_have_it_masked_without(stack: Stack) -> None:
    key = stack.create_key("bo", "wayne", "premium", "developer", region="eu-west")
    assert ask(stack, key) == "Write to [EMAIL]"
