"""Messages and files over HTTP (chatwoot-api.md 1.8 and 3.4)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from aiohttp import web

from bridge.sim.chatwoot import chat_views, messages, views
from bridge.sim.chatwoot.calls import ACCOUNT, Call, Route, answer, as_int, routes
from bridge.sim.chatwoot.records import API, Conversation, Json, Message
from bridge.sim.chatwoot.refusals import Refused, not_found
from bridge.sim.chatwoot.world import iso_or_none, truthy

_NEWEST = 20
_AFTER = 100
_BETWEEN = 1000


def window(rows: list[Message], *, before: int | None, after: int | None) -> list[Message]:
    """The rows of a list request, oldest first (the table in 1.8)."""
    if before is None and after is None:
        return rows[-_NEWEST:]
    if before is not None and after is not None:
        start = bisect_left(rows, after, key=_id)
        return rows[start : bisect_left(rows, before, key=_id)][:_BETWEEN]
    if after is not None:
        start = bisect_right(rows, after, key=_id)
        return rows[start : start + _AFTER]
    end = bisect_left(rows, before or 0, key=_id)
    return rows[max(0, end - _NEWEST) : end]


def _id(row: Message) -> int:
    return row.id


async def index(call: Call) -> web.Response:
    chat, params = call.conversation(), call.params
    rows = chat.messages
    if truthy(params.get("filter_internal_messages")):
        rows = [row for row in rows if not row.private and row.message_type != "activity"]
    shown = window(
        rows,
        before=as_int(params["before"]) if params.get("before") else None,
        after=as_int(params["after"]) if params.get("after") else None,
    )
    payload = [chat_views.message(call.world, row) for row in shown]
    return answer({"meta": _meta(call, chat), "payload": payload})


def _meta(call: Call, chat: Conversation) -> Json:
    meta: Json = {
        "labels": chat.labels,
        "additional_attributes": chat.additional_attributes,
        "contact": views.author(call.world, chat.contact),
    }
    if chat.assignee is not None:
        meta["assignee"] = views.author(call.world, chat.assignee)
    return meta | {
        "agent_last_seen_at": iso_or_none(chat.agent_last_seen_at),
        "assignee_last_seen_at": iso_or_none(chat.assignee_last_seen_at),
    }


async def create(call: Call) -> web.Response:
    world, chat = call.world, call.conversation()
    try:
        row = messages.create(world, chat, call.params, actor=call.actor, arrived=call.arrived)
    except Refused as refused:
        raise messages.refused_create(world, refused) from None
    return answer(chat_views.message(world, row, echo_id=call.params.get("echo_id")))


async def update(call: Call) -> web.Response:
    row = call.message()
    if not call.world.profile.patches_status:
        raise not_found()
    if row.conversation.inbox.channel_type != API:
        text = "Message status update is only allowed for API inboxes"
        raise Refused(403, {"error": text})
    params = call.params
    messages.set_status(
        call.world, row, params.get("status"), params.get("external_error"), actor=call.actor
    )
    return answer(chat_views.message(call.world, row))


async def delete(call: Call) -> web.Response:
    row = call.message()
    messages.delete(call.world, row, actor=call.actor)
    return answer(chat_views.message(call.world, row))


async def retry(call: Call) -> web.Response:
    row = call.message()
    messages.retry(call.world, row, actor=call.actor)
    return answer(chat_views.message(call.world, row))


# files: a public address that redirects to where the bytes are


async def redirect(call: Call) -> web.StreamResponse:
    key, name = call.request.match_info["key"], call.request.match_info["name"]
    if call.faults.files_expired or key not in call.world.blobs:
        raise Refused(404, None)
    path = f"/rails/active_storage/disk/{key}/{name}"
    location = call.request.url.origin().with_path(path)
    return web.Response(status=302, headers={"Location": str(location)})


async def serve(call: Call) -> web.StreamResponse:
    blob = call.world.blobs.get(call.request.match_info["key"])
    if call.faults.files_expired or blob is None:
        raise Refused(404, None)
    headers = {"Content-Type": blob.mime, "Content-Disposition": "inline"}
    return web.Response(body=blob.data, headers=headers)


_ALL = f"{ACCOUNT}/conversations/{{conversation}}/messages"
_ONE = f"{_ALL}/{{message}}"
_FILES = "/rails/active_storage"

ROUTES: list[Route] = [
    *routes("POST", _ALL, "messages", create, "bot"),
    *routes("GET", _ALL, "messages", index),
    *routes("PATCH", _ONE, "message", update),
    *routes("DELETE", _ONE, "message", delete),
    *routes("POST", f"{_ONE}/retry", "message/retry", retry),
    *routes("GET", f"{_FILES}/blobs/redirect/{{key}}/{{name}}", "file", redirect, "public"),
    *routes(
        "GET",
        f"{_FILES}/representations/redirect/{{key}}/{{variation}}/{{name}}",
        "picture",
        redirect,
        "public",
    ),
    *routes("GET", f"{_FILES}/disk/{{key}}/{{name}}", "bytes", serve, "public"),
]
