"""`GET /usage`: the report of `sluice usage`, with the same parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from extauth.api.admin.endpoint import refused
from extauth.errors import SluiceError
from extauth.usage import UsageQuery

if TYPE_CHECKING:
    from starlette.requests import Request

    from extauth.usage import UsageBooks

_SWITCHES = {"true": True, "false": False}


class UsageEndpoint:
    """The usage report, in JSON or with `format=csv` as a sheet."""

    def __init__(self, books: UsageBooks) -> None:
        self._books = books

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, for the admin endpoint."""
        return (Route("/usage", self.show, methods=["GET"]),)

    async def show(self, request: Request) -> Response:
        """`GET /usage?by=tenant,team&month=2026-11&forecast=true&format=csv`."""
        parameters = request.query_params
        form = parameters.get("format", "json")
        asked: dict[str, Any] = {
            name: parameters[name] for name in parameters if name not in {"by", "format"}
        }
        asked["by"] = [
            column for text in parameters.getlist("by") for column in text.split(",") if column
        ]
        if "forecast" in asked:
            asked["forecast"] = _SWITCHES.get(asked["forecast"], asked["forecast"])
        try:
            if form not in {"json", "csv"}:
                return JSONResponse({"error": f"no format {form}: json, csv"}, status_code=400)
            report = await self._books.report(msgspec.convert(asked, UsageQuery))
        except msgspec.ValidationError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        except SluiceError as error:
            return refused(error)
        if form == "csv":
            return Response(report.csv(), media_type="text/csv; header=present")
        return JSONResponse(report.document())
