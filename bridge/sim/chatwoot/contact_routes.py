"""Contacts, their bindings, search and merge over HTTP (chatwoot-api.md 1.5 and 1.6)."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from bridge.sim.chatwoot import chat_views, contacts, search, views
from bridge.sim.chatwoot.calls import ACCOUNT, Call, Route, answer, as_int, empty, routes
from bridge.sim.chatwoot.records import Contact, Json
from bridge.sim.chatwoot.refusals import Refused, SourceTaken, not_found
from bridge.sim.chatwoot.world import text_or_none, truthy

_PAGE = 15
_CHATS = 20


def _page(call: Call, rows: list[Contact]) -> web.Response:
    page = call.params.get("page", 1)
    start = (max(1, as_int(page)) - 1) * _PAGE
    shown = [_shown(call, row) for row in rows[start : start + _PAGE]]
    # the page echoes the query string: "2" stays a string
    return answer({"meta": {"count": len(rows), "current_page": page}, "payload": shown})


def _shown(call: Call, row: Contact) -> Json:
    wanted = truthy(call.params.get("include_contact_inboxes", True))
    return views.contact(call.world, row, inboxes=wanted)


def _labelled(call: Call, rows: list[Contact]) -> list[Contact]:
    labels = call.params.get("labels")
    if not isinstance(labels, list) or not labels:
        return rows
    return [row for row in rows if set(labels) & set(row.labels)]


async def index(call: Call) -> web.Response:
    rows = _labelled(call, list(search.resolved(call.world)))
    return _page(call, search.ordered(rows, call.params.get("sort")))


async def find(call: Call) -> web.Response:
    words = text_or_none(call.params.get("q"))
    if words is None:
        return answer({"meta": {"count": None, "current_page": 1}, "payload": []})
    rows = _labelled(call, search.found(call.world, words.strip()))
    return _page(call, search.ordered(rows, call.params.get("sort")))


async def narrow(call: Call) -> web.Response:
    return _page(call, search.filtered(call.world, call.params.get("payload")))


async def show(call: Call) -> web.Response:
    return answer({"payload": _shown(call, call.contact())})


async def create(call: Call) -> web.Response:
    """Create and bind in one transaction: a taken source leaves no contact behind (500)."""
    world, params = call.world, call.params
    inbox = call.inbox_param() if params.get("inbox_id") else None
    source_id = text_or_none(params.get("source_id"))
    fields = contacts.clean(params)
    avatar = contacts.check_avatar(params.get("avatar"))
    contacts.check(world, fields)
    if call.faults.contact_race:
        await asyncio.sleep(call.faults.contact_race)
    if inbox is not None and source_id and (inbox.id, source_id) in world.by_source:
        raise SourceTaken
    row = contacts.insert(world, fields, avatar=avatar)
    held: Json = {"inbox": None, "source_id": None}
    if inbox is not None:
        bound = contacts.bind(world, row, inbox, source_id)
        held = {"inbox": views.inbox_row(world, inbox), "source_id": bound.source_id}
    shown = views.contact(world, row)
    return answer({"payload": {"contact": shown, "contact_inbox": held}})


async def update(call: Call) -> web.Response:
    row = call.contact()
    contacts.update(call.world, row, call.params)
    return answer({"payload": views.contact(call.world, row)})


async def delete(call: Call) -> web.Response:
    contacts.delete(call.world, call.contact())
    return empty()


async def delete_avatar(call: Call) -> web.Response:
    row = call.contact()
    row.avatar = None
    return answer({"payload": views.contact(call.world, row)})


async def destroy_attributes(call: Call) -> web.Response:
    row = call.contact()
    given = call.params.get("custom_attributes")
    gone = set(map(str, given)) if isinstance(given, list) else set()
    kept = {key: value for key, value in row.custom_attributes.items() if key not in gone}
    contacts.write(call.world, row, {"custom_attributes": kept})
    return answer({"payload": views.contact(call.world, row)})


async def bind(call: Call) -> web.Response:
    row, inbox = call.contact(), call.inbox_param()
    bound = contacts.bind(
        call.world,
        row,
        inbox,
        text_or_none(call.params.get("source_id")),
        hmac_verified=truthy(call.params.get("hmac_verified")),
    )
    return answer(views.contact_inbox(call.world, inbox, bound.source_id))


async def contactable(call: Call) -> web.Response:
    row, world = call.contact(), call.world
    rows = [
        views.contact_inbox(world, inbox, contacts.contactable_source(row, inbox))
        for inbox in world.inboxes.values()
        if call.sees(inbox)
    ]
    # here the inbox comes first
    return answer({"payload": [{"inbox": r["inbox"], "source_id": r["source_id"]} for r in rows]})


async def chats(call: Call) -> web.Response:
    rows = [
        chat
        for held in call.contact().contact_inboxes
        for chat in held.conversations
        if call.sees(chat.inbox)
    ]
    rows.sort(key=lambda chat: (chat.last_activity_at, chat.id), reverse=True)
    shown = [chat_views.conversation(call.world, chat) for chat in rows[:_CHATS]]
    return answer({"payload": shown})


async def labels(call: Call) -> web.Response:
    row = call.contact()
    if call.request.method == "POST":
        row.labels = names(call.params.get("labels"))
        call.world.changed()
    return answer({"payload": row.labels})


def names(given: Any) -> list[str]:
    rows = given if isinstance(given, list) else str(given or "").split(",")
    return [name for name in (str(row).strip() for row in rows) if name]


async def by_source(call: Call) -> web.Response:
    inbox = call.inbox_param()
    source_id = text_or_none(call.params.get("source_id")) or ""
    held = call.world.by_source.get((inbox.id, source_id))
    if held is None:
        raise Refused(404, None)
    return answer(views.contact(call.world, held.contact))


async def merge(call: Call) -> web.Response:
    held = call.world.contacts
    base = held.get(as_int(call.params.get("base_contact_id")))
    mergee = held.get(as_int(call.params.get("mergee_contact_id")))
    if base is None or mergee is None:
        raise not_found()
    contacts.merge(call.world, base, mergee)
    return answer(views.contact(call.world, base, inboxes=False))


_ONE = f"{ACCOUNT}/contacts/{{contact}}"

ROUTES: list[Route] = [
    *routes("POST", f"{ACCOUNT}/contact_inboxes/filter", "contact_inboxes/filter", by_source),
    *routes("POST", f"{ACCOUNT}/actions/contact_merge", "actions/contact_merge", merge),
    *routes("GET", f"{ACCOUNT}/contacts", "contacts", index),
    *routes("POST", f"{ACCOUNT}/contacts", "contacts", create),
    *routes("GET", f"{ACCOUNT}/contacts/search", "contacts/search", find),
    *routes("POST", f"{ACCOUNT}/contacts/filter", "contacts/filter", narrow),
    *routes("GET", _ONE, "contact", show),
    *routes("PATCH", _ONE, "contact", update),
    *routes("DELETE", _ONE, "contact", delete, "admin"),
    *routes("DELETE", f"{_ONE}/avatar", "contact/avatar", delete_avatar),
    *routes(
        "POST",
        f"{_ONE}/destroy_custom_attributes",
        "contact/destroy_custom_attributes",
        destroy_attributes,
    ),
    *routes("POST", f"{_ONE}/contact_inboxes", "contact/contact_inboxes", bind),
    *routes("GET", f"{_ONE}/contactable_inboxes", "contact/contactable_inboxes", contactable),
    *routes("GET", f"{_ONE}/conversations", "contact/conversations", chats),
    *routes("GET", f"{_ONE}/labels", "contact/labels", labels),
    *routes("POST", f"{_ONE}/labels", "contact/labels", labels),
]
