"""The answers of a service that does its work, to take one away or to spoil it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.extensions.filters.http.ext_proc.v3.processing_mode_pb2 import ProcessingMode
from envoy.service.ext_proc.v3.external_processor_pb2 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    HeaderMutation,
    HeadersResponse,
    ImmediateResponse,
    ProcessingRequest,
    ProcessingResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus

from bench import prompts
from bench.gate.request import CLUSTER, PATH, Kind

Answer = Callable[[ProcessingRequest], ProcessingResponse]


def refusal(status: int, text: str) -> ProcessingResponse:
    """An answer in the model's place."""
    return ProcessingResponse(
        immediate_response=ImmediateResponse(status=HttpStatus(code=status), body=text.encode())
    )


class Service:
    """Answers one request. Attributes are what a test may change of it."""

    def __init__(self, kind: Kind) -> None:
        self.stream = kind.stream
        self.masks = True
        self.cluster = "triton"
        self.path = PATH + ("generate_stream" if kind.stream else "generate")
        self.prompt: Callable[[str], str] = lambda text: text
        self.text: Callable[[str], str] = lambda text: text
        self.done = True

    def __call__(self, message: ProcessingRequest) -> ProcessingResponse:
        """The answer to the next message."""
        match message.WhichOneof("request"):
            case "request_headers":
                return ProcessingResponse(request_headers=HeadersResponse())
            case "request_body":
                return self._upstream(message.request_body.body.decode())
            case "response_headers":
                mode = ProcessingMode(
                    response_body_mode=ProcessingMode.STREAMED
                    if self.stream
                    else ProcessingMode.NONE
                )
                return ProcessingResponse(response_headers=HeadersResponse(), mode_override=mode)
            case _:
                body = message.response_body
                return _body(self._client(body.body.decode(), end=body.end_of_stream))

    def _upstream(self, body: str) -> ProcessingResponse:
        for original in prompts.ORIGINALS if self.masks else ():
            body = body.replace(original, "<masked>")
        answer = _body(self.prompt(body))
        for name, value in ((":path", self.path), (CLUSTER, self.cluster)):
            header = HeaderValue(key=name, raw_value=value.encode())
            mutation = answer.response_body.response.header_mutation
            mutation.set_headers.append(HeaderValueOption(header=header))
        return ProcessingResponse(request_body=answer.response_body)

    def _client(self, body: str, *, end: bool) -> str:
        if not self.stream:
            text = self.text(json.loads(body)["text_output"])
            return json.dumps({"choices": [{"message": {"content": text}}]})
        if end:
            return "data: [DONE]\n\n" if self.done else ""
        text = self.text(json.loads(body.removeprefix("data: "))["text_output"])
        return f"data: {json.dumps({'choices': [{'delta': {'content': text}}]})}\n\n"


def _body(text: str) -> ProcessingResponse:
    common = CommonResponse(
        header_mutation=HeaderMutation(), body_mutation=BodyMutation(body=text.encode())
    )
    return ProcessingResponse(response_body=BodyResponse(response=common))


def converse(talk: Any, service: Answer) -> Iterator[str]:
    """Have a service answer a whole request; the names of what it was told."""
    message = next(talk)
    while True:
        yield message.WhichOneof("request")
        try:
            message = talk.send(service(message))
        except StopIteration:
            return
