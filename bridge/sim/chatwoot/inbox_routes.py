"""Inboxes, their members and agent bots over HTTP (chatwoot-api.md 1.2 to 1.4)."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bridge.sim.chatwoot import inboxes, views
from bridge.sim.chatwoot.account_routes import agents
from bridge.sim.chatwoot.calls import ACCOUNT, Call, Route, answer, as_int, empty, routes
from bridge.sim.chatwoot.records import AgentBot, Inbox, Json, User
from bridge.sim.chatwoot.refusals import Flaw, InvalidRecord, not_found
from bridge.sim.chatwoot.templates import zone
from bridge.sim.chatwoot.world import iso, new_token, text_or_none


async def list_inboxes(call: Call) -> web.Response:
    rows = sorted(call.world.inboxes.values(), key=lambda row: row.name.lower())
    shown = [_inbox(call, row) for row in rows if call.sees(row)]
    return answer({"payload": shown})


async def show_inbox(call: Call) -> web.Response:
    return answer(_inbox(call, call.inbox()))


def _inbox(call: Call, row: Inbox) -> Json:
    return views.inbox(call.world, row, admin=call.is_admin)


async def create_inbox(call: Call) -> web.Response:
    await _read_zone(call)
    return answer(_inbox(call, inboxes.create(call.world, call.params)))


async def _read_zone(call: Call) -> None:
    """Read the files of a time zone in a thread, before anybody asks for the office hours."""
    name = text_or_none(call.params.get("timezone"))
    if name:
        await asyncio.to_thread(zone, name)


async def update_inbox(call: Call) -> web.Response:
    row = call.inbox()
    await _read_zone(call)
    inboxes.update(call.world, row, call.params)
    return answer(_inbox(call, row))


async def delete_inbox(call: Call) -> web.Response:
    inboxes.delete(call.world, call.inbox())
    return answer({"message": call.world.say("inbox_deleted")})


async def delete_inbox_avatar(call: Call) -> web.Response:
    call.inbox().avatar = None
    return empty()


async def reset_secret(call: Call) -> web.Response:
    row = call.inbox()
    if not call.world.profile.signs_inboxes:
        raise not_found()
    row.secret = new_token()
    return answer(_inbox(call, row))


async def show_inbox_bot(call: Call) -> web.Response:
    bot = call.inbox().bot
    if bot is None:
        return answer({})
    at = iso(bot.created_at)
    token = {
        "id": bot.id,
        "owner_type": "AgentBot",
        "owner_id": bot.id,
        "token": bot.token,
        "created_at": at,
        "updated_at": at,
    }
    return answer({"agent_bot": views.bot(call.world, bot) | {"access_token": token}})


async def set_inbox_bot(call: Call) -> web.Response:
    row = call.inbox()
    wanted = call.params.get("agent_bot")
    bot = call.world.bots.get(as_int(wanted))
    if wanted and bot is None:
        raise not_found()
    row.bot = bot
    return empty()


# members


async def list_members(call: Call) -> web.Response:
    return answer({"payload": agents(call, list(call.inbox().members.values()))})


async def change_members(call: Call) -> web.Response:
    row = call.inbox_param()
    users: dict[int, User] = {}
    for given in call.params.get("user_ids") or []:
        user = call.world.users.get(as_int(given))
        if user is None:
            raise InvalidRecord([Flaw(attribute="user", message="must exist")])
        users[user.id] = user
    match call.request.method:
        case "POST":
            row.members |= users
        case "DELETE":
            row.members = {key: user for key, user in row.members.items() if key not in users}
            return empty()
        case _:
            row.members = users
    return answer({"payload": agents(call, list(row.members.values()))})


# agent bots


async def list_bots(call: Call) -> web.Response:
    return answer([views.bot(call.world, bot) for bot in call.world.bots.values()])


async def create_bot(call: Call) -> web.Response:
    params = call.params
    bot = AgentBot(
        id=call.world.new_id("bot"),
        name=text_or_none(params.get("name")) or "",
        description=text_or_none(params.get("description")),
        outgoing_url=text_or_none(params.get("outgoing_url")),
        token=new_token(),
        secret=new_token(),
        created_at=call.world.now(),
    )
    return answer(views.bot(call.world, call.world.add_bot(bot)))


async def delete_bot(call: Call) -> web.Response:
    bot = call.world.bots.pop(call.number("bot"), None)
    if bot is None:
        raise not_found()
    call.world.tokens.pop(bot.token, None)
    for row in call.world.inboxes.values():
        row.bot = None if row.bot is bot else row.bot
    return empty()


_INBOX = f"{ACCOUNT}/inboxes/{{inbox}}"

ROUTES: list[Route] = [
    *routes("GET", f"{ACCOUNT}/inboxes", "inboxes", list_inboxes),
    *routes("POST", f"{ACCOUNT}/inboxes", "inboxes", create_inbox, "admin"),
    *routes("GET", _INBOX, "inbox", show_inbox),
    *routes("PATCH", _INBOX, "inbox", update_inbox, "admin"),
    *routes("DELETE", _INBOX, "inbox", delete_inbox, "admin"),
    *routes("DELETE", f"{_INBOX}/avatar", "inbox/avatar", delete_inbox_avatar, "admin"),
    *routes("POST", f"{_INBOX}/reset_secret", "inbox/reset_secret", reset_secret, "admin"),
    *routes("GET", f"{_INBOX}/agent_bot", "inbox/agent_bot", show_inbox_bot),
    *routes("POST", f"{_INBOX}/set_agent_bot", "inbox/set_agent_bot", set_inbox_bot, "admin"),
    *routes("GET", f"{ACCOUNT}/inbox_members/{{inbox}}", "inbox_members", list_members),
    *routes("POST", f"{ACCOUNT}/inbox_members", "inbox_members", change_members, "admin"),
    *routes("PATCH", f"{ACCOUNT}/inbox_members", "inbox_members", change_members, "admin"),
    *routes("DELETE", f"{ACCOUNT}/inbox_members", "inbox_members", change_members, "admin"),
    *routes("GET", f"{ACCOUNT}/agent_bots", "agent_bots", list_bots),
    *routes("POST", f"{ACCOUNT}/agent_bots", "agent_bots", create_bot, "admin"),
    *routes("DELETE", f"{ACCOUNT}/agent_bots/{{bot}}", "agent_bot", delete_bot, "admin"),
]
