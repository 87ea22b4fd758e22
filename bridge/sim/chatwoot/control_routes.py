"""The stand-in's own switches over HTTP, for tests whose stand-in runs in another process."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bridge.sim.chatwoot import chat_views
from bridge.sim.chatwoot.calls import Call, Handler, Route, answer, as_int, empty
from bridge.sim.chatwoot.faults import Fault
from bridge.sim.chatwoot.records import Json, Message
from bridge.sim.chatwoot.refusals import not_found, unprocessable

if TYPE_CHECKING:
    from bridge.sim.chatwoot.sim import ChatwootSim

_SWITCHES = frozenset(row.name for row in fields(Fault)) - {"hits", "_over"}
_WAIT_LIMIT = 60.0


def routes_of(sim: ChatwootSim) -> list[Route]:
    """`GET /sim/state` and the rest; every one is open to anybody who can connect."""
    table: list[tuple[str, str, Callable[[ChatwootSim, Call], Any]]] = [
        ("GET", "/sim/state", _state),
        ("GET", "/sim/requests", _requests),
        ("GET", "/sim/webhooks", _webhooks),
        ("POST", "/sim/settled", _settled),
        ("POST", "/sim/faults", _add_fault),
        ("DELETE", "/sim/faults", _clear_faults),
        ("POST", "/sim/agent/messages", _agent_writes),
        ("POST", "/sim/agent/conversations", _agent_starts),
        ("POST", "/sim/agent/retry", _agent_retries),
        ("POST", "/sim/agent/delete", _agent_deletes),
        ("POST", "/sim/conversations/status", _set_status),
    ]
    return [
        Route(
            method=method,
            path=path,
            name=path.removeprefix("/"),
            handler=_bound(sim, handler),
            access="public",
        )
        for method, path, handler in table
    ]


def _bound(sim: ChatwootSim, handler: Callable[[ChatwootSim, Call], Any]) -> Handler:
    async def serve(call: Call) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(sim, call)
        except KeyError:
            raise not_found() from None
        return response

    return serve


async def _state(sim: ChatwootSim, _call: Call) -> web.Response:
    return answer(
        {
            "version": sim.world.profile.version,
            "account_id": sim.account_id,
            "tokens": {
                "admin": sim.admin_token,
                "agent": sim.agent_token,
                "bot": sim.bot_token,
            },
            "counts": {
                "inboxes": len(sim.inboxes),
                "contacts": len(sim.contacts),
                "contact_inboxes": len(sim.contact_inboxes),
                "conversations": len(sim.conversations),
                "messages": len(sim.world.messages),
                "webhooks_pending": sim.webhooks.pending,
            },
            "inboxes": [
                {"id": row.id, "name": row.name, "webhook_url": row.webhook_url}
                for row in sim.inboxes.values()
            ],
            "contacts": [
                {
                    "id": row.id,
                    "name": row.name,
                    "phone_number": row.phone_number,
                    "identifier": row.identifier,
                }
                for row in sim.contacts.values()
            ],
            "conversations": [
                {
                    "id": chat.id,
                    "inbox_id": chat.inbox_id,
                    "contact_id": chat.contact_id,
                    "source_id": chat.contact_inbox.source_id,
                    "status": chat.status,
                    "messages": [_short(row) for row in chat.messages],
                }
                for chat in sim.conversations.values()
            ],
        }
    )


def _short(row: Message) -> Json:
    return {
        "id": row.id,
        "message_type": row.message_type,
        "private": row.private,
        "content": row.content,
        "source_id": row.source_id,
        "status": row.status,
        "external_error": row.external_error,
        "attachments": [{"filename": one.filename, "mime": one.mime} for one in row.attachments],
        "arrived": row.arrived,
    }


async def _requests(sim: ChatwootSim, _call: Call) -> web.Response:
    recent = [
        {"route": row.route, "path": row.path, "status": row.status, "took": row.took}
        for row in sim.requests.recent
    ]
    return answer({"counts": dict(sim.requests), "recent": recent})


async def _webhooks(sim: ChatwootSim, _call: Call) -> web.Response:
    rows = [
        {
            "id": row.id,
            "event": row.event,
            "to": row.to,
            "url": row.url,
            "status": row.status,
            "error": row.error,
            "done": row.done,
        }
        for row in sim.webhooks
    ]
    return answer({"pending": sim.webhooks.pending, "deliveries": rows})


async def _settled(sim: ChatwootSim, call: Call) -> web.Response:
    seconds = min(float(as_int(call.params.get("timeout")) or 10), _WAIT_LIMIT)
    try:
        await sim.settled(seconds)
    except TimeoutError:
        return answer({"settled": False, "pending": sim.webhooks.pending}, status=504)
    return answer({"settled": True, "pending": 0})


async def _add_fault(sim: ChatwootSim, call: Call) -> web.Response:
    """The fields of `Fault`; also `suspended`, `files_expired`, `latency`, `limit`, and locales."""
    params = dict(call.params)
    if "suspended" in params:
        sim.faults.suspended = bool(params.pop("suspended"))
    if "files_expired" in params:
        sim.faults.files_expired = bool(params.pop("files_expired"))
    if params.get("locale") in ("en", "pt_BR"):
        sim.locale = params["locale"]
    params.pop("locale", None)
    if "account_locale" in params:
        sim.account_locale = str(params.pop("account_locale"))
    if "latency" in params:
        sim.latency = float(params.pop("latency"))
    if "limit" in params:
        sim.faults.limit(params.pop("limit"), route=params.pop("route", None))
    unknown = params.keys() - _SWITCHES
    if unknown:
        raise unprocessable(f"unknown switches: {', '.join(sorted(unknown))}")
    if params:
        sim.faults.add(Fault(**params))
    return empty()


async def _clear_faults(sim: ChatwootSim, _call: Call) -> web.Response:
    sim.faults.clear()
    return empty()


async def _agent_writes(sim: ChatwootSim, call: Call) -> web.Response:
    """`attachments` are objects with filename, mime and base64 data."""
    params = call.params
    try:
        files = [
            (str(one["filename"]), base64.b64decode(one["data"]), str(one["mime"]))
            for one in params.get("attachments") or []
        ]
    except (TypeError, binascii.Error):
        raise unprocessable("attachments need filename, mime and base64 data") from None
    row = sim.agent_writes(
        as_int(params.get("conversation_id")),
        params.get("text"),
        attachments=files,
        in_reply_to=params.get("in_reply_to"),
        private=bool(params.get("private")),
    )
    return answer(chat_views.message(sim.world, row))


async def _agent_starts(sim: ChatwootSim, call: Call) -> web.Response:
    params = call.params
    chat = sim.agent_starts_conversation(
        as_int(params.get("contact_id")), as_int(params.get("inbox_id")), str(params.get("text"))
    )
    return answer(chat_views.conversation(sim.world, chat))


async def _agent_retries(sim: ChatwootSim, call: Call) -> web.Response:
    sim.agent_retries(as_int(call.params.get("message_id")))
    return empty()


async def _agent_deletes(sim: ChatwootSim, call: Call) -> web.Response:
    sim.agent_deletes(as_int(call.params.get("message_id")))
    return empty()


async def _set_status(sim: ChatwootSim, call: Call) -> web.Response:
    key = as_int(call.params.get("conversation_id"))
    changes = {"resolved": sim.resolve, "open": sim.open, "pending": sim.pend}
    wanted = str(call.params.get("status"))
    if wanted == "snoozed":
        sim.snooze(key)
    elif wanted in changes:
        changes[wanted](key)
    else:
        raise unprocessable(f"unknown status: {wanted}")
    return empty()
