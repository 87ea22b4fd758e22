"""Who did what over the API."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bridge.http.envelope import json_response
from bridge.http.routing import Access, Route
from bridge.http.validation import parse_query
from bridge.relay.audit import Audit


class Asked(BaseModel):
    """Newest first; `before` is the last id of the page before."""

    instance: str | None = Field(
        default=None, min_length=1, max_length=255, description="The name of an instance."
    )
    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1, lt=2**63)


class AuditRow(TypedDict):
    id: int
    at: str
    actor: str
    address: str | None
    action: str
    instance: str | None
    status: int
    code: str | None
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRoutes:
    audit: Audit

    async def show(self, request: web.Request) -> web.Response:
        asked = parse_query(request, Asked)
        rows = await self.audit.page(
            instance=asked.instance, before=asked.before, limit=asked.limit
        )
        return json_response(rows)

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path="/audit",
                handler=self.show,
                summary="Tell who did what",
                description="Every request with a key that may have changed something, and what "
                "Ponte did by itself.",
                tag="Operations",
                access=Access.GLOBAL_KEY,
                query=Asked,
                responses={HTTPStatus.OK: list[AuditRow]},
            ),
        )
