"""How the service is: health, metrics, dead letters, traces."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bridge.clock import Clock, utc
from bridge.engine.queue import Queue
from bridge.errors import Conflict, Invalid, NotFound, Unavailable
from bridge.http.envelope import json_response
from bridge.http.routing import Access, Route
from bridge.http.validation import parse_query
from bridge.relay.metrics import Metrics
from bridge.relay.retrying import replay
from bridge.relay.trace import dead_letter, why
from bridge.store.engine import Store

TAG = "Operations"


class Page(BaseModel):
    """Newest first; `before` is the last id of the page before."""

    limit: int = Field(default=50, ge=1, le=500)
    before: int | None = Field(default=None, ge=1, lt=2**63)


class Asked(BaseModel):
    """A message: its WhatsApp id, or its Chatwoot message id."""

    message: str = Field(min_length=1, max_length=512)


class DeadRow(TypedDict):
    id: int
    road: str
    kind: str
    instance: str | None
    message: str | None
    cause: str | None
    reason: str | None
    attempts: int
    accepted: str
    died: str


class Decided(TypedDict):
    id: int
    state: str


class Step(TypedDict):
    at: str | None
    step: str
    detail: str | None


class Story(TypedDict):
    """One job of a message. `messages` are its parts on WhatsApp."""

    job: int
    kind: str
    road: str
    lane: str
    instance: str | None
    message: str | None
    state: str
    attempts: int
    accepted: str | None
    due: str | None
    ended: str | None
    cause: str | None
    reason: str | None
    trace: str | None
    steps: list[Step]
    messages: list[dict[str, Any]]


class DeadLetter(Story):
    """With the event as it was kept: decoded JSON, or text."""

    payload: Any


class Health(TypedDict):
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    store: Store
    queue: Queue
    metrics: Metrics
    clock: Clock

    async def healthz(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """The process runs; nothing is asked."""
        return json_response({"status": "ok"})

    async def readyz(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """The database answers: webhooks can be kept."""
        try:
            await self.store.write(lambda _unit: None)
        except Unavailable as error:
            raise Unavailable(f"Not ready: {error}", code="store.unavailable") from error
        return json_response({"status": "ready"})

    async def prometheus(self, request: web.Request) -> web.Response:  # noqa: ARG002
        return web.Response(
            body=await self.metrics.render(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def dead_letters(self, request: web.Request) -> web.Response:
        page = parse_query(request, Page)
        found = await self.queue.dead_letters(limit=page.limit, before=page.before)
        rows = [
            {
                "id": one.id,
                "road": one.road,
                "kind": one.kind,
                "instance": one.instance_id,
                "message": one.ref,
                "cause": one.cause,
                "reason": one.reason,
                "attempts": one.attempts,
                "accepted": utc(one.accepted_at).isoformat(timespec="milliseconds"),
                "died": utc(one.ended_at).isoformat(timespec="milliseconds"),
            }
            for one in found
        ]
        return json_response(rows)

    async def dead_letter(self, request: web.Request) -> web.Response:
        found = await dead_letter(self.store, _id(request))
        if found is None:
            raise _no_letter(request)
        return json_response(found)

    async def replay(self, request: web.Request) -> web.Response:
        """Put it back into its lane, as newly accepted."""
        job_id, now = _id(request), self.clock.ms()
        done = await self.store.write(
            lambda unit: replay(self.queue, unit, job_id, now=now), durable=True
        )
        if not done:
            raise _no_letter(request)
        return json_response({"id": job_id, "state": "waiting"})

    async def discard(self, request: web.Request) -> web.Response:
        job_id, now = _id(request), self.clock.ms()
        done = await self.store.write(
            lambda unit: self.queue.discard(unit, job_id, now=now), durable=True
        )
        if not done:
            raise _no_letter(request)
        return json_response({"id": job_id, "state": "discarded"})

    async def why(self, request: web.Request) -> web.Response:
        asked = parse_query(request, Asked)
        found = await why(self.store, asked.message)
        if not found:
            raise NotFound(
                "Nothing is stored about this message: it never arrived here, or it is older "
                "than the retention.",
                code="message.unknown",
            )
        return json_response(found)

    def routes(self) -> tuple[Route, ...]:
        ok = {HTTPStatus.OK: Health}
        decided = {HTTPStatus.OK: Decided}
        return (
            _public("/healthz", self.healthz, "Is the process alive", ok),
            _public(
                "/readyz",
                self.readyz,
                "Can webhooks be kept",
                ok,
                errors=(HTTPStatus.SERVICE_UNAVAILABLE,),
            ),
            _keyed("GET", "/metrics", self.prometheus, "Metrics for Prometheus", {200: None}),
            _keyed(
                "GET",
                "/dead-letters",
                self.dead_letters,
                "List what could not be delivered",
                {HTTPStatus.OK: list[DeadRow]},
                query=Page,
            ),
            _keyed(
                "GET",
                "/dead-letters/{id}",
                self.dead_letter,
                "Show a dead letter",
                {HTTPStatus.OK: DeadLetter},
                errors=(HTTPStatus.BAD_REQUEST,),
            ),
            _keyed(
                "POST",
                "/dead-letters/{id}/replay",
                self.replay,
                "Try it again",
                decided,
                audit="dead_letter.replay",
                errors=(HTTPStatus.BAD_REQUEST,),
            ),
            _keyed(
                "DELETE",
                "/dead-letters/{id}",
                self.discard,
                "Give it up",
                decided,
                audit="dead_letter.discard",
                errors=(HTTPStatus.BAD_REQUEST,),
            ),
            _keyed(
                "GET",
                "/why",
                self.why,
                "Tell the story of a message",
                {HTTPStatus.OK: list[Story]},
                query=Asked,
                errors=(HTTPStatus.NOT_FOUND,),
            ),
        )


def _public(
    path: str,
    handler: Any,
    summary: str,
    responses: dict[Any, Any],
    *,
    errors: tuple[HTTPStatus, ...] = (),
) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        tag=TAG,
        access=Access.PUBLIC,
        responses=responses,
        errors=errors,
    )


def _keyed(
    method: str,
    path: str,
    handler: Any,
    summary: str,
    responses: dict[Any, Any],
    *,
    query: type[BaseModel] | None = None,
    audit: str | None = None,
    errors: tuple[HTTPStatus, ...] = (),
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        tag=TAG,
        access=Access.GLOBAL_KEY,
        responses=responses,
        query=query,
        audit=audit,
        errors=errors,
    )


def _id(request: web.Request) -> int:
    text = request.match_info["id"]
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004
        raise Invalid("id is not of a type(s) integer", code="request.invalid")
    return int(text)


def _no_letter(request: web.Request) -> NotFound | Conflict:
    return NotFound(f"There is no dead letter {_id(request)}.", code="dead_letter.unknown")
