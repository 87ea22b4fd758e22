"""Conversations over HTTP (chatwoot-api.md 1.7)."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bridge.sim.chatwoot import chat_views, conversations, listing, messages, status, views
from bridge.sim.chatwoot.calls import ACCOUNT, Call, Route, answer, as_int, empty, routes
from bridge.sim.chatwoot.contact_routes import names
from bridge.sim.chatwoot.records import Conversation, Json, User
from bridge.sim.chatwoot.refusals import not_found, unauthorized
from bridge.sim.chatwoot.world import Event, iso, iso_or_none, mapping, text_or_none, truthy

_PAGE = 25
_FILES = 100
_PRIORITIES = ("low", "medium", "high", "urgent")


def _shown(call: Call, chat: Conversation) -> web.Response:
    return answer(chat_views.conversation(call.world, chat))


def _page(call: Call, rows: list[Conversation]) -> list[Json]:
    if not call.params.get("updated_within"):
        start = (max(1, as_int(call.params.get("page", 1))) - 1) * _PAGE
        rows = rows[start : start + _PAGE]
    return [chat_views.conversation(call.world, row) for row in rows]


async def index(call: Call) -> web.Response:
    rows = listing.listed(call)
    shown = _page(call, listing.of_assignee(call, rows))
    return answer({"data": {"meta": listing.counts(call, rows), "payload": shown}})


async def meta(call: Call) -> web.Response:
    return answer({"meta": listing.counts(call, listing.listed(call))})


async def narrow(call: Call) -> web.Response:
    rows = listing.filtered(call, call.params.get("payload"))
    counted = listing.counts(call, rows)
    del counted["assigned_count"]
    return answer({"meta": counted, "payload": _page(call, rows)})


async def show(call: Call) -> web.Response:
    return _shown(call, call.conversation())


async def create(call: Call) -> web.Response:
    """Place, then create, unless the lock gives the last conversation back unchanged."""
    world, params = call.world, call.params
    message = params.get("message")
    held = _contact_inbox(call)
    if message:
        messages.check(world, None, mapping(message), channel=held.inbox.channel_type)
    chat = conversations.locked(held)
    if chat is None:
        chat = conversations.create(world, held, _fields(call), actor=call.actor)
    if message:
        messages.create(world, chat, mapping(message), actor=call.actor, arrived=call.arrived)
    return _shown(call, chat)


def _contact_inbox(call: Call) -> Any:
    world, params = call.world, call.params
    source_id = text_or_none(params.get("source_id"))
    if not params.get("contact_id") and not params.get("inbox_id"):
        # the legacy way: look the source up across the installation
        rows = (row for row in world.contact_inboxes.values() if row.source_id == source_id)
        found = next(rows, None)
        if found is None:
            raise not_found()
        if not call.sees(found.inbox):
            raise unauthorized()
        return found
    inbox = call.inbox_param()
    contact = world.contacts.get(as_int(params.get("contact_id")))
    if contact is None:
        raise not_found()
    return conversations.place(world, contact, inbox, source_id)


def _fields(call: Call) -> Json:
    params = call.params
    until = as_int(params.get("snoozed_until"))
    return {
        "status": text_or_none(params.get("status")) or "open",
        "assignee": call.world.users.get(as_int(params.get("assignee_id"))),
        "team": call.world.teams.get(as_int(params.get("team_id"))),
        "snoozed_until": float(until) if until else None,
        "additional_attributes": mapping(params.get("additional_attributes")),
        "custom_attributes": mapping(params.get("custom_attributes")),
    }


async def update(call: Call) -> web.Response:
    chat = call.conversation()
    if call.params.get("priority") in _PRIORITIES:
        conversations.update(call.world, chat, call.actor, priority=call.params["priority"])
    return _shown(call, chat)


async def delete(call: Call) -> web.Response:
    conversations.delete(call.world, call.conversation())
    return empty()


async def toggle_status(call: Call) -> web.Response:
    chat, actor = call.conversation(), call.actor
    wanted = text_or_none(call.params.get("status")) or status.toggled(chat)
    until = as_int(call.params.get("snoozed_until"))
    # a bot that opens a pending conversation hands it over, and the answer has no success
    handed = not isinstance(actor, User) and chat.status == "pending" and wanted == "open"
    status.set_status(
        call.world, chat, wanted, actor=actor, snoozed_until=float(until) if until else None
    )
    status.open_as_agent(call.world, chat, actor)
    shown = {
        "success": None if handed else True,
        "conversation_id": chat.id,
        "current_status": chat.status,
        "snoozed_until": iso_or_none(chat.snoozed_until),
    }
    return answer({"payload": shown})


async def toggle_typing(call: Call) -> web.Response:
    state = {"on": "conversation_typing_on", "off": "conversation_typing_off"}
    event = state.get(str(call.params.get("typing_status")))
    chat = call.conversation()
    if event is not None:
        call.world.emit(
            Event(
                name=event,
                conversation=chat,
                user=call.actor,
                is_private=truthy(call.params.get("is_private")),
            )
        )
    return empty()


async def update_last_seen(call: Call) -> web.Response:
    chat = call.conversation()
    conversations.see(call.world, chat, reader=call.actor)
    return _shown(call, chat)


async def unread(call: Call) -> web.Response:
    chat = call.conversation()
    conversations.unsee(call.world, chat)
    return _shown(call, chat)


async def custom_attributes(call: Call) -> web.Response:
    chat = call.conversation()
    fields = {"custom_attributes": mapping(call.params.get("custom_attributes"))}
    conversations.check_attributes(call.world, fields)
    conversations.update(call.world, chat, call.actor, **fields)
    return answer({"custom_attributes": chat.custom_attributes})


async def labels(call: Call) -> web.Response:
    chat = call.conversation()
    if call.request.method == "POST":
        wanted = names(call.params.get("labels"))
        conversations.set_labels(call.world, chat, wanted, actor=call.actor)
    return answer({"payload": chat.labels})


async def assign(call: Call) -> web.Response:
    chat, world = call.conversation(), call.world
    if "assignee_id" in call.params:
        user = world.users.get(as_int(call.params["assignee_id"]))
        conversations.assign(world, chat, user, actor=call.actor)
        return answer(None if user is None else views.agent(world, user))
    team = world.teams.get(as_int(call.params.get("team_id")))
    conversations.update(world, chat, call.actor, team=team)
    if team is None:
        return answer(None)
    times = dict.fromkeys(("created_at", "updated_at"), iso(team.created_at))
    return answer(views.team(world, team) | times)


async def toggle_priority(call: Call) -> web.Response:
    wanted = call.params.get("priority")
    priority = wanted if wanted in _PRIORITIES else None
    conversations.update(call.world, call.conversation(), call.actor, priority=priority)
    return empty()


async def mute(call: Call) -> web.Response:
    muted = call.request.path.endswith("/mute")
    status.mute(call.world, call.conversation(), muted=muted, actor=call.actor)
    return empty()


async def attachments(call: Call) -> web.Response:
    held = [
        chat_views.attachment(call.world, row)
        for message in reversed(call.conversation().messages)
        for row in message.attachments
    ]
    start = (max(1, as_int(call.params.get("page", 1))) - 1) * _FILES
    page = held[start : start + _FILES]
    return answer({"meta": {"total_count": len(held)}, "payload": page})


_ALL = f"{ACCOUNT}/conversations"
_ONE = f"{_ALL}/{{conversation}}"

ROUTES: list[Route] = [
    *routes("GET", _ALL, "conversations", index),
    *routes("POST", _ALL, "conversations", create, "bot"),
    *routes("GET", f"{_ALL}/meta", "conversations/meta", meta),
    *routes("POST", f"{_ALL}/filter", "conversations/filter", narrow),
    *routes("GET", _ONE, "conversation", show, "newer-bot"),
    *routes("PATCH", _ONE, "conversation", update, "bot"),
    *routes("DELETE", _ONE, "conversation", delete, "admin"),
    *routes("POST", f"{_ONE}/toggle_status", "conversation/toggle_status", toggle_status, "bot"),
    *routes(
        "POST",
        f"{_ONE}/toggle_typing_status",
        "conversation/toggle_typing_status",
        toggle_typing,
        "newer-bot",
    ),
    *routes("POST", f"{_ONE}/update_last_seen", "conversation/update_last_seen", update_last_seen),
    *routes("POST", f"{_ONE}/unread", "conversation/unread", unread),
    *routes(
        "POST",
        f"{_ONE}/custom_attributes",
        "conversation/custom_attributes",
        custom_attributes,
        "bot",
    ),
    *routes("GET", f"{_ONE}/labels", "conversation/labels", labels, "newer-bot"),
    *routes("POST", f"{_ONE}/labels", "conversation/labels", labels, "newer-bot"),
    *routes("POST", f"{_ONE}/assignments", "conversation/assignments", assign, "bot"),
    *routes(
        "POST", f"{_ONE}/toggle_priority", "conversation/toggle_priority", toggle_priority, "bot"
    ),
    *routes("POST", f"{_ONE}/mute", "conversation/mute", mute),
    *routes("POST", f"{_ONE}/unmute", "conversation/unmute", mute),
    *routes("GET", f"{_ONE}/attachments", "conversation/attachments", attachments),
]
