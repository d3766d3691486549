"""A delivery is signed, bounded in time, verified, and sent nowhere else."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from extauth.events import Retry, Sender
from extauth.settings import Webhook
from tests.receiver import SECRET, Receiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
from tests.events.told import Told


@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_is_not_followed(
    status: int,
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
) -> None:
    told, receiver = tell(), receive(*[status] * 4)
    await told.events.serve([webhook(receiver)])
    told.raised(80)
    await told.settled()
    assert told.outcomes(receiver) == {"failed": 3, "dropped": 1}
    assert {receiver.next().path for _ in range(4)} == {"/hooks/T0P"}


async def test_a_changed_secret_counts_from_the_next_attempt_on(
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    secret_file: Path,
) -> None:
    told, receiver = tell(), receive()
    await told.events.serve([webhook(receiver)])
    told.raised(50)
    assert (await receiver.arrival()).verified(SECRET)
    other = SECRET.replace("AAEC", "BBEC")
    secret_file.write_text(other)
    told.raised(80)
    assert (await receiver.arrival()).verified(other)


async def test_without_its_secret_a_webhook_is_sent_nothing(
    tell: Callable[..., Told],
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    secret_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, receiver = tell(), receive()
    secret_file.unlink()
    await told.events.serve([webhook(receiver)])
    assert f"events can't be signed: {secret_file}: can't be read" in caplog.messages[-1]
    told.raised(80)
    await told.settled()
    assert receiver.received.empty()
    assert told.outcomes(receiver) == {"failed": 3, "dropped": 1}


async def test_a_receiver_that_is_not_there_is_told_by_its_host(
    tell: Callable[..., Told],
    webhook: Callable[..., Webhook],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told, nobody = tell(), Receiver(address="127.0.0.1:1")
    await told.events.serve([webhook(nobody)])
    told.raised(80)
    await told.settled()
    assert caplog.messages[-1].endswith("can't connect: Connection refused (attempt 4)")


async def test_a_receiver_has_so_long_to_answer(
    receive: Callable[..., Receiver],
    webhook: Callable[..., Webhook],
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told(sender=Sender(time.time, timeout=0.02), retry=Retry(attempts=1))
    receiver = receive()
    receiver.open.clear()
    await told.events.serve([webhook(receiver)])
    told.raised(80)
    await told.settled()
    assert caplog.messages[-1].endswith("no answer within 0.02 s (attempt 1)")
    await told.events.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tell: Callable[..., Told],
    certificate: tuple[Path, Path],
    secret_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    reached = threading.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    told = tell()
    await told.events.serve([Webhook(f"https://127.0.0.1:{port}/", str(secret_file))])
    told.raised(80)
    await told.settled()
    assert caplog.messages[-1].endswith("its TLS certificate is not valid (attempt 4)")
    assert not reached.is_set()
    server.close()
