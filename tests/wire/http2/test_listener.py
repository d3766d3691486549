"""gRPC over HTTP/2 as Envoy's streams need it, against a peer that speaks it by another library."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
from h2.settings import SettingCodes
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PriorityFrame,
)

from extauth.wire.http2 import listener
from extauth.wire.http2.frame import LARGEST, Code
from tests.wire.http2.conftest import LARGEST_MESSAGE, Service
from tests.wire.http2.peer import PATIENCE, message, peer, raw

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow
OK, UNKNOWN, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 0, 2, 8, 12, 14


async def test_messages_are_answered_in_their_order_and_the_call_ends_well(
    service: Service,
) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call()
        await envoy.say(stream, message(b"one") + message(b"") + message(b"three"), end=True)
        answer = await envoy.ended(stream)
    assert answer.headers[":status"] == "200"
    assert answer.headers["content-type"] == "application/grpc"
    assert (answer.messages, answer.status) == ([b"one", b"", b"three"], OK)


async def test_calls_of_one_connection_go_on_side_by_side(service: Service) -> None:
    async with peer(service.path) as envoy:
        streams = [envoy.call() for _ in range(50)]
        for stream in reversed(streams):
            await envoy.say(stream, message(str(stream).encode()), end=True)
        answers = [await envoy.ended(stream) for stream in streams]
    assert [one.messages for one in answers] == [[str(stream).encode()] for stream in streams]


async def test_nothing_is_left_of_a_connection_that_was_closed(service: Service) -> None:
    for _ in range(3):
        async with peer(service.path) as envoy:
            stream = envoy.call()
            await envoy.say(stream, message(b"one"), end=True)
            await envoy.ended(stream)
            assert len(service.listener._connections) == 1


async def test_a_message_may_come_byte_by_byte(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call()
        for byte in message(b"slowly") + message(b"but surely"):
            await envoy.say(stream, bytes([byte]))
        await envoy.say(stream, b"", end=True)
        assert (await envoy.ended(stream)).messages == [b"slowly", b"but surely"]


@pytest.mark.parametrize("window", [1, 1000, LARGEST + 7])
async def test_no_more_is_sent_than_the_peers_window_allows(service: Service, window: int) -> None:
    # The library refuses what is over its window, and so would end the connection.
    said = bytes(range(256)) * (window // 2 + 1 if window < 100 else 300)
    async with peer(service.path, {SettingCodes.INITIAL_WINDOW_SIZE: window}) as envoy:
        stream = envoy.call()
        await envoy.say(stream, message(said), end=True)
        answer = await envoy.ended(stream)
    assert (answer.messages, answer.status) == ([said], OK)


async def test_a_window_that_is_opened_later_lets_the_rest_go(service: Service) -> None:
    async with peer(service.path, {SettingCodes.INITIAL_WINDOW_SIZE: 0}) as envoy:
        stream = envoy.call()
        await envoy.say(stream, message(b"held back"), end=True)
        await envoy.until(lambda: ":status" in envoy.answers[stream].headers or service.read)
        envoy.http2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 100})
        envoy.send()
        assert (await envoy.ended(stream)).messages == [b"held back"]


async def test_calls_of_any_length_go_on_for_ever(service: Service) -> None:
    said = bytes(LARGEST_MESSAGE)
    async with peer(service.path) as envoy:
        stream = envoy.call()
        for number in range(1, 9):
            await envoy.say(stream, message(said))
            await envoy.until(lambda: len(envoy.answers[stream].messages) == number)  # noqa: B023
        await envoy.say(stream, b"", end=True)
        assert (await envoy.ended(stream)).status == OK


async def test_a_message_that_is_too_large_is_refused_before_it_came(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream, other = envoy.call(), envoy.call()
        await envoy.say(stream, b"\0" + (LARGEST_MESSAGE + 1).to_bytes(4, "big"))
        assert (await envoy.ended(stream)).status == RESOURCE_EXHAUSTED
        await envoy.say(other, message(b"still there"), end=True)
        assert (await envoy.ended(other)).messages == [b"still there"]
    assert service.read == [b"still there"]


async def test_a_compressed_message_is_refused(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call()
        await envoy.say(stream, b"\1" + message(b"x")[1:], end=True)
        assert (await envoy.ended(stream)).status == UNIMPLEMENTED


async def test_a_peer_need_not_wait_for_an_answer(service: Service) -> None:
    # Envoy sends the chunks of a streamed body as they come.
    said = [b"%d" % number for number in range(5000)]
    async with peer(service.path) as envoy:
        stream = envoy.call()
        await envoy.say(stream, b"".join(map(message, said)), end=True)
        assert (await envoy.ended(stream)).messages == said


async def test_what_nobody_reads_holds_its_peer_back(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call("/waits")
        await envoy.until(lambda: envoy.http2.remote_settings.header_table_size == 0)
        room = envoy.http2.local_flow_control_window(stream)
        chunk = message(bytes(1000))
        while envoy.http2.local_flow_control_window(stream) >= len(chunk):
            await envoy.say(stream, chunk)
        other = envoy.call()
        await envoy.say(other, message(b"x"), end=True)
        assert (await envoy.ended(other)).messages == [b"x"]
        assert envoy.http2.local_flow_control_window(stream) < len(chunk)
        assert room < 3 * LARGEST_MESSAGE


@pytest.mark.parametrize("end", [True, False])
async def test_what_nobody_serves_is_unimplemented(service: Service, end: bool) -> None:
    async with peer(service.path) as envoy:
        answer = await envoy.ended(envoy.call("/other", end=end))
        assert (answer.headers[":status"], answer.status) == ("200", UNIMPLEMENTED)


async def test_a_call_that_fails_says_so_and_the_log_tells_nothing_else(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call("/fails")
        await envoy.say(stream, message(b"x"))
        answer = await envoy.ended(stream)
        assert (answer.messages, answer.status) == ([], UNKNOWN)
    assert [record.getMessage() for record in caplog.records] == ["a stream failed"]


async def test_the_service_may_end_a_call_first(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call("/once")
        await envoy.say(stream, message(b"x"))
        answer = await envoy.ended(stream)
        assert (answer.messages, answer.status) == ([b"x"], OK)
        # What comes afterwards was under way.
        await envoy.say(stream, message(b"y"), end=True)
        again = envoy.call()
        await envoy.say(again, message(b"z"), end=True)
        assert (await envoy.ended(again)).messages == [b"z"]


async def test_a_reset_cancels_what_serves_the_call(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call("/waits")
        await asyncio.wait_for(service.begun.wait(), PATIENCE)
        envoy.http2.reset_stream(stream)
        envoy.send()
        await asyncio.wait_for(service.cut.wait(), PATIENCE)


async def test_a_lost_connection_cancels_all_its_calls(service: Service) -> None:
    async with peer(service.path) as envoy:
        envoy.call("/waits")
        await asyncio.wait_for(service.begun.wait(), PATIENCE)
    await asyncio.wait_for(service.cut.wait(), PATIENCE)


async def test_a_half_closed_call_is_served_to_its_end(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call("/waits")
        await envoy.say(stream, message(b"x"), end=True)
        await asyncio.wait_for(service.begun.wait(), PATIENCE)
        service.go.set()
        assert (await envoy.ended(stream)).messages == [b"x"]


async def test_heads_are_read_with_and_without_a_table(service: Service) -> None:
    # Until it has seen this side's settings, the library keeps a table of its own.
    async with peer(service.path) as envoy:
        for number in range(6):
            stream = envoy.call("/echo" if number % 2 else "/once", x=f"{number % 3}" * 40)
            await envoy.say(stream, message(b"%d" % number), end=True)
            assert (await envoy.ended(stream)).messages == [b"%d" % number]


async def test_a_head_may_be_padded_prioritised_and_continued(service: Service) -> None:
    async with peer(service.path) as envoy:
        envoy.raw = True
        block = Encoder().encode([(":path", "/echo"), (":method", "POST")])
        first = HeadersFrame(1, block[:3], pad_length=9, flags=["PADDED", "PRIORITY"])
        last = ContinuationFrame(1, block[3:], flags=["END_HEADERS"])
        data = DataFrame(1, message(b"x"), pad_length=200, flags=["PADDED", "END_STREAM"])
        envoy.send(first.serialize() + last.serialize() + data.serialize())
        await envoy.until(lambda: service.read)
        assert service.read == [b"x"]


async def test_pings_are_answered_and_unknown_frames_are_skipped(service: Service) -> None:
    async with peer(service.path) as envoy:
        priority = PriorityFrame(1, depends_on=0, stream_weight=3)
        envoy.send(raw(0xEE, 0, b"whatever", flags=7) + priority.serialize())
        envoy.http2.ping(b"12345678")
        envoy.send()
        await envoy.until(lambda: envoy.pings)


async def test_stopping_lets_calls_end_and_takes_no_new_ones(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "LINGER", 3600)
    async with peer(service.path) as envoy:
        stream = envoy.call("/waits")
        await envoy.say(stream, message(b"x"))
        await asyncio.wait_for(service.begun.wait(), PATIENCE)
        stopping = asyncio.ensure_future(service.listener.stop(PATIENCE))
        await envoy.until(lambda: envoy.goaway == Code.NO_ERROR)
        service.go.set()
        answer = await envoy.ended(stream)
        assert (answer.messages, answer.status) == ([b"x"], OK)
        assert await envoy.closed() == Code.NO_ERROR
        assert not stopping.done()
        envoy.close()
        await asyncio.wait_for(stopping, PATIENCE)
        with pytest.raises(OSError, match=r"refused|No such"):
            await asyncio.open_unix_connection(str(service.path))


async def test_a_call_that_came_too_late_is_refused_unserved(service: Service) -> None:
    async with peer(service.path) as envoy:
        first = envoy.call("/waits")
        await asyncio.wait_for(service.begun.wait(), PATIENCE)
        stopping = asyncio.ensure_future(service.listener.stop(PATIENCE))
        await asyncio.sleep(0)
        late = envoy.call()
        assert (await envoy.ended(late)).reset == Code.REFUSED_STREAM
        service.go.set()
        await envoy.say(first, message(b"x"))
        assert (await envoy.ended(first)).messages == [b"x"]
        envoy.close()
        await stopping


async def test_a_peer_that_does_not_hang_up_is_left(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "LINGER", 0.01)
    async with peer(service.path) as envoy:
        await envoy.until(lambda: envoy.http2.remote_settings.header_table_size == 0)
        await service.listener.stop(PATIENCE)
        assert await envoy.closed() == Code.NO_ERROR


async def test_stopping_cuts_what_has_no_end(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call("/waits")
        await asyncio.wait_for(service.begun.wait(), PATIENCE)
        await envoy.until(lambda: envoy.http2.remote_settings.header_table_size == 0)
        stopping = asyncio.ensure_future(service.listener.stop(0))
        assert (await envoy.ended(stream)).status == UNAVAILABLE
        assert service.cut.is_set()
        envoy.close()
        await stopping


async def test_a_peer_that_begins_no_more_is_served_what_it_began(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call()
        await envoy.say(stream, message(b"one"))
        envoy.send(GoAwayFrame(0, last_stream_id=0).serialize())
        await envoy.say(stream, message(b"two"), end=True)
        assert (await envoy.ended(stream)).messages == [b"one", b"two"]


async def test_what_is_said_of_a_stream_that_is_over_is_passed_over(service: Service) -> None:
    async with peer(service.path) as envoy:
        stream = envoy.call()
        await envoy.say(stream, message(b"x"), end=True)
        await envoy.ended(stream)
        late = (raw(8, stream, b"\0\0\0\1"), raw(3, stream, bytes(4)), raw(0, stream, b"late"))
        envoy.send(b"".join(late))
        again = envoy.call()
        await envoy.say(again, message(b"y"), end=True)
        assert (await envoy.ended(again)).messages == [b"y"]


async def test_a_frame_may_be_as_large_as_the_peer_allows(service: Service) -> None:
    said = bytes(range(256)) * 400
    async with peer(service.path, {SettingCodes.MAX_FRAME_SIZE: 60_000}) as envoy:
        sizes: list[int] = []
        take = envoy._take

        def noted(frame: bytes) -> None:
            sizes.append(int.from_bytes(frame[:3], "big"))
            take(frame)

        envoy._take = noted  # type: ignore[method-assign]
        stream = envoy.call()
        await envoy.say(stream, message(said), end=True)
        assert (await envoy.ended(stream)).messages == [said]
    assert LARGEST < max(sizes) <= 60_000


async def test_grpcs_own_client_is_served(service: Service) -> None:
    said = [bytes(size) for size in (0, 1, LARGEST, LARGEST_MESSAGE)]
    async with grpc.aio.insecure_channel(f"unix:{service.path}") as channel:
        call = channel.stream_stream("/echo")(iter(said), timeout=PATIENCE)
        assert [answer async for answer in call] == said
        assert await call.code() == grpc.StatusCode.OK
