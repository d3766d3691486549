"""The turns that a chat could go on without, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extauth.types.call.messages import Message

_STANDING: Final = ("system", "developer")


def turns_of(messages: Sequence[Message]) -> list[int | None]:
    """Return the number of each message's turn, 0 the oldest; None for what must stay.

    A turn is a user's message with all that answers it, so that what is left still alternates as
    most chat templates want. After the last user's message, it is what the assistant said or
    called, with the results. A call and its results are never in two turns. To stay are the
    system's and developer's messages, the last user's, and the last turn, which the model is to
    answer. Linear in the number of messages.
    """
    last_user = max((at for at, one in enumerate(messages) if one.role == "user"), default=-1)
    answered = _answered(messages)
    turns: list[int | None] = []
    turn = reach = -1
    for at, message in enumerate(messages):
        if message.role in _STANDING:
            turns.append(None)
            continue
        opens = message.role == ("user" if at <= last_user else "assistant")
        # `reach` is the last result of all calls so far: within it there is no cut.
        if turn < 0 or (opens and reach < at):
            turn += 1
        reach = max(reach, answered[at])
        turns.append(turn)
    staying = {None, turn, turns[last_user]}
    numbers: dict[int | None, int] = {}
    return [None if turn in staying else numbers.setdefault(turn, len(numbers)) for turn in turns]


def _answered(messages: Sequence[Message]) -> list[int]:
    """Return where the last result of each message's tool calls is; -1 without one.

    A result belongs to the latest call of its id: clients use ids again.
    """
    answered = [-1] * len(messages)
    callers: dict[str, int] = {}
    for at, message in enumerate(messages):
        for call in message.tool_calls or ():
            callers[call.id] = at
        if message.tool_call_id is not None:
            answered[callers.get(message.tool_call_id, at)] = at
    return answered
