"""What a decision asks for is done, in the one order that is safe."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from extauth.inference import _draft
from extauth.ledger import Charge
from extauth.obligations import Draft, charges, enforce
from extauth.protocol import parse_call, parse_target
from extauth.types import Clamp, Limit, Mask, Obligation, RequestHead

if TYPE_CHECKING:
    from extauth.privacy import Detector
    from tests.pipeline import Pipeline

TOKENS = Limit("tokens", "all", "tokens", 60, 1000)
REQUESTS = Limit("requests", "all", "requests", 60, 10)
TEXT = "Mail jane@example.com or call +44 20 7946 0958."


@pytest.fixture
def draft(pipeline: Pipeline, detector: Detector) -> Draft:
    """Two choices of at most 100 tokens, on a text with an address and a number."""
    path = "/v1/chat/completions"
    body = msgspec.json.encode(
        {
            "model": "chat",
            "messages": [{"role": "user", "content": TEXT}],
            "max_tokens": 100,
            "n": 2,
        }
    )
    head = RequestHead("r1", "POST", path, "", {}, "192.0.2.7")
    call = parse_call(parse_target("POST", path), head, body, depth=32)
    made = _draft(pipeline.runtime.models["chat"], call)
    return replace(made, findings=[detector.detect(text) for text in made.texts])


@pytest.mark.parametrize("order", list(permutations((TOKENS, Clamp(8), Mask(("email",))))))
def test_the_policys_order_makes_no_difference(draft: Draft, order: tuple[Obligation, ...]) -> None:
    done = enforce(order, draft)
    (charge,) = charges(done)
    assert "jane" not in done.prompts[0]
    assert done.counts == draft.model.counts(done.prompts)
    assert charge == Charge(TOKENS, done.prompt_tokens + 2 * 8, done.prompt_tokens)


def test_a_request_is_charged_one_and_its_tokens_at_their_worst(draft: Draft) -> None:
    done = enforce((REQUESTS, TOKENS), draft)
    requests, tokens = charges(done)
    assert requests == Charge(REQUESTS, 1)
    assert tokens.amount == draft.prompt_tokens + 200


def test_a_clamp_never_raises_and_the_lowest_wins(draft: Draft) -> None:
    assert enforce((Clamp(5000),), draft).max_tokens == 100
    assert enforce((Clamp(20), Clamp(7), Clamp(30)), draft).max_tokens == 7


def test_two_masks_share_one_way_back(draft: Draft) -> None:
    done = enforce((Mask(("email",)), Mask(("phone",))), draft)
    (text,) = done.texts
    assert "jane" not in text
    assert "7946" not in text
    assert done.masker is not None
    assert done.masker.restore(text) == TEXT


def test_what_is_redacted_is_gone_for_good(draft: Draft) -> None:
    done = enforce((Mask(("email",), "redact"),), draft)
    assert done.masker is not None
    assert done.masker.empty
    assert "[EMAIL]" in done.masker.restore(done.texts[0])


def test_a_mask_that_finds_nothing_changes_nothing(draft: Draft) -> None:
    assert enforce((Mask(("iban",)),), draft) is draft
