"""Connecting a number: QR code, state, restart, logout, presence, and what happened to it.

Source: evolution-instance-typebot.md 2.1. Failures are failures here, not a 200 with `error`.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bridge.clock import utc
from bridge.core.instance import Dialect
from bridge.core.phone import typed_digits
from bridge.errors import Invalid
from bridge.http.dialects import views
from bridge.http.dialects.choosing import chosen
from bridge.http.dialects.configuration import read_presence
from bridge.http.dialects.described import PresenceBody
from bridge.http.dialects.shapes import Done, Qrcode, State
from bridge.http.envelope import json_response
from bridge.http.reading import read_json
from bridge.http.routing import INSTANCE, Access, Route
from bridge.http.validation import parse_query
from bridge.relay.connections import Connections
from bridge.relay.directory import Entry
from bridge.relay.events import Events
from bridge.relay.instances import Instances
from bridge.whatsapp.qr import Qr

TAG = "Connection"
#: Digits of a number with its country (E.164 has 15 at most).
_DIGITS = range(8, 16)
_LOGGED_OUT = {
    "status": "SUCCESS",
    "error": False,
    "response": {"message": "Instance logged out"},
}


class Connecting(BaseModel):
    """With a number, the answer also holds a pairing code to type on its phone."""

    number: str | None = Field(default=None, max_length=40)


class Since(BaseModel):
    """What followed the event of this id, oldest first."""

    after: int = Field(default=0, ge=0, lt=2**63)
    limit: int = Field(default=100, ge=1, le=1000)


class HappenedRow(TypedDict):
    """`data` is the body that Evolution's webhook of this event has."""

    id: int
    event: str
    instance: str
    data: Any
    date_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRoutes:
    """`wait` in seconds: how long an answer may wait for the first QR code."""

    instances: Instances
    connections: Connections
    events: Events
    wait: float
    dialect: str

    async def connect(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        number = _number(parse_query(request, Connecting).number)
        return _shown(entry, await self.connections.connect(entry, number, wait=self.wait))

    async def state(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        return json_response(views.state(entry.instance, await self.connections.ask(entry)))

    async def restart(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        dialect = chosen(request, setting=self.dialect) or entry.instance.dialect
        qr = await self.connections.restart(entry, wait=self.wait)
        if dialect in (Dialect.V1, Dialect.V1_LEGACY):
            return json_response(views.state(entry.instance, self.connections.view(entry)))
        return _shown(entry, qr)

    async def logout(self, request: web.Request) -> web.Response:
        await self.connections.logout(self._entry(request))
        return json_response(_LOGGED_OUT)

    async def set_presence(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        presence = read_presence(await read_json(request))
        await self.connections.set_presence(entry, presence)
        return json_response({"presence": presence}, status=HTTPStatus.CREATED)

    async def happened(self, request: web.Request) -> web.Response:
        asked = parse_query(request, Since)
        found = await self.events.page(self._entry(request), after=asked.after, limit=asked.limit)
        rows = [
            {
                "id": one.id,
                "event": one.name,
                "instance": one.instance_name,
                "data": one.data,
                "date_time": utc(one.at).isoformat(timespec="milliseconds"),
            }
            for one in found
        ]
        return json_response(rows)

    def _entry(self, request: web.Request) -> Entry:
        return self.instances.entry(request.match_info[INSTANCE])

    def routes(self) -> tuple[Route, ...]:
        return (
            Route(
                method="GET",
                path="/instance/connect/{instance}",
                handler=self.connect,
                summary="Connect a number, and get the QR code to scan",
                description="Waits for the first code; repeated calls show the current one. "
                "An open connection is answered with its state.",
                tag=TAG,
                access=Access.INSTANCE_KEY,
                query=Connecting,
                responses={HTTPStatus.OK: Qrcode | State},
            ),
            Route(
                method="GET",
                path="/instance/connectionState/{instance}",
                handler=self.state,
                summary="Ask how the number is connected",
                tag=TAG,
                access=Access.INSTANCE_KEY,
                responses={HTTPStatus.OK: State},
            ),
            *(
                Route(
                    method=method,
                    path="/instance/restart/{instance}",
                    handler=self.restart,
                    summary="Break the connection and connect anew, from every state",
                    tag=TAG,
                    access=Access.INSTANCE_KEY,
                    responses={HTTPStatus.OK: Qrcode | State},
                    audit="instance.restart",
                    dialects=True,
                )
                for method in ("POST", "PUT")
            ),
            Route(
                method="DELETE",
                path="/instance/logout/{instance}",
                handler=self.logout,
                summary="End the session, on the phone too",
                tag=TAG,
                access=Access.INSTANCE_KEY,
                responses={HTTPStatus.OK: Done},
                audit="instance.logout",
                errors=(HTTPStatus.BAD_REQUEST, HTTPStatus.BAD_GATEWAY),
            ),
            Route(
                method="POST",
                path="/instance/setPresence/{instance}",
                handler=self.set_presence,
                summary="Show the number as available, unavailable ...",
                tag=TAG,
                access=Access.INSTANCE_KEY,
                request=PresenceBody,
                responses={HTTPStatus.CREATED: PresenceBody},
                audit="instance.presence",
                errors=(HTTPStatus.BAD_GATEWAY,),
            ),
            Route(
                method="GET",
                path="/instance/events/{instance}",
                handler=self.happened,
                summary="What happened to an instance, newest last",
                description="Names and bodies are those of Evolution's webhooks. Codes to scan or "
                "to type are not stored.",
                tag=TAG,
                access=Access.INSTANCE_KEY,
                query=Since,
                responses={HTTPStatus.OK: list[HappenedRow]},
            ),
        )


def _shown(entry: Entry, qr: Qr | None) -> web.Response:
    if qr is not None:
        return json_response(views.qrcode(qr))
    return json_response({"instance": {"instanceName": entry.instance.name, "state": "open"}})


def _number(text: str | None) -> str | None:
    if text is None:
        return None
    digits = (typed_digits(text) or "").removeprefix("+")
    if len(digits) not in _DIGITS:
        raise Invalid(
            "number must be a phone number with its country code, such as 5511987654321",
            code="number.invalid",
        )
    return digits
