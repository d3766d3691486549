"""What a decision asks for is done, in the one order that is safe."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from extauth.clients import parse_request, parse_target
from extauth.content.privacy import KeyedHash, Substitutes
from extauth.gateway.reading import drafted as draft_of
from extauth.gateway.reservation import clamped, demand
from extauth.ledger import Reservation
from extauth.obligations import Clamp, Draft, Mask, Obligation, enforce
from extauth.settings import Price
from extauth.types import Account, Limit, RequestHead, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.content.privacy import Detector
    from extauth.types import Unit
    from tests.gateway.served import Served

FREE = Price()
TOKENS = Limit("tokens", "all", "tokens", 60, 1000)
REQUESTS = Limit("requests", "all", "requests", 60, 10)
TEXT = "Mail jane@example.com or call +44 20 7946 0958."


@pytest.fixture
def draft(served: Served, detector: Detector) -> Draft:
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
    call = parse_request(parse_target("POST", path), head, body, depth=32).call
    substitutes = Substitutes(KeyedHash(bytes(32), "acme"))
    made = draft_of(served.runtime.models["chat"], call, call.texts(), substitutes)
    return replace(made, findings=[detector.detect(text) for text in made.texts])


@pytest.mark.parametrize("order", list(permutations((TOKENS, Clamp(8), Mask(("email",))))))
def test_the_policys_order_makes_no_difference(draft: Draft, order: tuple[Obligation, ...]) -> None:
    done = enforce(order, draft)
    wanted = demand(done, FREE, 60, ())
    assert "jane" not in done.prompts[0]
    assert done.counts == draft.model.counts(done.prompts)
    assert wanted.limits == (TOKENS,)
    assert wanted.worst == Usage(done.prompt_tokens, 2 * 8, 0, 60_000)


def test_the_worst_is_reserved_and_the_prompt_is_known(draft: Draft) -> None:
    price = Price(prompt=1_000_000, completion=2_000_000)
    done = enforce((REQUESTS, TOKENS), draft)
    wanted, prompt = demand(done, price, 60, ()), draft.prompt_tokens
    assert wanted.limits == (REQUESTS, TOKENS)
    assert wanted.worst == Usage(prompt, 200, prompt + 400, 60_000)
    assert wanted.least == Usage(prompt, 2, prompt + 4, 60_000)
    assert wanted.known == Usage(prompt, 0, prompt, 0)


@pytest.mark.parametrize(
    ("unit", "granted", "max_tokens"),
    [
        ("tokens", lambda prompt: prompt + 2 * 30 + 1, 30),
        ("completion_tokens", lambda _: 2 * 30 + 1, 30),
        ("cost", lambda prompt: prompt + 2 * 2 * 30 + 3, 30),
        ("tokens", lambda prompt: prompt + 200, 100),
    ],
)
def test_what_a_limit_grants_is_what_choices_may_use(
    draft: Draft, unit: Unit, granted: Callable[[int], int], max_tokens: int
) -> None:
    price = Price(prompt=1_000_000, completion=2_000_000)
    soft = Limit("soft", "all", unit, 60, 1000, on_exceed="clamp")
    done = enforce((soft,), draft)
    wanted = demand(done, price, 60, ())
    account = Account("acme", "acme/ada", "chat", "1")
    left = granted(done.prompt_tokens)
    reservation = Reservation("1", account, wanted, 0.0, (), (left,))
    assert clamped(done, reservation, price).max_tokens == max_tokens


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
