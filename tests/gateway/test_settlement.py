"""One number: what the client is told, what is charged, and what is on record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from extauth.types import Usage
from tests.gateway.served import CHAT, EVENTS, JSON, ROUTE, Refused, altered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from extauth.snapshot import Snapshot
    from tests.gateway.served import Loaded, Served
    from tests.gateway.servers import Server

    Estimating = Callable[..., Awaitable[None]]

KSERVE = "/v2/models/chat/versions/1"
PROMPT = "Say hello to the whole wide world."
STREAM = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture(scope="module")
def estimated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Snapshot, str], Snapshot]:
    """A demo as if nobody had given it the tokenizer of `chat`, settled by this."""
    made: dict[tuple[Path, str], Snapshot] = {}

    def of(snapshot: Snapshot, by: str) -> Snapshot:
        key = (snapshot.root, by)
        if key not in made:
            kinds = {} if by == "as shipped" else {"triton": by, "openai": by}
            made[key] = altered(
                snapshot,
                tmp_path_factory.mktemp("estimating") / "snapshot",
                {"models": {"chat": {"tokenizer": None}}},
                {"settlement": {"kinds": kinds}},
            )
        return made[key]

    return of


@pytest.fixture
def estimating(
    served: Served, loaded: Loaded, estimated: Callable[[Snapshot, str], Snapshot]
) -> Estimating:
    """Serves it."""

    async def serve(by: str = "larger") -> None:
        served.runtime = await loaded.open(estimated(served.runtime.snapshot, by), served.ring)

    return serve


def usages(events: bytes) -> list[dict[str, int]]:
    """Every usage in a stream."""
    lines = [line[6:] for line in events.decode().split("\n\n") if line]
    return [
        chunk["usage"] for line in lines if line != "[DONE]" if (chunk := json.loads(line))["usage"]
    ]


async def recorded(served: Served) -> Usage:
    """What is on record, which is what is in the ledger."""
    record = await served.record()
    assert record.usage is not None
    usage = Usage(record.usage.prompt_tokens, record.usage.completion_tokens)
    assert usage == served.charged()
    return usage


async def test_an_estimate_is_a_fact_and_is_reserved(
    served: Served, estimating: Estimating
) -> None:
    exact, _ = await served.dispatch()
    await estimating()
    estimated, dispatch = await served.dispatch()
    assert exact.entry.facts is not None
    assert exact.entry.facts.tokens is not None
    assert estimated.entry.facts is not None
    assert estimated.entry.facts.tokens is not None
    assert exact.entry.facts.tokens.exact
    assert not estimated.entry.facts.tokens.exact
    assert estimated.entry.facts.tokens.prompt == dispatch.worst_case.prompt_tokens
    assert estimated.entry.facts.tokens.prompt > exact.entry.facts.tokens.prompt
    for transaction in (exact, estimated):
        await transaction.disconnected()


@pytest.mark.parametrize(
    ("by", "told", "charged"),
    [
        ("larger", (9000, 4), (9000, 12)),
        ("larger", (9, 90), (None, 90)),
        ("larger", (None, None), (None, 12)),
        ("backend", (9, 4), (9, 4)),
        ("backend", (None, 4), (None, 4)),
        ("backend", (None, None), (None, 12)),
    ],
)
@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["plain", "stream"])
async def test_an_estimate_is_settled_as_the_policy_says(  # noqa: PLR0917 - a table's columns
    served: Served,
    server: Server,
    estimating: Estimating,
    by: str,
    told: tuple[int | None, int | None],
    charged: tuple[int | None, int],
    body: dict[str, Any],
) -> None:
    await estimating(by)
    request, dispatch = await served.exchange(body)
    prompt = charged[0] or dispatch.worst_case.prompt_tokens
    if body is STREAM:
        assert (await request.answer_headers(200, EVENTS, end=False)).chunked
        event = server.event("Hello there.", told[1], "stop", prompt=told[0])
        out = await request.chunk(event, end=False)
        out += await request.chunk(b"", end=True)
        (usage,) = usages(out)
    else:
        await request.answer_headers(200, JSON, end=False)
        answer = server.whole("Hello there.", told[1], prompt=told[0])
        usage = json.loads((await request.chunk(answer, end=True)).body)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, charged[1])
    assert await recorded(served) == Usage(prompt, charged[1])


async def test_the_shipped_policy_charges_by_the_kind_of_backend(
    served: Served, server: Server, estimating: Estimating
) -> None:
    await estimating("as shipped")
    request, _ = await served.exchange()
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.whole("Hello there.", 2, prompt=9), end=True)
    charged = await recorded(served)
    assert charged.completion_tokens == {"openai": 2, "triton": 12}[server.kind]
    assert (charged.prompt_tokens == 9) == (server.kind == "openai")


async def test_the_shipped_policy_charges_several_choices_by_the_larger(
    served: Served, server: Server, estimating: Estimating
) -> None:
    """This server counts half of them."""
    await estimating("as shipped")
    request, _ = await served.exchange({**CHAT, "n": 2})
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.choices("Hello there.", "Hello there.", tokens=[6, 6]), end=True)
    assert (await recorded(served)).completion_tokens == 24


async def test_a_policy_without_a_word_of_it_charges_the_larger(
    served: Served, server: Server, decide: Callable[..., Awaitable[None]]
) -> None:
    await decide(inference={"allow": True, "route": ROUTE, "obligations": []})
    request, dispatch = await served.exchange()
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.whole("Hello there.", 90, prompt=1), end=True)
    assert await recorded(served) == Usage(dispatch.worst_case.prompt_tokens, 90)


async def test_counts_of_single_responses_add_up(served: Served, estimating: Estimating) -> None:
    """As vLLM's backend of Triton streams them; it ends with Python's None for all but the last."""
    await estimating("backend")
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    out = b""
    for text, reason in (("Hel", "None"), ("lo", "None"), ("", "stop")):
        piece = {"text_output": text, "finish_reason": reason, "num_output_tokens": 2}
        event = json.dumps({**piece, "num_input_tokens": 11}).encode()
        out += await request.chunk(b"data: " + event + b"\n\n", end=False)
    out += await request.chunk(b"", end=True)
    (usage,) = usages(out)
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (11, 6)
    assert await recorded(served) == Usage(11, 6)


async def test_a_client_that_leaves_is_charged_what_it_may_have_seen(
    served: Served, server: Server, estimating: Estimating
) -> None:
    await estimating("backend")
    request, _ = await served.exchange(STREAM)
    await request.answer_headers(200, EVENTS, end=False)
    await request.chunk(server.event("Hel", 1, prompt=11), end=False)
    await served.leave(request)
    assert await recorded(served) == Usage(11, 1)


async def test_with_the_tokenizer_the_models_own_count_of_its_answer_holds(
    served: Served, server: Server
) -> None:
    request, dispatch = await served.exchange()
    prompt = dispatch.worst_case.prompt_tokens
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.whole("Hello there.", 2, prompt=prompt), end=True)
    assert await recorded(served) == Usage(prompt, 2)


async def test_a_backend_that_reads_more_than_we_count_is_believed(
    served: Served, server: Server
) -> None:
    """The tokenizer of the configuration is not the model's, then."""
    request, _ = await served.exchange()
    await request.answer_headers(200, JSON, end=False)
    await request.chunk(server.whole("Hello there.", 2, prompt=700), end=True)
    assert await recorded(served) == Usage(700, 2)


@pytest.mark.parametrize("by", ["larger", "backend"])
async def test_a_kserve_client_is_told_what_it_is_charged(
    served: Served, server: Server, estimating: Estimating, by: str
) -> None:
    await estimating(by)
    body = {"text_input": PROMPT, "max_tokens": 16}
    request, dispatch = await served.exchange(body, served.head(f"{KSERVE}/generate"))
    await request.answer_headers(200, JSON, end=False)
    answer = await request.chunk(server.whole("Hello there.", 4, prompt=9), end=True)
    fields = json.loads(answer.body)
    wanted = Usage(9, 4) if by == "backend" else Usage(dispatch.worst_case.prompt_tokens, 12)
    assert (fields["prompt_tokens"], fields["completion_tokens"]) == (
        wanted.prompt_tokens,
        wanted.completion_tokens,
    )
    assert await recorded(served) == wanted


async def test_a_kserve_stream_tells_what_is_charged(
    served: Served, server: Server, estimating: Estimating
) -> None:
    await estimating()
    body = {"text_input": PROMPT, "max_tokens": 16}
    head = served.head(f"{KSERVE}/generate_stream")
    request, dispatch = await served.exchange(body, head)
    await request.answer_headers(200, EVENTS, end=False)
    prompt, out = dispatch.worst_case.prompt_tokens, b""
    for tokens, text in enumerate(("Hello", " there"), 1):
        event = server.event(text, tokens, "stop" if tokens == 2 else "", prompt=9)
        out += await request.chunk(event, end=False)
    out += await request.chunk(b"", end=True)
    events = [json.loads(line[6:]) for line in out.decode().split("\n\n") if line]
    counted = [event for event in events if "prompt_tokens" in event]
    # Triton counts with every event, the others count the answer as a whole.
    assert counted == events if server.kind == "triton" else events[-1:]
    assert {event["prompt_tokens"] for event in counted} == {prompt}
    assert counted[-1]["completion_tokens"] == 11
    assert await recorded(served) == Usage(prompt, 11)


def tensor(name: str, datatype: str, data: bytes | list[Any]) -> dict[str, Any]:
    """An output of one element, in either encoding."""
    if isinstance(data, bytes):
        size = {"binary_data_size": len(data)}
        return {"name": name, "datatype": datatype, "shape": [1], "parameters": size}
    return {"name": name, "datatype": datatype, "shape": [1], "data": data}


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("binary", [False, True])
async def test_tensors_tell_what_is_charged(
    served: Served, estimating: Estimating, binary: bool
) -> None:
    await estimating()
    inputs = [{"name": "text_input", "datatype": "BYTES", "shape": [1], "data": [PROMPT]}]
    request, dispatch = await served.exchange({"inputs": inputs}, served.head(f"{KSERVE}/infer"))
    prompt, text = dispatch.worst_case.prompt_tokens, b"Hello there."
    parts = [len(text).to_bytes(4, "little") + text, *(np.int32(n).tobytes() for n in (9, 4))]
    outputs = [
        tensor("text_output", "BYTES", parts[0] if binary else [text.decode()]),
        tensor("prompt_tokens", "INT32", parts[1] if binary else [9]),
        tensor("completion_tokens", "INT32", parts[2] if binary else [4]),
    ]
    body = json.dumps({"model_name": "chat", "model_version": "1", "outputs": outputs}).encode()
    length = {"inference-header-content-length": str(len(body))}
    await request.answer_headers(200, {**JSON, **length} if binary else JSON, end=False)
    answer = await request.chunk(body + b"".join(parts) if binary else body, end=True)
    if binary:
        counts = np.frombuffer(answer.body[-8:], np.int32).tolist()
    else:
        counts = [one["data"][0] for one in json.loads(answer.body)["outputs"][1:]]
    assert counts == [prompt, 12]
    assert await recorded(served) == Usage(prompt, 12)


async def test_token_ids_mean_nothing_without_the_tokenizer(
    served: Served, estimating: Estimating
) -> None:
    await estimating()
    with pytest.raises(Refused, match="send text"):
        await served.dispatch(
            {"model": "chat", "prompt": [1, 2, 3]}, served.head("/v1/completions")
        )
