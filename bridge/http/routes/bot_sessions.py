"""`/typebot`: sessions of flows are started, shown, changed and told what they wait for.

Three of these routes take the key of a flow as well (`relay.bot.flow_keys`): what a flow's own HTTP
Request block calls. It acts on the flow's chat alone, whatever the body says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from bridge.core.identity import identifier
from bridge.errors import Forbidden, Invalid, TooMany
from bridge.http.dialects import bot_rows as rows
from bridge.http.dialects import bot_sessions as bodies
from bridge.http.dialects.choosing import chosen
from bridge.http.envelope import json_response
from bridge.http.gate import caller
from bridge.http.limits import Buckets
from bridge.http.routing import INSTANCE, Access, Route
from bridge.http.validation import parse_body
from bridge.relay.bot.bots import Bots
from bridge.relay.bot.events import V1
from bridge.relay.bot.sessions import BotSessions, Where, party_of
from bridge.relay.bot.starts import BotStarts
from bridge.relay.directory import Entry
from bridge.relay.instances import Instances

BOT = "typebot_id"
_MAX_BODY = 64 * 1024
#: Times that the flow of one chat may call in a minute: each call may be a note for agents.
PER_MINUTE = 60
_BROADCAST = "status@broadcast"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSessionRoutes:
    bots: Bots
    sessions: BotSessions
    starts: BotStarts
    instances: Instances
    #: `api.dialect` of the settings.
    dialect: str
    #: Gives milliseconds.
    now: Callable[[], int]
    buckets: Buckets = field(default_factory=lambda: Buckets(PER_MINUTE))

    async def start(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, bodies.StartBody)
        name = entry.instance.name
        if body.jid == _BROADCAST:  # as Evolution: nobody is there
            return json_response({})
        party = party_of(body.jid)
        begun = await self.starts.start(entry, party, body.order())
        return json_response(bodies.started_row(name, body, identifier(party), begun=begun))

    async def change(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, bodies.StatusBody)
        where = await self._where(request, entry, body.jid)
        changed = await self.sessions.change(entry, where, body.status)
        name = entry.instance.name
        dialect = chosen(request, setting=self.dialect) or entry.instance.dialect
        if dialect in V1 and caller(request).chat_id is None:
            held = await self.sessions.all(entry)
            shown = [bodies.v1_session(one) for one in held]
            only = rows.only_row(await self.bots.all(entry), shown)
            return json_response({"typebot": {"instanceName": name, "typebot": only}})
        return json_response(bodies.changed_row(name, changed, body.status))

    async def fetch(self, request: web.Request) -> web.Response:
        """Any id that is no flow's lists all sessions of the instance, as in Evolution."""
        entry = self._entry(request)
        bot = await self.bots.one(entry, request.match_info[BOT])
        held = await self.sessions.all(entry, bot.id if bot is not None else None)
        return json_response([bodies.session_row(one) for one in held])

    async def hand_over(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, bodies.HandoffBody)
        where = await self._where(request, entry, body.jid)
        jid = await self.sessions.hand_over(entry, where, body.wanted())
        return _done(entry, jid)

    async def resume(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, bodies.ResumeBody)
        where = await self._where(request, entry, body.jid)
        jid = await self.sessions.resume(entry, where, body.data)
        return _done(entry, jid)

    async def _where(self, request: web.Request, entry: Entry, jid: str | None) -> Where:
        """Whom a call is about. Raises `Forbidden` for a flow that names another chat."""
        chat_id = caller(request).chat_id
        if chat_id is None:
            if jid is None:
                raise Invalid('instance requires property "remoteJid"')
            return party_of(jid)
        if not self.buckets.take(str(chat_id), self.now()):
            raise TooMany(
                "The flow calls too often.", code="typebot.too_many_calls", retry_after=60
            )
        if jid is not None and not await self.sessions.is_chat(entry, chat_id, party_of(jid)):
            raise Forbidden(
                "The key of a flow is good for the flow's own chat alone; leave remoteJid out.",
                code="typebot.other_chat",
            )
        return chat_id

    def _entry(self, request: web.Request) -> Entry:
        return self.instances.entry(request.match_info[INSTANCE])

    def routes(self) -> tuple[Route, ...]:
        not_found, conflict = HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT
        flow = "The key of a flow (its variable `apiKey`) opens it too, for the flow's own chat."

        def route(method: str, path: str, handler: Any, summary: str, **more: Any) -> Route:
            return Route(
                method=method,
                path=path,
                handler=handler,
                summary=summary,
                tag="Typebot",
                access=Access.INSTANCE_KEY,
                max_body=_MAX_BODY,
                **({"responses": {HTTPStatus.OK: dict[str, Any]}} | more),
            )

        return (
            route(
                "POST",
                "/typebot/start/{instance}",
                self.start,
                "Start a flow with somebody",
                description="It takes the place of what runs there. The answer comes once Typebot "
                "has started it; where that takes long, with `pending`, and it goes on by itself.",
                request=bodies.StartBody,
                audit="typebot.start",
                errors=(HTTPStatus.FORBIDDEN, conflict, HTTPStatus.BAD_GATEWAY),
            ),
            route(
                "POST",
                "/typebot/changeStatus/{instance}",
                self.change,
                "Give a flow the word, take it, or end its session",
                description="`silencedBy` names the rule by which the flow says nothing all the "
                f"same. {flow}",
                request=bodies.StatusBody,
                audit="typebot.change_status",
                dialects=True,
                for_flows=True,
                errors=(HTTPStatus.FORBIDDEN,),
            ),
            route(
                "GET",
                "/typebot/fetchSessions/{typebot_id}/{instance}",
                self.fetch,
                "List the sessions of a flow",
                description="With any id that is no flow's (`all`): those of the instance.",
                responses={HTTPStatus.OK: list[dict[str, Any]]},
            ),
            route(
                "POST",
                "/typebot/handoff/{instance}",
                self.hand_over,
                "End a flow: hand its conversation over, or resolve it",
                description="Called by a flow, it counts once Typebot has answered: what the flow "
                f"said until then goes out first. {flow}",
                request=bodies.HandoffBody,
                audit="typebot.handoff",
                for_flows=True,
                errors=(HTTPStatus.FORBIDDEN, not_found, conflict),
                responses={HTTPStatus.OK: bodies.DoneRow},
            ),
            route(
                "POST",
                "/typebot/resume/{instance}",
                self.resume,
                "Tell a flow the event that its Webhook block waits for",
                description=flow,
                request=bodies.ResumeBody,
                audit="typebot.resume",
                for_flows=True,
                errors=(HTTPStatus.FORBIDDEN, not_found, conflict),
                responses={HTTPStatus.OK: bodies.DoneRow},
            ),
        )


def _done(entry: Entry, jid: str | None) -> web.Response:
    return json_response(
        {"instanceName": entry.instance.name, "remoteJid": jid, "status": "accepted"}
    )
