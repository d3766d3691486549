"""What every contender is asked: a chat request of about 1 KB, no two of them alike."""

from __future__ import annotations

import json

SYSTEM = (
    "You are the assistant of a company's support desk. Answer briefly, in plain words, and say so "
    "when you do not know. Never promise a refund, and never name a colleague. When a question is "
    "about a delivery, ask for the day it was ordered on and for the kind of parcel it was."
)
MARK = "qqqqqqqq"
"""Stands in the question for eight letters that are other ones in every request."""

QUESTION = (
    f"Hello, this is about my order {MARK}. I bought a coffee machine and two bags of beans from "
    "your shop some weeks ago. The "
    "beans came after three days, well packed, and they are very good. The machine came a week "
    "later, and its water tank has a crack along the left edge, so that it loses a cup of water "
    "every hour. I have kept the box. What do I have to do to get another tank, who pays for "
    "sending the broken one back, and how long does that take? I would rather not send the whole "
    "machine, since we use it every day."
)
ORIGINALS = ("grace.hopper@example.com", "4111 1111 1111 1111")
"""Sensitive data: the number is a card industry's test number."""

_SENSITIVE = f" You reach me at {ORIGINALS[0]}; I paid with the card {ORIGINALS[1]}."


def chat(*, stream: bool = False, sensitive: bool = False) -> bytes:
    """The body of `POST /v1/chat/completions`."""
    question = QUESTION + _SENSITIVE if sensitive else QUESTION
    return json.dumps(
        {
            "model": "chat",
            "messages": [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": question},
            ],
            "max_tokens": 64,
            "temperature": 0.7,
            "stream": stream,
        }
    ).encode()
