"""The server's own health and metadata: of the model servers that a policy shows."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from extauth.audit import Outcome
from extauth.gateway.health import Health
from extauth.gateway.step import Answer, Refuse
from extauth.settings import BackendSettings
from extauth.snapshot import Snapshot
from tests.gateway.served import Served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

READY = "/v2/health/ready"


class Inside:
    """Envoy's own socket: every cluster answers what `says` has for it, and nothing otherwise."""

    def __init__(self) -> None:
        self.says: dict[str, int] = {}
        self.asked: list[tuple[str, str]] = []

    @asynccontextmanager
    async def serving(self, socket: Path) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        server = await asyncio.start_unix_server(self._serve, str(socket))
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ") for line in head[1:] if line)
        cluster = headers["x-sluice-metadata-cluster"]
        self.asked.append((cluster, head[0].split()[1]))
        if cluster in self.says:
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.says[cluster])
        writer.close()


@pytest.fixture
async def inside(served: Served) -> AsyncIterator[Inside]:
    """Envoy, where the gateway of the test asks."""
    made = Inside()
    with tempfile.TemporaryDirectory(prefix="inside") as directory:
        socket = Path(directory) / "b.sock"
        served.gateway._health = Health(socket)
        async with made.serving(socket):
            yield made
        await served.gateway.close()


@pytest.fixture
def behind(served: Served, snapshot: Snapshot, tmp_path: Path) -> Callable[..., Snapshot]:
    """A configuration whose models are behind other model servers."""

    def made(**kinds: str) -> Snapshot:
        """`embed="openai"`: that model is behind a server of its own, of this kind."""
        root = tmp_path / "behind"
        shutil.copytree(snapshot.root, root)
        settings = snapshot.settings
        triton = settings.backends["triton"]
        backends = {
            model: replace(triton, name=model, cluster=f"at-{model}", kind=kind)  # type: ignore[arg-type]
            for model, kind in kinds.items()
        }
        models = {
            name: replace(model, backend=name) if name in kinds else model
            for name, model in settings.models.items()
        }
        document = msgspec.to_builtins(
            replace(settings, models=models, backends={"triton": triton, **backends})
        )
        data = json.loads((root / "policy/data.json").read_text())
        for name in kinds:
            data["catalog"]["models"][name]["cluster"] = f"at-{name}"
        (root / "policy/data.json").write_text(json.dumps(data))
        (root / "settings.json").write_text(json.dumps(document))
        return Snapshot.load(root)

    return made


async def ask(served: Served, path: str = READY, who: str = "ada") -> Answer | Refuse:
    """A question of a principal's."""
    step = await served.gateway.look_up(served.head(path, method="GET", who=who, headers={}))
    assert isinstance(step, Answer | Refuse)
    return step


async def test_it_is_ready_when_its_model_server_is(served: Served, inside: Inside) -> None:
    inside.says = {"triton": 200}
    assert isinstance(await ask(served), Answer)
    assert inside.asked == [("triton", READY)]
    record = await served.record()
    assert (record.outcome, record.status) == (Outcome.SERVED, 200)
    assert record.operation == "server.ready"


@pytest.mark.parametrize("says", [{"triton": 400}, {"triton": 503}, {}])
async def test_it_is_not_ready_when_its_model_server_is_not(
    served: Served, inside: Inside, says: dict[str, int]
) -> None:
    inside.says = says
    refused = await ask(served)
    assert isinstance(refused, Refuse)
    assert (refused.status, refused.code) == (503, "backend_unavailable")
    assert json.loads(refused.body) == {"error": "Not every model server is ready."}
    assert ("retry-after", "1") in refused.headers


async def test_without_envoy_it_is_not_ready(served: Served) -> None:
    assert isinstance(await ask(served), Refuse)


async def test_every_model_server_with_a_model_that_is_shown_has_to_be_ready(
    served: Served, inside: Inside, behind: Callable[..., Snapshot]
) -> None:
    await served.serve(behind(embed="triton"))
    inside.says = {"triton": 200}
    assert isinstance(await ask(served), Refuse)
    inside.says["at-embed"] = 200
    inside.asked.clear()
    assert isinstance(await ask(served), Answer)
    assert sorted(inside.asked) == [("at-embed", READY), ("triton", READY)]


async def test_what_is_not_shown_is_not_asked_and_not_told_of(
    served: Served, inside: Inside, behind: Callable[..., Snapshot]
) -> None:
    """Bob may use `chat` alone: that another server is down is none of his business."""
    await served.serve(behind(embed="triton"))
    inside.says = {"triton": 200}
    assert isinstance(await ask(served, who="bob"), Answer)
    assert inside.asked == [("triton", READY)]


async def test_a_kind_of_server_without_such_a_question_is_not_asked(
    served: Served, inside: Inside, behind: Callable[..., Snapshot]
) -> None:
    made = behind(embed="triton")
    embed = made.settings.backends["embed"]
    other = msgspec.structs.replace(embed, kind="openai")
    assert isinstance(other, BackendSettings)
    made.settings.backends["embed"] = other
    await served.serve(made)
    inside.says = {"triton": 200}
    assert isinstance(await ask(served), Answer)
    assert inside.asked == [("triton", READY)]


async def test_it_is_live_when_it_answers(served: Served, inside: Inside) -> None:
    answer = await ask(served, "/v2/health/live")
    assert isinstance(answer, Answer)
    assert answer.body == b""
    assert inside.asked == []


async def test_its_metadata_is_its_own(served: Served) -> None:
    answer = await ask(served, "/v2")
    assert isinstance(answer, Answer)
    told = json.loads(answer.body)
    assert told["name"] == "sluice"
    assert told["extensions"] == ["binary_tensor_data"]
    assert told["version"]


@pytest.mark.parametrize("path", ["/v2", "/v2/health/live", READY])
async def test_a_stranger_is_told_nothing(served: Served, inside: Inside, path: str) -> None:
    head = served.head(path, method="GET", who=None, headers={})
    step = await served.gateway.look_up(head)
    assert isinstance(step, Refuse)
    assert step.status == 401
    assert inside.asked == []
