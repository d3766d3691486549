"""Requests through the gateway's stages, with external services."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from extauth.snapshot import Snapshot
from tests.content.detectors.conftest import span, spans, tensor, text_model, token_model
from tests.gateway.served import ROUTE, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.content.detectors.conftest import Server
    from tests.gateway.served import Served

pytestmark = pytest.mark.slow

TEXT = "Ask Desmond Achebe about it."
BODY = {"model": "chat", "messages": [{"role": "user", "content": TEXT}], "max_tokens": 16}
NOBODY = "http://127.0.0.1:1"


def says(body: Any) -> Any:
    """Answer with the span of the name wherever it stands, and with a score."""
    texts = body["inputs"][0]["data"]
    if body["outputs"] != [{"name": "SPANS"}]:
        shape, data = [len(texts), 1], ["attack"] * len(texts)
        scores = tensor("SCORES", shape, [0.75] * len(texts))
        return {"outputs": [tensor("LABELS", shape, data), scores]}
    name = "Desmond Achebe"
    return spans(
        *(
            [span("PER", text.index(name), text.index(name) + len(name))] if name in text else []
            for text in texts
        )
    )


def configured(root: Path, snapshot: Snapshot, data: object = None, **fields: Any) -> Snapshot:
    """Return `snapshot` with these settings, and with `data` in data.detectors."""
    shutil.copytree(snapshot.root, root)
    settings = msgspec.structs.replace(snapshot.settings, **fields)
    (root / "settings.json").write_bytes(msgspec.json.encode(settings))
    if data is not None:
        file = root / "policy/data.json"
        held = json.loads(file.read_text())
        held["detectors"] |= data
        file.write_text(json.dumps(held))
    return Snapshot.load(root)


def sent(body: bytes | None) -> str:
    """Return the prompt that the model would get."""
    return str(json.loads(body or b"")["text_input"])


async def test_what_is_found_outside_is_masked_like_all_else(
    served: Served, snapshot: Snapshot, server: Server, tmp_path: Path
) -> None:
    server.says = says
    detectors = {"names": token_model(server.url)}
    await served.serve(configured(tmp_path / "s", snapshot, detectors=detectors))
    transaction, dispatch = await served.dispatch(BODY)
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.sensitive == {"person": 1}
    assert transaction.entry.facts.absent == ()
    assert "Achebe" not in sent(dispatch.request.body)
    assert "[PERSON_1" in sent(dispatch.request.body)


async def test_scores_are_facts(
    served: Served, snapshot: Snapshot, server: Server, tmp_path: Path
) -> None:
    server.says = says
    classifiers = {"injection": text_model(server.url)}
    await served.serve(configured(tmp_path / "s", snapshot, classifiers=classifiers))
    transaction, _ = await served.dispatch(BODY)
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.classifiers == {"injection": {"attack": 0.75}}


async def test_a_score_may_be_too_high(
    served: Served, snapshot: Snapshot, server: Server, tmp_path: Path
) -> None:
    server.says = says
    classifiers = {"injection": text_model(server.url)}
    bounds = {"scores": {"injection": {"attack": 0.7}}}
    await served.serve(configured(tmp_path / "s", snapshot, bounds, classifiers=classifiers))
    with pytest.raises(Refused) as caught:
        await served.dispatch(BODY)
    assert (caught.value.code, caught.value.status) == ("detectors.score", 403)


async def test_who_does_not_answer_denies_for_now(
    served: Served, snapshot: Snapshot, tmp_path: Path
) -> None:
    detectors = {"names": token_model(NOBODY)}
    await served.serve(configured(tmp_path / "s", snapshot, detectors=detectors))
    with pytest.raises(Refused) as caught:
        await served.dispatch(BODY)
    assert (caught.value.code, caught.value.status) == ("detectors.absent", 503)
    assert caught.value.told == "names can't look at the request at the moment"


@pytest.mark.parametrize(
    "data",
    [
        {"dispensable": ["names"]},
        {"tiers": {"premium": ["names"]}},
        {"tenants": {"acme": ["names"]}},
    ],
)
async def test_the_data_says_who_may_be_missing(
    served: Served, snapshot: Snapshot, tmp_path: Path, data: object
) -> None:
    detectors = {"names": token_model(NOBODY)}
    await served.serve(configured(tmp_path / "s", snapshot, data, detectors=detectors))
    transaction, dispatch = await served.dispatch(BODY)
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.absent == ("names",)
    assert "Achebe" in sent(dispatch.request.body)


async def test_a_route_leads_to_a_model_with_a_detector_of_its_own(
    served: Served,
    server: Server,
    tmp_path: Path,
    decide: Callable[..., Awaitable[None]],
) -> None:
    """The client asks for a model without a detector; the policy chooses another."""
    server.says = says
    mask = {"type": "mask", "kinds": ["person"], "treatment": "redact"}
    route = ROUTE | {"model": "echo"}
    await decide(inference={"allow": True, "route": route, "obligations": [mask]})
    detectors = {"names": token_model(server.url, models=("echo",))}
    decided = served.runtime.snapshot
    await served.serve(configured(tmp_path / "s", decided, detectors=detectors))
    transaction, dispatch = await served.dispatch(BODY)
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.sensitive == {"person": 1}
    assert "Achebe" not in sent(dispatch.request.body)


async def test_nobody_hears_of_a_model_that_is_not_there(
    served: Served, snapshot: Snapshot, server: Server, tmp_path: Path
) -> None:
    detectors = {"names": token_model(server.url)}
    await served.serve(configured(tmp_path / "s", snapshot, detectors=detectors))
    with pytest.raises(Refused, match="does not exist"):
        await served.dispatch(BODY | {"model": "nonesuch"})
    assert server.asked == []


async def test_a_large_body_is_read_while_others_are_asked(
    served: Served, snapshot: Snapshot, server: Server, tmp_path: Path
) -> None:
    server.says = says
    detectors = {"names": token_model(server.url)}
    await served.serve(configured(tmp_path / "s", snapshot, detectors=detectors))
    transaction, dispatch = await served.dispatch(json.dumps(BODY).encode() + b" " * 40_000)
    assert transaction.entry.facts is not None
    assert transaction.entry.facts.sensitive == {"person": 1}
    assert "Achebe" not in sent(dispatch.request.body)
