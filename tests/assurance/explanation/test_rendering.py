"""How an explanation reads: for people, for programs, for a ticket."""

from __future__ import annotations

import json

import msgspec
import pytest

from extauth.assurance.explanation import markdown, text
from extauth.assurance.explanation.explained import (
    Altered,
    Condition,
    Explanation,
    FactChange,
    Fired,
    Flip,
    GrantedObligation,
    Nearly,
    RecordedDecision,
    Routed,
    Step,
    Value,
    as_json,
)
from extauth.assurance.explanation.leaves import document_of
from extauth.obligations import Decision, Reason, Route

from .conftest import BASE

REASON = Reason("tokens.prompt", "too long | <b>")
ROUTE = Route("chat", "2", "triton")
LIMIT = {"type": "limit", "name": "n", "max": 5}
DENIED = Explanation(
    stage="inference",
    policies="d" * 64,
    facts=document_of(BASE),
    decision=Decision(allow=False, reasons=(REASON,)),
    recorded=RecordedDecision(
        "one", 0, "s" * 64, "denied", 403, "tokens.prompt", None, differs=True
    ),
    fired=(
        Fired(
            REASON,
            "gateway/tokens/tokens.rego:12",
            "tokens.deny",
            (
                Condition(
                    "gateway/tokens/tokens.rego:14",
                    "input.tokens.prompt > ceiling",
                    (Value("ceiling", 8192),),
                    (Condition("gateway/x.rego:1", "inner", (Value("y", "z"),)),),
                ),
            ),
        ),
    ),
    nearly=(
        Nearly(
            Reason("usage.day", "m"),
            "gateway/usage/usage.rego:11",
            "usage.deny",
            Condition("gateway/usage/usage.rego:13", "used >= most", (Value("used", 3),)),
        ),
    ),
    flips=(Flip("tokens.prompt", 9000, 8192, 1), Flip("principal.tier", "a", "b", also=("c",))),
    what_if=Altered(
        (FactChange("tokens.prompt", 9000, 1),),
        Decision(allow=True, route=ROUTE, obligations=()),
        gone=(Fired(REASON, "gateway/tokens/tokens.rego:12", "tokens.deny"),),
        obligations_appeared=(LIMIT,),
    ),
)
ALLOWED = Explanation(
    stage="inference",
    policies="policies",
    facts=document_of(BASE),
    decision=Decision(allow=True, route=ROUTE, obligations=()),
    recorded=RecordedDecision("one", 0, "s" * 64, "limited", 429, "limit", None, differs=False),
    obligations=(GrantedObligation(LIMIT, "gateway/limits/limits.rego:20", "limits.obligations"),),
    route=Routed(
        ROUTE,
        "gateway/routing/routing.rego:13",
        "routing.route",
        (Step("gateway/routing/routing.rego:30", "routing.preferred", "2"),),
    ),
)


def test_the_decision_comes_first() -> None:
    lines = text.render(DENIED).splitlines()

    assert lines[0].startswith("DENIED 403 by tokens.prompt  at inference  chat.completions  chat")
    assert "acme/ada (tenant acme, tier premium, developer)" in lines[0]
    assert "request one" in lines[0]
    assert "recorded otherwise" in lines[1]
    titles = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert titles == [
        "fired",
        "nearly fired, but for one condition",
        "would be allowed with one change",
        "what if",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "gateway/tokens/tokens.rego:14 input.tokens.prompt > ceiling ceiling = 8192",
        'gateway/x.rego:1 fails: inner y = "z"',
        "usage.day gateway/usage/usage.rego:13 used >= most used = 3",
        "tokens.prompt 9000 -> 8192",
        'principal.tier "a" -> "b" (also "c")',
    ],
)
def test_a_line_holds_place_condition_and_values(line: str) -> None:
    assert line in [" ".join(found.split()) for found in text.render(DENIED).splitlines()]


def test_an_allow_shows_what_it_came_to() -> None:
    shown = text.render(ALLOWED)

    assert shown.startswith("ALLOWED  at inference")
    assert "allowed by policy, and then limited: 429 limit" in shown
    assert "gateway/limits/limits.rego:20  limit n  max=5" in shown
    assert "chat@2 on triton" in shown
    assert "would be denied with one change\n  none was found" in shown


def test_control_characters_never_reach_the_terminal() -> None:
    evil = msgspec.structs.replace(REASON, message="\x1b[31mred\r\n")
    fired = msgspec.structs.replace(DENIED.fired[0], reason=evil)

    assert "\x1b" not in text.render(msgspec.structs.replace(DENIED, fired=(fired,)))


@pytest.mark.parametrize("explanation", [DENIED, ALLOWED])
def test_json_holds_everything(explanation: Explanation) -> None:
    rendered = as_json(explanation)

    assert msgspec.json.decode(rendered, type=Explanation) == explanation
    assert json.loads(rendered)["decision"]["allow"] is (explanation is ALLOWED)


def test_markdown_is_a_table_that_policies_can_not_break() -> None:
    shown = markdown.render(DENIED)

    assert shown.startswith("## DENIED 403 by tokens.prompt")
    assert "- **tokens.prompt** `gateway/tokens/tokens.rego:12` too long | &lt;b>" in shown
    assert "| usage.day | `gateway/usage/usage.rego:13` | `used >= most` | used = 3 |" in shown
    assert "| `tokens.prompt` | `9000 -> 8192` |  |" in shown
    assert "- now `limit n  max=5`" in shown
