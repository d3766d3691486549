"""All routes but inference: one ext_authz call, answered from the request's head alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from envoy.config.core.v3.base_pb2 import HeaderValue, HeaderValueOption
from envoy.service.auth.v3.external_auth_pb2 import (
    CheckRequest,
    CheckResponse,
    DeniedHttpResponse,
    OkHttpResponse,
)
from envoy.type.v3.http_status_pb2 import HttpStatus
from google.rpc.code_pb2 import OK, PERMISSION_DENIED
from google.rpc.status_pb2 import Status

from extauth.gateway.step import Answer, Continue, Refuse
from extauth.wire.head import request_head

if TYPE_CHECKING:
    from extauth.gateway.gateway import Gateway
    from extauth.gateway.step import Header

SERVICE = "envoy.service.auth.v3.Authorization"


class Authorization:
    """Serves `Check`. Shared by all calls of one event loop."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what a grpc.aio server needs to serve this."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(
                    self._check,
                    request_deserializer=CheckRequest.FromString,
                    response_serializer=CheckResponse.SerializeToString,
                )
            },
        )

    async def _check(self, request: CheckRequest, _: object) -> CheckResponse:
        head = request_head(request.attributes.request.http.header_map.headers)
        return _response(await self._gateway.look_up(head))


def _response(step: Continue | Answer | Refuse) -> CheckResponse:
    if isinstance(step, Continue):
        headers = [_header(header) for header in step.headers]
        return CheckResponse(status=Status(code=OK), ok_response=OkHttpResponse(headers=headers))
    # Envoy's word for any answer in the backend's place, a 200 as well.
    status, code = (step.status, step.code) if isinstance(step, Refuse) else (200, "")
    return CheckResponse(
        status=Status(code=PERMISSION_DENIED, message=code),
        denied_response=DeniedHttpResponse(
            status=HttpStatus(code=status),
            headers=[_header(header) for header in step.headers],
            body=step.body.decode(),
        ),
    )


def _header(header: Header) -> HeaderValueOption:
    """Set a header in place of any of its name. ext_authz, unlike ext_proc, reads its text."""
    name, value = header
    return HeaderValueOption(
        header=HeaderValue(key=name, value=value),
        append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
