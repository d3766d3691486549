"""Tokens are counted and findings looked for once a request, whoever wants to know."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from extauth.content.guard import Guard
from extauth.content.privacy import Detector
from extauth.tokens import ChatTemplate
from extauth.tokens.tokenizer_json import TokenizerJson
from tests.gateway.served import CHAT, JSON, ROUTE, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from types import FrameType

    from tests.gateway.served import Served
    from tests.gateway.servers import Server

    Decide = Callable[..., Awaitable[None]]

_WORK = {
    TokenizerJson.count.__code__: ("tokens", "text"),
    Detector.detect_all.__code__: ("detection", "texts"),
    Guard.facts.__code__: ("guard", "texts"),
    ChatTemplate.render.__code__: ("template", "messages"),
}
"""What takes time with the length of a request, and which argument's length it is."""


@contextmanager
def worked() -> Iterator[Counter[str]]:
    """How often each kind of work was done meanwhile, and how much of it, by the interpreter."""
    done: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in _WORK:
            kind, argument = _WORK[frame.f_code]
            done[kind] += 1
            done[f"{kind} length"] += len(frame.f_locals[argument])

    sys.setprofile(note)
    try:
        yield done
    finally:
        sys.setprofile(None)


def limit(number: int, unit: str, **fields: Any) -> dict[str, Any]:
    """One of many."""
    name = f"{unit}-{number}"
    entry = {"type": "limit", "name": name, "key": name, "unit": unit, "window": 60}
    return {**entry, "max": 10**6, **fields}


MANY = [
    *(limit(each, unit) for each in range(10) for unit in ("tokens", "prompt_tokens", "cost")),
    {"type": "clamp", "max_tokens": 8},
    {"type": "context", "on_exceed": "drop_oldest", "room": 8},
    {"type": "settle", "by": "larger"},
    {"type": "guard", "links": "strip", "allowed_domains": []},
    {"type": "mask", "kinds": ["iban"]},
    {"type": "mask", "kinds": ["card"], "treatment": "note"},
]


@pytest.mark.parametrize("obligations", [[limit(0, "tokens")], MANY], ids=["one", "many"])
async def test_however_many_want_to_know(
    served: Served, server: Server, decide: Decide, obligations: list[dict[str, Any]]
) -> None:
    await decide(inference={"allow": True, "route": ROUTE, "obligations": obligations})
    with worked() as done:
        request, _ = await served.exchange({**CHAT, "stop": ["!"]})
    assert {kind: done[kind] for kind in ("template", "detection", "guard")} == {
        "template": 1,
        "detection": 1,
        "guard": 1,
    }
    # The prompt and the stop string.
    assert done["tokens"] == 2
    with worked() as done:
        await request.answer_headers(200, JSON, end=False)
        await request.chunk(server.whole("Hello there.", 3), end=True)
    # Triton tells its count with the text; one that comes behind the text may not come at all.
    assert done["tokens"] == {"triton": 0, "openai": 1}[server.kind]
    assert done["template"] == 0


async def test_a_route_that_is_decided_again_counts_nothing_again(
    served: Served, decide: Decide
) -> None:
    full = limit(0, "tokens", max=1, on_exceed="fallback")
    await decide(inference={"allow": True, "route": ROUTE, "obligations": [full]})
    with worked() as done, pytest.raises(Refused, match="tokens-0"):
        await served.dispatch()
    assert (done["tokens"], done["detection"], done["template"]) == (1, 1, 1)


async def test_only_a_text_that_changed_is_counted_again(served: Served) -> None:
    text = "Mail jane@example.com. " + "And nothing else is to be seen here. " * 20
    messages = [{"role": "user", "content": text}]
    with worked() as done:
        await served.dispatch({**CHAT, "messages": messages})
    assert (done["tokens"], done["template"]) == (2, 2)
    assert done["detection"] == 1
    assert done["tokens length"] < 2.2 * len(text)
