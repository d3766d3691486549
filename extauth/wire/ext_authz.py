"""All routes but inference: one ext_authz call decides from the request's head alone."""

from __future__ import annotations

import asyncio
import logging
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

from extauth.api.portal import PortalTicket
from extauth.audit import Outcome
from extauth.clients import api_of, error_body, error_headers
from extauth.errors import AnsweredError, GatewayError, NotFound
from extauth.gateway.admission import admit
from extauth.gateway.transaction import Transaction
from extauth.policy import checked_route
from extauth.types import Operation
from extauth.types.headers import METADATA_CLUSTER, PRINCIPAL
from extauth.wire.head import request_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from extauth.gateway.runtime import Runtime
    from extauth.gateway.transaction import Books
    from extauth.types import Api, Decision, Target

SERVICE = "envoy.service.auth.v3.Authorization"

PORTAL = frozenset({Operation.MODELS_LIST, Operation.MODELS_RETRIEVE, Operation.USAGE})
"""What the gateway answers itself; the backend answers the rest."""

logger = logging.getLogger(__name__)


class Authorization:
    """Serves `Check`. Shared by all calls of one event loop."""

    def __init__(self, *, runtime: Callable[[], Runtime], books: Books) -> None:
        self._runtime = runtime
        self._books = books

    def handler(self) -> grpc.GenericRpcHandler:
        """What a grpc.aio server needs to serve this."""
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
        api = api_of(head.path)
        transaction = Transaction(self._books, self._runtime(), head)
        try:
            decision = await admit(transaction)
            response = _allow(transaction, decision)
            await transaction.close(Outcome.SERVED, status=200)
        except AnsweredError as error:
            await transaction.refuse(error)
            return _deny(api, error)
        except asyncio.CancelledError:
            await transaction.disconnected()
            raise
        except Exception:
            logger.exception("request %s failed", head.request_id)
            failure = GatewayError("The gateway failed to serve this request.")
            await transaction.refuse(failure)
            return _deny(api, failure)
        return response


def _allow(transaction: Transaction, decision: Decision) -> CheckResponse:
    """Send it on: to the portal with what it must know, or to the version that was decided."""
    target, principal = transaction.target, transaction.principal
    if target is None or principal is None or target.inference:
        raise NotFound("There is nothing here.")
    if target.operation in PORTAL:
        ticket = PortalTicket(principal=principal, source_ip=transaction.head.source_ip)
        headers = [_header(PRINCIPAL, ticket.encode())]
    else:
        headers = _metadata(transaction, target, decision)
    return CheckResponse(
        status=Status(code=OK),
        ok_response=OkHttpResponse(headers=headers),
    )


def _metadata(
    transaction: Transaction, target: Target, decision: Decision
) -> list[HeaderValueOption]:
    """Name the backend that answers: the model's, or the first for what is about no model."""
    runtime = transaction.runtime
    settings = runtime.snapshot.settings
    if target.model is None:
        found = [one for one in settings.backends.values() if one.kind == "triton"]
        if not found:
            raise NotFound("There is no KServe server here.")
        return [_header(METADATA_CLUSTER, found[0].cluster)]
    route = checked_route(decision.route, settings)
    backend = runtime.backends[settings.models[route.model].backend]
    path = backend.metadata_path(target.operation, route.model, route.version)
    if path is None:
        raise NotFound("This model has no KServe metadata: its server speaks the OpenAI API.")
    return [_header(":path", path), _header(METADATA_CLUSTER, route.cluster)]


def _deny(api: Api, error: AnsweredError) -> CheckResponse:
    return CheckResponse(
        status=Status(code=PERMISSION_DENIED, message=error.code),
        denied_response=DeniedHttpResponse(
            status=HttpStatus(code=error.status),
            headers=[_header(name, value) for name, value in error_headers(error)],
            body=error_body(api, error).decode(),
        ),
    )


def _header(name: str, value: str) -> HeaderValueOption:
    """One header, in place of any of its name; ext_authz, unlike ext_proc, reads its text."""
    return HeaderValueOption(
        header=HeaderValue(key=name, value=value),
        append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
    )
