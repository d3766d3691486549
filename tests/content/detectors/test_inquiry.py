"""The answers of all services about one request, merged."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from extauth.content.detectors import ExternalServices, Inquiry, open_externals
from extauth.content.detectors.bounded import Bounded, ExternalMetrics
from extauth.content.detectors.connections import Connections
from extauth.content.privacy import Finding, resolve
from extauth.observability.metrics import Metrics
from tests.content.detectors.conftest import serving, span, spans, tensor, text_model, token_model

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from extauth.snapshot import Snapshot
    from tests.content.detectors.conftest import Server

TEXTS = ["", "Ask Jane", "  ", "jane@example.com in Oslo"]
SCORES = {
    "outputs": [tensor("LABELS", [1, 1], ["bad"]), tensor("SCORES", [1, 1], [0.5])],
}


def externals(snapshot: Snapshot, **fields: Any) -> ExternalServices:
    """Return the services of the demo's settings with these detectors and classifiers."""
    made = open_externals(msgspec.structs.replace(snapshot.settings, **fields))
    assert made is not None
    return made


def inquiry(asked: ExternalServices, texts: Sequence[str] = TEXTS, model: str = "chat") -> Inquiry:
    """Return an inquiry about one request."""
    return Inquiry(asked, texts, model, ExternalMetrics(Metrics()))


def test_without_a_configuration_nobody_is_asked(snapshot: Snapshot) -> None:
    assert open_externals(snapshot.settings) is None


async def test_findings_join_those_of_the_gateway(snapshot: Snapshot, server: Server) -> None:
    server.says = lambda _: spans([span("PER", 4, 8)], [span("LOC", 20, 24), span("PER", 0, 4)])
    asked = externals(snapshot, detectors={"names": token_model(server.url)})
    about = inquiry(asked)
    assert await about.about("chat")
    email = Finding("email", 0, 16, "email", 0.9)
    assert about.merged([(), (), (), (email,)]) == [
        (),
        (Finding("person", 4, 8, "names", 0.9),),
        (),
        (
            Finding("person", 0, 4, "names", 0.9),
            email,
            Finding("location", 20, 24, "names", 0.9),
        ),
    ]
    assert server.asked[0][1]["inputs"][0]["data"] == ["Ask Jane", "jane@example.com in Oslo"]
    assert about.absent == ()
    await asked.close()


async def test_all_are_asked_at_once(snapshot: Snapshot, server: Server) -> None:
    """Neither of the two answers before both were asked."""
    server.held = asyncio.Event()

    def says(body: Any) -> Any:
        return spans([]) if body["outputs"] == [{"name": "SPANS"}] else SCORES

    server.says = says
    async with serving() as other:
        other.held, other.says = asyncio.Event(), says
        asked = externals(
            snapshot,
            detectors={"names": token_model(server.url)},
            classifiers={"injection": text_model(other.url)},
        )
        about = inquiry(asked, ["Ask Jane"])
        asking = asyncio.create_task(about.about("chat"))
        await server.arrived.wait()
        await other.arrived.wait()
        server.held.set()
        other.held.set()
        await asking
    assert about.scores == {"injection": {"bad": 0.5}}
    await asked.close()


async def test_reading_goes_on_while_others_are_asked(snapshot: Snapshot, server: Server) -> None:
    server.held, server.says = asyncio.Event(), lambda _: spans([span("PER", 4, 8)])
    asked = externals(snapshot, detectors={"names": token_model(server.url)})
    about = inquiry(asked, ["Ask Jane"])

    async def read() -> str:
        await server.arrived.wait()
        assert server.held is not None
        server.held.set()
        return "read"

    assert await about.beside(read()) == "read"
    assert about.merged([()]) == [(Finding("person", 4, 8, "names", 0.9),)]
    await asked.close()


async def test_who_does_not_answer_is_absent(snapshot: Snapshot, server: Server) -> None:
    server.says = lambda _: spans([span("PER", 4, 8)])
    asked = externals(
        snapshot,
        detectors={"names": token_model(server.url), "far": token_model("http://127.0.0.1:1")},
        classifiers={"injection": text_model(server.url)},
    )
    about = inquiry(asked, ["Ask Jane"])
    await about.about("chat")
    assert about.absent == ("far", "injection")
    assert about.merged([()]) == [(Finding("person", 4, 8, "names", 0.9),)]
    await asked.close()


async def test_each_is_asked_once_and_about_its_models(snapshot: Snapshot, server: Server) -> None:
    server.says = lambda _: spans([])
    asked = externals(
        snapshot,
        detectors={
            "all": token_model(server.url, model="all"),
            "echoes": token_model(server.url, model="echoes", models=("echo",)),
        },
    )
    about = inquiry(asked, ["Ask Jane"])
    assert await about.about("chat")
    assert not await about.about("chat")
    assert await about.about("echo")
    assert [path.split("/")[3] for path, _ in server.asked] == ["all", "echoes"]
    await asked.close()


async def test_nothing_is_asked_about_nothing(snapshot: Snapshot, server: Server) -> None:
    asked = externals(snapshot, detectors={"names": token_model(server.url)})
    about = inquiry(asked, ["", " \n"])
    assert not await about.about("chat")
    assert (server.asked, about.absent) == ([], ())


FINDINGS = st.builds(
    lambda kind, start, length: Finding(kind, start, start + length, "any", 0.9),
    st.sampled_from(["person", "location", "email"]),
    st.integers(0, 30),
    st.integers(1, 10),
)


@given(st.lists(FINDINGS, max_size=6), st.lists(FINDINGS, max_size=6))
async def test_whatever_is_found_stays_covered(own: list[Finding], told: list[Finding]) -> None:
    """Findings of one kind never overlap, and no character that was found is left out."""

    async def detect(texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        return [tuple(told) for _ in texts]

    bounded = Bounded("names", token_model("http://127.0.0.1:1"), detect)
    about = inquiry(ExternalServices([bounded], [], Connections()), ["x" * 40])
    await about.about("chat")
    (merged,) = about.merged([ordered(own)])
    assert merged == ordered((*own, *told))
    for kind in ("person", "location", "email"):
        covered = [place for each in merged if each.kind == kind for place in places(each)]
        there = {place for each in (*own, *told) if each.kind == kind for place in places(each)}
        assert sorted(covered) == sorted(there)


def ordered(findings: Collection[Finding]) -> tuple[Finding, ...]:
    """Return findings in the built-in detection's form: those of a kind resolved, all by start."""
    kinds = {finding.kind for finding in findings}
    resolved = [
        one for kind in kinds for one in resolve(each for each in findings if each.kind == kind)
    ]
    return tuple(sorted(resolved, key=lambda each: (each.start, each.end, each.kind)))


def places(finding: Finding) -> range:
    """Return the characters that the findings cover."""
    return range(finding.start, finding.end)
