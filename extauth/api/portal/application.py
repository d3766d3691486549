"""The models, as OpenAI's API lists them, filtered by policy; and the caller's own usage."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extauth.api.portal.usage import OwnAccount
from extauth.clients import error_body, error_headers, parse_reference
from extauth.errors import AnsweredError, LedgerUnavailable, NotFound, SluiceError
from extauth.facts import admission_facts
from extauth.gateway.lookup import Ticket
from extauth.policy import Entrypoint
from extauth.types import Api, ModelReference, Operation, Target
from extauth.types.headers import PRINCIPAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from extauth.gateway.runtime import Runtime
    from extauth.ledger import Ledger
    from extauth.types import Clock, Facts
    from extauth.usage import UsageBooks


logger = logging.getLogger(__name__)


class Catalog:
    """Answers `GET /v1/models` and `GET /v1/models/{id}`."""

    def __init__(self, runtime: Callable[[], Runtime], clock: Clock) -> None:
        self._runtime = runtime
        self._clock = clock

    async def list(self, request: Request) -> Response:
        """List every model, alias and version that this principal may use."""
        ticket = Ticket.decode(request.headers.get(PRINCIPAL))
        with self._runtime().pinned() as runtime:
            names = await runtime.list_models(self._facts(runtime, ticket, None))
        return JSONResponse({"object": "list", "data": [_card(name) for name in names]})

    async def retrieve(self, request: Request) -> Response:
        """Tell of one of them; an unknown one and a forbidden one look the same."""
        ticket = Ticket.decode(request.headers.get(PRINCIPAL))
        reference = parse_reference(request.path_params["id"])
        name = "@".join(filter(None, (reference.name, reference.version or reference.alias)))
        with self._runtime().pinned() as runtime:
            found = await self._visible(runtime, ticket, reference)
        if not found:
            raise NotFound(
                f"The model `{name}` does not exist or you do not have access to it.",
                code="model_not_found",
            )
        return JSONResponse(_card(name))

    async def _visible(self, runtime: Runtime, ticket: Ticket, reference: ModelReference) -> bool:
        model = runtime.snapshot.settings.models.get(reference.name)
        if model is None or not (
            (reference.version is None or reference.version in model.versions)
            and (reference.alias is None or reference.alias in model.aliases)
        ):
            return False
        facts = self._facts(runtime, ticket, reference)
        return (await runtime.decide(ticket.principal, Entrypoint.ADMISSION, facts)).allow

    def _facts(self, runtime: Runtime, ticket: Ticket, model: ModelReference | None) -> Facts:
        target = Target(api=Api.OPENAI, operation=Operation.MODELS_RETRIEVE, model=model)
        time = runtime.calendar(self._clock())
        return admission_facts(target, ticket.principal, ticket.source_ip, time)


def create_portal(
    runtime: Callable[[], Runtime], clock: Clock, books: UsageBooks, ledger: Ledger
) -> Starlette:
    """The application behind Envoy's `portal` cluster, on a unix socket that only Envoy knows."""
    catalog, account = Catalog(runtime, clock), OwnAccount(books, ledger, clock)
    return Starlette(
        routes=[
            Route("/v1/models", catalog.list),
            Route("/v1/models/{id}", catalog.retrieve),
            Route("/v1/usage", account.show),
        ],
        exception_handlers={AnsweredError: _answer, SluiceError: _unable},
    )


def _card(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "sluice"}


def _answer(_: Request, error: Exception) -> Response:
    if not isinstance(error, AnsweredError):
        raise error
    return Response(
        error_body(Api.OPENAI, error), status_code=error.status, headers=dict(error_headers(error))
    )


def _unable(request: Request, error: Exception) -> Response:
    """Tell that there is no answer now; the reason stays in the log."""
    if not isinstance(error, SluiceError):
        raise error
    logger.warning("%s: %s", request.url.path, error.message)
    return _answer(request, LedgerUnavailable("The usage can't be told at the moment."))
