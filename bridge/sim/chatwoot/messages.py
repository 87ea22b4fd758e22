"""Messages: creating, changing, and what follows a new one (chatwoot-api.md 1.8 and 2.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from bridge.sim.chatwoot import contacts, conversations
from bridge.sim.chatwoot.liquid import liquid
from bridge.sim.chatwoot.records import (
    API,
    MESSAGE_TYPES,
    Author,
    Blob,
    Conversation,
    Json,
    Message,
    Upload,
    User,
)
from bridge.sim.chatwoot.refusals import Flaw, InvalidRecord, Refused, too_long, unprocessable
from bridge.sim.chatwoot.templates import templates_after
from bridge.sim.chatwoot.world import Event, World, mapping, text_or_none, truthy

_LIMIT = 150_000
_SOURCE_LIMIT = 255
_FLOOD_SECONDS = 60
_STATUSES = ("sent", "delivered", "read", "failed")
_WITH_ITEMS = frozenset({"input_select", "cards", "form", "article"})
_CONTENT_TYPES = _WITH_ITEMS | {
    "text",
    "input_text",
    "input_textarea",
    "input_email",
    "incoming_email",
    "input_csat",
    "integrations",
    "sticker",
}


def check(world: World, chat: Conversation | None, params: Json, *, channel: str) -> None:
    """Raise what a create would be refused with; nothing is stored."""
    kind = params.get("message_type") or "outgoing"
    if kind == "incoming" and channel != API:
        raise unprocessable("Incoming messages are only allowed in Api inboxes")
    if kind not in MESSAGE_TYPES:
        raise unprocessable(f"'{kind}' is not a valid message_type")
    content_type = params.get("content_type") or "text"
    if content_type not in _CONTENT_TYPES:
        raise unprocessable(f"'{content_type}' is not a valid content_type")
    content = text_or_none(params.get("content"))
    if content is not None and "\0" in content:
        raise unprocessable("string contains null byte")
    flaws = _flaws(world, content, params)
    if content_type in _WITH_ITEMS and not attributes_of(params).get("items"):
        flaws.append(Flaw(attribute="content_attributes", message="At least one item is required."))
    if chat is not None and _flooded(world, chat):
        raise unprocessable(world.say("failed", errors="Too many messages"))
    if flaws:
        raise InvalidRecord(flaws)


def _flaws(world: World, content: str | None, params: Json) -> list[Flaw]:
    flaws = []
    if content is not None and len(content) > _LIMIT:
        flaws.append(too_long(world.locale, "content", _LIMIT))
    source = text_or_none(params.get("source_id")) or ""
    if not world.profile.keeps_attributes and len(source) > _SOURCE_LIMIT:
        flaws.append(too_long(world.locale, "source_id", _SOURCE_LIMIT))
    return flaws


def _flooded(world: World, chat: Conversation) -> bool:
    limit = world.flood_limit
    if limit is None or len(chat.messages) < limit:
        return False
    return chat.messages[-limit].created_at > world.now() - _FLOOD_SECONDS


def attributes_of(params: Json) -> Json:
    """`content_attributes`, a JSON string in multipart; a broken string counts as {}."""
    given = params.get("content_attributes")
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            return {}
    return mapping(given)


def create(
    world: World,
    chat: Conversation,
    params: Json,
    *,
    actor: Author,
    arrived: float | None = None,
    shared: Sequence[Json] = (),
) -> Message:
    """Store a message and do everything that Chatwoot does by itself after the commit.

    `shared` are attachments without a file, which no client can make (1.8).
    """
    check(world, chat, params, channel=chat.inbox.channel_type)
    blobs = _files(world, params.get("attachments"))
    kind = params.get("message_type") or "outgoing"
    now = world.now()
    message = Message(
        id=world.new_id("message"),
        conversation=chat,
        message_type=kind,
        content=text_or_none(params.get("content")),
        created_at=now,
        updated_at=now,
        sender=_sender(world, chat, kind, params, actor),
        private=truthy(params.get("private")),
        source_id=text_or_none(params.get("source_id")),
        content_type=params.get("content_type") or "text",
        content_attributes=_attributes(world, chat, params),
        additional_attributes=_additional(params),
        arrived=arrived,
    )
    if message.content and kind in ("outgoing", "template"):
        message.content = liquid(message.content, chat, message.sender)
    meta = _voice(world, params)
    for blob in blobs:
        world.attach(message, blob, meta=dict(meta))
    for row in shared:
        world.share(message, row)
    store(world, message, actor=actor)
    return message


def store(world: World, message: Message, *, actor: Author) -> None:
    """Insert a row and run the callbacks in their order (chatwoot-api.md 2.3)."""
    chat = message.conversation
    world.messages[message.id] = message
    chat.messages.append(message)
    chat.last_activity_at = message.created_at
    incoming = message.message_type == "incoming"
    if incoming:
        chat.unread += 1
        _reopen(world, chat, actor)
    world.emit(Event(name="message_created", message=message, performed_by=message.sender))
    _count_waiting(world, chat, message)
    if incoming:
        for template in templates_after(world, chat):
            store(world, template, actor=None)
        contacts.active(world, chat.contact)
    world.changed()


def _sender(world: World, chat: Conversation, kind: str, params: Json, actor: Author) -> Author:
    if kind != "outgoing":
        return chat.contact
    if params.get("sender_type") == "AgentBot":
        try:
            return world.bots[int(params.get("sender_id") or 0)]
        except (KeyError, TypeError, ValueError):
            return actor
    return actor


def _attributes(world: World, chat: Conversation, params: Json) -> Json:
    given = attributes_of(params)
    if not world.profile.keeps_attributes:
        kept = ("items", "in_reply_to", "automation_rule_id")
        given = {key: given[key] for key in kept if given.get(key) is not None}
    if params.get("external_created_at") is not None:
        given["external_created_at"] = params["external_created_at"]
    quoted, external = given.get("in_reply_to"), given.get("in_reply_to_external_id")
    if quoted or external:
        found = _quoted(world, chat, quoted, external)
        given["in_reply_to_external_id"] = None if found is None else found.source_id
        given["in_reply_to"] = None if found is None else found.id
    return given


def _quoted(world: World, chat: Conversation, quoted: Any, external: Any) -> Message | None:
    """The message replied to, in this conversation only."""
    if quoted:
        try:
            found = world.messages.get(int(quoted))
        except (TypeError, ValueError, OverflowError):
            return None
        return found if found is not None and found.conversation is chat else None
    return next((m for m in chat.messages if m.source_id == external), None)


def _additional(params: Json) -> Json:
    kept = {key: params[key] for key in ("campaign_id", "template_params") if params.get(key)}
    template = kept.get("template_params")
    if template is not None and not (isinstance(template, dict) and template.get("name")):
        raise unprocessable("Validation failed: Template params is invalid")
    return kept


def _voice(world: World, params: Json) -> Json:
    if world.profile.marks_voice and truthy(params.get("is_voice_message")):
        return {"is_voice_message": True}
    return {}


def _files(world: World, given: Any) -> list[Blob]:
    """The files of a create: parts of the request, or keys of earlier uploads."""
    if isinstance(given, dict):
        given = list(given.values())
    rows = given if isinstance(given, list) else [given]
    blobs = []
    for row in rows:
        if isinstance(row, Upload):
            blobs.append(world.keep(row))
        elif isinstance(row, str) and row:
            if row not in world.blobs:
                raise unprocessable("Validation failed: Attachments is invalid")
            blobs.append(world.blobs[row])
    return blobs


def _reopen(world: World, chat: Conversation, actor: Author) -> None:
    """The reopen rule: only incoming messages of unblocked contacts (2.3, 1)."""
    if chat.contact.blocked or chat.status in ("open", "pending"):
        return
    before = chat.status
    status = "pending" if before == "resolved" and chat.inbox.bot is not None else "open"
    conversations.update(world, chat, actor, status=status)
    if before == "resolved" and status == "open":
        conversations.activity(world, chat, world.say("reopened_by_system"))
    else:
        text = world.say(status, who=conversations.who(actor))
        conversations.activity(world, chat, text)


def _count_waiting(world: World, chat: Conversation, message: Message) -> None:
    if message.message_type == "incoming":
        if chat.waiting_since is None:
            conversations.update(world, chat, message.sender, waiting_since=message.created_at)
        return
    if not _human(message):
        return
    values: Json = {"waiting_since": None}
    if chat.first_reply_created_at is None:
        values["first_reply_created_at"] = message.created_at
    conversations.update(world, chat, message.sender, **values)


def _human(message: Message) -> bool:
    return (
        message.message_type == "outgoing"
        and not message.private
        and (
            isinstance(message.sender, User)
            or bool(message.content_attributes.get("external_echo"))
        )
        and not message.content_attributes.get("automation_rule_id")
        and not message.additional_attributes.get("campaign_id")
    )


def _updated(world: World, message: Message, *, actor: Author) -> None:
    message.updated_at = world.now()
    world.emit(Event(name="message_updated", message=message, performed_by=actor))
    world.changed()


def set_status(world: World, message: Message, status: Any, error: Any, *, actor: Author) -> None:
    """Report a status. Unknown ones and read to delivered change nothing, silently (1.8)."""
    if status not in _STATUSES or (message.status == "read" and status == "delivered"):
        return
    attributes = dict(message.content_attributes)
    wanted = text_or_none(error) if status == "failed" else None
    if attributes.get("external_error") != wanted:
        attributes["external_error"] = wanted
    if message.status == status and attributes == message.content_attributes:
        return
    message.status, message.content_attributes = status, attributes
    _updated(world, message, actor=actor)


def retry(world: World, message: Message, *, actor: Author) -> None:
    """Nothing is sent again: the integration sees `message_updated`, once or twice (1.8)."""
    set_status(world, message, "sent", None, actor=actor)
    if message.content_attributes:
        message.content_attributes = {}
        _updated(world, message, actor=actor)


def edit(world: World, message: Message, content: str, *, actor: Author) -> None:
    """What no stock server has and forks do: another text, told as any other change."""
    message.content = content
    message.content_attributes = {**message.content_attributes, "is_edited": True}
    _updated(world, message, actor=actor)


def delete(world: World, message: Message, *, actor: Author) -> None:
    """The row stays, told to be deleted; files are gone; `source_id` is kept (1.8)."""
    message.content = world.say("deleted")
    message.content_type = "text"
    message.content_attributes = {"deleted": True}
    for held in message.attachments:
        world.blobs.pop(held.blob.key, None)
    message.attachments = []
    _updated(world, message, actor=actor)


def refused_create(world: World, error: Refused) -> Refused:
    """As the message endpoint words it: any failure is 422 with `error` (1.8)."""
    if isinstance(error, InvalidRecord):
        return unprocessable(world.say("failed", errors=error.text))
    return error
