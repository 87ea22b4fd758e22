"""`/typebot`: the flows of an instance. What runs of them is in `bot_sessions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from bridge.core.ignoring import can_be_ignored, same_ignored
from bridge.core.typebot import BotSettings
from bridge.errors import Invalid
from bridge.http.dialects import bot_rows as rows
from bridge.http.dialects import typebot as bodies
from bridge.http.dialects.bot_sessions import IgnoreBody, v1_session
from bridge.http.dialects.choosing import chosen
from bridge.http.envelope import json_response
from bridge.http.reading import read_json
from bridge.http.routing import INSTANCE, Access, Route
from bridge.http.validation import parse_body, validate
from bridge.relay.bot.bots import Bots
from bridge.relay.bot.events import V1
from bridge.relay.bot.sessions import NO_ADDRESS, BotSessions
from bridge.relay.directory import Entry
from bridge.relay.instances import Instances

BOT = "typebot_id"
#: Bytes; a thousand chats that flows leave alone have room in it.
_MAX_BODY = 256 * 1024
_MOST_IGNORED = 1000


class BotRow(BaseModel):
    """A flow, as Evolution v2 shows it; null: as the instance's settings say."""

    model_config = ConfigDict(extra="allow")

    id: str
    enabled: bool
    url: str
    typebot: str
    triggerType: str  # noqa: N815
    instanceId: str  # noqa: N815


@dataclass(frozen=True, slots=True, kw_only=True)
class TypebotRoutes:
    bots: Bots
    sessions: BotSessions
    instances: Instances
    #: `api.dialect` of the settings.
    dialect: str
    #: Raises `ForbiddenAddress` for what we may not call (`net.http.Http.judge`).
    judge: Callable[[str], Awaitable[None]]

    async def create(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        bot = (await parse_body(request, bodies.BotBody)).bot()
        await self._judge(bot.url)
        stored = await self.bots.add(entry, bot)
        return json_response(rows.row(stored), status=HTTPStatus.CREATED)

    async def set_only(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        raw = await read_json(request)
        body = validate(bodies.OnlyBody, raw)
        if body.enabled is False:
            await self.bots.set_only(entry, None)
        else:
            whole = validate(bodies.BotBody, raw)
            await self._judge(whole.url)
            await self.bots.set_only(entry, whole.only)
        answer = {"instanceName": entry.instance.name, "typebot": await self._only(entry)}
        return json_response({"typebot": answer}, status=HTTPStatus.CREATED)

    async def find(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        dialect = chosen(request, setting=self.dialect) or entry.instance.dialect
        if dialect in V1:
            return json_response(await self._only(entry))
        return json_response([rows.row(one) for one in await self.bots.all(entry)])

    async def fetch(self, request: web.Request) -> web.Response:
        found = await self.bots.one(self._entry(request), request.match_info[BOT])
        return json_response(None if found is None else rows.row(found))

    async def update(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, bodies.ChangeBody)
        await self._judge(body.url)
        stored = await self.bots.change(entry, request.match_info[BOT], body.changed)
        return json_response(rows.row(stored))

    async def delete(self, request: web.Request) -> web.Response:
        bot_id = request.match_info[BOT]
        await self.bots.delete(self._entry(request), bot_id)
        return json_response({"bot": {"id": bot_id}})

    async def set_settings(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, bodies.SettingsBody)
        changed = await self.bots.change_settings(entry, body.change)
        return json_response(await self._settings(entry, changed))

    async def fetch_settings(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        return json_response(await self._settings(entry, await self.bots.settings(entry)))

    async def ignore_jid(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        body = await parse_body(request, IgnoreBody)
        jid, adds = body.jid, body.action == "add"
        if adds and not can_be_ignored(jid):
            raise Invalid(NO_ADDRESS, code="typebot.address")

        def change(before: BotSettings) -> BotSettings:
            kept = tuple(one for one in before.ignore_jids if not same_ignored(one, jid))
            if adds:
                if len(kept) >= _MOST_IGNORED:
                    raise Invalid(
                        f"ignoreJids holds {_MOST_IGNORED} entries at most.",
                        code="typebot.too_many",
                    )
                kept = (*kept, jid)
            return replace(before, ignore_jids=kept)

        changed = await self.bots.change_settings(entry, change)
        return json_response({"ignoreJids": list(changed.ignore_jids)})

    async def _judge(self, url: str | None) -> None:
        """Refuse now what no turn could call: else the first customer finds out."""
        if url is not None:
            await self.judge(url)

    async def _only(self, entry: Entry) -> Any:
        """The one flow that Evolution v1 knows, with all sessions."""
        held = await self.sessions.all(entry)
        return rows.only_row(await self.bots.all(entry), [v1_session(one) for one in held])

    async def _settings(self, entry: Entry, settings: BotSettings | None) -> dict[str, Any]:
        fallback = settings.fallback_id if settings else None
        bot = await self.bots.one(entry, fallback) if fallback else None
        return rows.settings_row(settings, bot)

    def _entry(self, request: web.Request) -> Entry:
        return self.instances.entry(request.match_info[INSTANCE])

    def routes(self) -> tuple[Route, ...]:
        bot = {HTTPStatus.OK: BotRow}
        plain: dict[int, Any] = {HTTPStatus.OK: dict[str, Any]}
        added = "The first flow gives the settings of the instance their values."
        stays = "What is missing stays as it is; null is the value of the settings."
        one = "`enabled: false` takes it away, with all sessions of the instance."

        def route(method: str, path: str, handler: Any, summary: str, **more: Any) -> Route:
            return Route(
                method=method,
                path=path,
                handler=handler,
                summary=summary,
                tag="Typebot",
                access=Access.INSTANCE_KEY,
                max_body=_MAX_BODY,
                **({"responses": plain} | more),
            )

        return (
            route(
                "POST",
                "/typebot/create/{instance}",
                self.create,
                "Add a Typebot flow",
                description=added,
                request=bodies.BotBody,
                audit="typebot.create",
                errors=(HTTPStatus.CONFLICT,),
                responses={HTTPStatus.CREATED: BotRow},
            ),
            route(
                "POST",
                "/typebot/set/{instance}",
                self.set_only,
                "Set the one flow that Evolution v1 knows",
                description=one,
                request=bodies.OnlyBody,
                audit="typebot.set",
                errors=(HTTPStatus.CONFLICT,),
                responses={HTTPStatus.CREATED: dict[str, Any]},
            ),
            route(
                "GET",
                "/typebot/find/{instance}",
                self.find,
                "List the flows",
                description="Evolution v1's answer is its one flow.",
                dialects=True,
                responses={HTTPStatus.OK: list[BotRow] | dict[str, Any]},
            ),
            route(
                "GET",
                "/typebot/fetch/{typebot_id}/{instance}",
                self.fetch,
                "Show a flow",
                responses={HTTPStatus.OK: BotRow | None},
            ),
            route(
                "PUT",
                "/typebot/update/{typebot_id}/{instance}",
                self.update,
                "Change a flow",
                description=stays,
                request=bodies.ChangeBody,
                audit="typebot.update",
                errors=(HTTPStatus.CONFLICT,),
                responses=bot,
            ),
            route(
                "POST",
                "/typebot/update/{typebot_id}/{instance}",
                self.update,
                "Change a flow, as Evolution's documentation spells it",
                description=stays,
                request=bodies.ChangeBody,
                audit="typebot.update",
                errors=(HTTPStatus.CONFLICT,),
                responses=bot,
            ),
            route(
                "DELETE",
                "/typebot/delete/{typebot_id}/{instance}",
                self.delete,
                "Delete a flow with its sessions",
                audit="typebot.delete",
            ),
            route(
                "POST",
                "/typebot/settings/{instance}",
                self.set_settings,
                "Change what holds for all flows",
                description="What is missing stays as it is.",
                request=bodies.SettingsBody,
                audit="typebot.settings",
            ),
            route(
                "GET",
                "/typebot/fetchSettings/{instance}",
                self.fetch_settings,
                "Show what holds for all flows",
            ),
            route(
                "POST",
                "/typebot/ignoreJid/{instance}",
                self.ignore_jid,
                "Add a chat that flows leave alone, or take it off",
                request=IgnoreBody,
                audit="typebot.ignore_jid",
            ),
        )
