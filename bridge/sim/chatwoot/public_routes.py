"""The public API of an inbox: no token, only its identifier (chatwoot-api.md 1.12)."""

from __future__ import annotations

import hmac
from hashlib import sha256

from aiohttp import web

from bridge.sim.chatwoot import chat_views, contacts, conversations, messages, status, views
from bridge.sim.chatwoot.calls import Call, Route, answer, empty, routes
from bridge.sim.chatwoot.records import MESSAGE_TYPES, ContactInbox, Conversation, Inbox, Json
from bridge.sim.chatwoot.records import Message as Row
from bridge.sim.chatwoot.refusals import Refused, crashed, not_found
from bridge.sim.chatwoot.world import Event, text_or_none

_NEWEST = 20


def _inbox(call: Call) -> Inbox:
    row = call.world.by_inbox_identifier.get(call.request.match_info["identifier"])
    if row is None:
        raise not_found()
    return row


def _bound(call: Call) -> ContactInbox:
    key = (_inbox(call).id, call.request.match_info["source"])
    row = call.world.by_source.get(key)
    if row is None:
        raise not_found()
    return row


def _chat(call: Call) -> Conversation:
    row = call.world.conversations.get(call.number("conversation"))
    if row is None or row.contact_inbox is not _bound(call):
        raise not_found()
    return row


async def create_contact(call: Call) -> web.Response:
    world, params, inbox = call.world, call.params, _inbox(call)
    identifier = text_or_none(params.get("identifier"))
    verified = _verify(inbox, identifier, params.get("identifier_hash"))
    source_id = text_or_none(params.get("source_id"))
    held = world.by_source.get((inbox.id, source_id or ""))
    if held is None:
        fields = contacts.clean(params)
        found = [
            row
            for index, key in (
                (world.by_identifier, identifier),
                (world.by_email, fields.get("email")),
                (world.by_phone, fields.get("phone_number")),
            )
            if key
            for row in index.get(key, {}).values()
        ]
        contact = found[0] if found else contacts.create(world, params)
        held = contacts.bind(world, contact, inbox, source_id, hmac_verified=verified)
    return answer(_contact(held))


def _verify(inbox: Inbox, identifier: str | None, given: object) -> bool:
    """A wrong hash is an uncaught error there: 500."""
    if not given:
        if inbox.hmac_mandatory:
            raise crashed()
        return False
    right = hmac.new(inbox.hmac_token.encode(), (identifier or "").encode(), sha256).hexdigest()
    if not hmac.compare_digest(right, str(given).encode("ascii", "replace").decode()):
        raise crashed()
    return True


def _contact(held: ContactInbox) -> Json:
    contact = held.contact
    return {
        "source_id": held.source_id,
        "pubsub_token": held.pubsub_token,
        "id": contact.id,
        "name": contact.name,
        "email": contact.email,
        "phone_number": contact.phone_number,
    }


async def show_contact(call: Call) -> web.Response:
    return answer(_contact(_bound(call)))


async def update_contact(call: Call) -> web.Response:
    held = _bound(call)
    contacts.update(call.world, held.contact, call.params)
    return answer(_contact(held))


def _conversation(call: Call, chat: Conversation) -> Json:
    return {
        "id": chat.id,
        "uuid": chat.uuid,
        "inbox_id": chat.inbox_id,
        "contact_last_seen_at": int(chat.contact_last_seen_at or 0),
        "status": chat.status,
        "agent_last_seen_at": int(chat.agent_last_seen_at or 0),
        "messages": [_message(call, row) for row in chat.messages[-_NEWEST:] if not row.private],
        "contact": _contact(chat.contact_inbox),
    }


async def create_conversation(call: Call) -> web.Response:
    held = _bound(call)
    chat = conversations.locked(held)
    if chat is None:
        chat = conversations.create(call.world, held, {}, actor=held.contact)
    return answer(_conversation(call, chat))


async def list_conversations(call: Call) -> web.Response:
    return answer([_conversation(call, chat) for chat in _bound(call).conversations])


async def toggle_status(call: Call) -> web.Response:
    chat = _chat(call)
    status.set_status(call.world, chat, status.toggled(chat), actor=chat.contact)
    return answer(_conversation(call, chat))


async def toggle_typing(call: Call) -> web.Response:
    chat = _chat(call)
    state = call.params.get("typing_status")
    if state in ("on", "off"):
        name = f"conversation_typing_{state}"
        call.world.emit(Event(name=name, conversation=chat, user=chat.contact))
    return empty()


async def update_last_seen(call: Call) -> web.Response:
    """The contact has read: every earlier outgoing message becomes read (1.12)."""
    chat = _chat(call)
    chat.contact_last_seen_at = call.world.now()
    for row in list(chat.messages):
        if row.message_type == "outgoing" and row.status in ("sent", "delivered"):
            messages.set_status(call.world, row, "read", None, actor=chat.contact)
    return empty()


def _message(call: Call, row: Row) -> Json:
    shown: Json = {
        "id": row.id,
        "content": row.content,
        "message_type": MESSAGE_TYPES[row.message_type],
        "content_type": row.content_type,
        "content_attributes": row.content_attributes,
        "created_at": int(row.created_at),
        "conversation_id": row.conversation.id,
    }
    if row.attachments:
        shown["attachments"] = [chat_views.attachment(call.world, one) for one in row.attachments]
    if row.sender is not None:
        shown["sender"] = views.author(call.world, row.sender)
    return shown


async def create_message(call: Call) -> web.Response:
    chat = _chat(call)
    kept = ("content", "attachments", "echo_id")
    params = {key: call.params[key] for key in kept if key in call.params}
    params["message_type"] = "incoming"
    try:
        row = messages.create(call.world, chat, params, actor=chat.contact, arrived=call.arrived)
    except Refused as refused:
        raise messages.refused_create(call.world, refused) from None
    return answer(_message(call, row))


async def list_messages(call: Call) -> web.Response:
    rows = [row for row in _chat(call).messages if not row.private]
    return answer([_message(call, row) for row in rows[-_NEWEST:]])


_CONTACTS = "/public/api/v1/inboxes/{identifier}/contacts"
_BOUND = f"{_CONTACTS}/{{source}}"
_CHATS = f"{_BOUND}/conversations"
_CHAT = f"{_CHATS}/{{conversation}}"

ROUTES: list[Route] = [
    *routes("POST", _CONTACTS, "public/contacts", create_contact, "public"),
    *routes("GET", _BOUND, "public/contact", show_contact, "public"),
    *routes("PATCH", _BOUND, "public/contact", update_contact, "public"),
    *routes("POST", _CHATS, "public/conversations", create_conversation, "public"),
    *routes("GET", _CHATS, "public/conversations", list_conversations, "public"),
    *routes("POST", f"{_CHAT}/toggle_status", "public/toggle_status", toggle_status, "public"),
    *routes("POST", f"{_CHAT}/toggle_typing", "public/toggle_typing", toggle_typing, "public"),
    *routes(
        "POST", f"{_CHAT}/update_last_seen", "public/update_last_seen", update_last_seen, "public"
    ),
    *routes("POST", f"{_CHAT}/messages", "public/messages", create_message, "public"),
    *routes("GET", f"{_CHAT}/messages", "public/messages", list_messages, "public"),
]
