"""The floor's service: an ext_proc server of Sluice's shape that does nothing but answer.

`python -m bench.noop PLAIN STREAMING` serves on two unix sockets, one event loop for both.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

import grpc
import uvloop
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    ProcessingRequest,
    ProcessingResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def replies(operation: str, mode: ProcessingMode | None) -> Mapping[str, bytes]:
    """The answer to each kind of message, serialised once: nothing in them ever changes."""
    headers = {
        ":path": f"/v2/models/chat/versions/1/{operation}",
        "x-floor-cluster": "upstream",
    }
    routed = CommonResponse(
        header_mutation=HeaderMutation(
            set_headers=[
                HeaderValueOption(
                    header=HeaderValue(key=name, raw_value=value.encode()),
                    append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
                )
                for name, value in headers.items()
            ]
        ),
        clear_route_cache=True,
    )
    messages = {
        "request_headers": ProcessingResponse(request_headers=HeadersResponse()),
        "request_body": ProcessingResponse(request_body=BodyResponse(response=routed)),
        "response_headers": ProcessingResponse(
            response_headers=HeadersResponse(), mode_override=mode
        ),
        "response_body": ProcessingResponse(response_body=BodyResponse()),
    }
    return {kind: message.SerializeToString() for kind, message in messages.items()}


def server(socket: str, answers: Mapping[str, bytes]) -> Any:
    """A grpc.aio server on a unix socket."""

    async def process(_: object, context: Any) -> None:
        while isinstance(message := await context.read(), ProcessingRequest):
            await context.write(answers[message.WhichOneof("request")])

    handler = grpc.stream_stream_rpc_method_handler(
        process, request_deserializer=ProcessingRequest.FromString
    )
    serving = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    serving.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "envoy.service.ext_proc.v3.ExternalProcessor", {"Process": handler}
            ),
        )
    )
    serving.add_insecure_port(f"unix:{socket}")
    return serving


async def main(plain: str, streaming: str) -> None:
    """Serve until SIGTERM."""
    streamed = ProcessingMode(
        request_header_mode=ProcessingMode.SEND,
        request_body_mode=ProcessingMode.BUFFERED,
        request_trailer_mode=ProcessingMode.SKIP,
        response_header_mode=ProcessingMode.SEND,
        response_body_mode=ProcessingMode.STREAMED,
        response_trailer_mode=ProcessingMode.SKIP,
    )
    servers = (
        server(plain, replies("generate", None)),
        server(streaming, replies("generate_stream", streamed)),
    )
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    for one in servers:
        await one.start()
    await stopped.wait()
    for one in servers:
        await one.stop(None)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
