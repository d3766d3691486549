"""Which turns a chat could go on without."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert

from extauth.types.call import Message
from extauth.types.call.turns import turns_of


def messages(script: str) -> list[Message]:
    """`s` system, `d` developer, `u` user, `a` assistant, `c1` a call, `r1` its result."""
    made: list[dict[str, Any]] = []
    for word in script.split():
        match word[0]:
            case "c":
                calls = [
                    {"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}}
                    for one in word[1:]
                ]
                made.append({"role": "assistant", "tool_calls": calls})
            case "r":
                made.append({"role": "tool", "tool_call_id": word[1:], "content": "done"})
            case role:
                names = {"s": "system", "d": "developer", "u": "user", "a": "assistant"}
                made.append({"role": names[role], "content": word})
    return convert(made, list[Message])


@pytest.mark.parametrize(
    ("script", "turns"),
    [
        ("u", [None]),
        ("s u", [None, None]),
        ("u a u", [0, 0, None]),
        ("s u a u a u", [None, 0, 0, 1, 1, None]),
        ("u a s d u a u", [0, 0, None, None, 1, 1, None]),
        # What comes ahead of the first user is a turn, and so is each of two users in a row.
        ("a u u a u", [0, 1, 2, 2, None]),
        # A call goes with its results, whatever is said in between.
        ("u c1 r1 a u", [0, 0, 0, 0, None]),
        ("u c12 r1 r2 a u a u", [0, 0, 0, 0, 0, 1, 1, None]),
        ("u a u c1 u r1 a u", [0, 0, 1, 1, 1, 1, 1, None]),
        # After the last user it is a call that is a turn, but for the one to be answered now.
        ("u c1 r1 c2 r2", [None, 0, 0, None, None]),
        ("u a u c1 r1 c2 r2 c3 r3", [0, 0, None, 1, 1, 2, 2, None, None]),
        ("u c1 c2 r1 r2 c3 r3", [None, 0, 0, 0, 0, None, None]),
        # The last user is asked in the middle of a call: that call stays.
        ("u a c1 u r1", [None, None, None, None, None]),
        ("u a u c1 u r1", [0, 0, None, None, None, None]),
        # An id that is used again is another call.
        ("u c1 r1 u c1 r1 u", [0, 0, 0, 1, 1, 1, None]),
        ("s", [None]),
        ("u a", [None, None]),
        ("r9 u", [0, None]),
    ],
)
def test_turns(script: str, turns: list[int | None]) -> None:
    assert turns_of(messages(script)) == turns


words = st.sampled_from(["s", "d", "u", "a", "c1", "c2", "c12", "r1", "r2"])


@given(st.lists(words, min_size=1, max_size=30).map(" ".join), st.integers(0, 12))
def test_whatever_goes_what_must_stay_stays(script: str, dropped: int) -> None:
    chat = messages(script)
    turns = turns_of(chat)
    kept = [turn is None or turn >= dropped for turn in turns]
    assert all(kept[at] for at, one in enumerate(chat) if one.role in ("system", "developer"))
    users = [at for at, one in enumerate(chat) if one.role == "user"]
    assert all(kept[at] for at in users[-1:])
    spoken = [at for at, one in enumerate(chat) if one.role not in ("system", "developer")]
    assert all(kept[at] for at in spoken[-1:])
    called: dict[str, int] = {}
    for at, one in enumerate(chat):
        called |= {call.id: at for call in one.tool_calls or ()}
        if one.tool_call_id in called:
            assert kept[at] == kept[called[one.tool_call_id]]


@given(st.lists(words, min_size=1, max_size=30).map(" ".join))
def test_they_are_numbered_from_the_oldest(script: str) -> None:
    numbers = [turn for turn in turns_of(messages(script)) if turn is not None]
    assert numbers[:1] in ([], [0])
    assert all(after - before in (0, 1) for before, after in pairwise(numbers))
