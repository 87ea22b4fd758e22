"""Conversations and messages as REST answers and webhooks show them (chatwoot-api.md 1 and 3)."""

from __future__ import annotations

from typing import Any

from bridge.sim.chatwoot.records import (
    MESSAGE_TYPES,
    Attachment,
    ContactInbox,
    Conversation,
    Json,
    Message,
)
from bridge.sim.chatwoot.views import account, agent, author, contact, team
from bridge.sim.chatwoot.world import World, iso, iso_or_none, whole

_UNREAD_CAP = 10

# conversations


def conversation(world: World, row: Conversation) -> Json:
    shown_meta: Json = {
        "sender": contact(world, row.contact, inboxes=False),
        "channel": row.inbox.channel_type,
    }
    if row.assignee is not None:
        shown_meta["assignee"] = agent(world, row.assignee)
    if row.team is not None:
        shown_meta["team"] = team(world, row.team) | {"is_member": True}
    shown_meta["hmac_verified"] = row.contact_inbox.hmac_verified
    last = next((m for m in reversed(row.messages) if m.message_type != "activity"), None)
    return {
        "meta": shown_meta,
        "id": row.id,
        "messages": [pushed(world, row.messages[-1])] if row.messages else [],
        "account_id": world.account_id,
        "uuid": row.uuid,
        "additional_attributes": row.additional_attributes,
        "agent_last_seen_at": whole(row.agent_last_seen_at),
        "assignee_last_seen_at": whole(row.assignee_last_seen_at),
        "can_reply": can_reply(world, row),
        "contact_last_seen_at": whole(row.contact_last_seen_at),
        "custom_attributes": row.custom_attributes,
        "inbox_id": row.inbox_id,
        "labels": row.labels,
        "muted": row.contact.blocked,
        "snoozed_until": iso_or_none(row.snoozed_until),
        "status": row.status,
        "created_at": int(row.created_at),
        "updated_at": row.updated_at,
        "timestamp": int(row.last_activity_at),
        "first_reply_created_at": whole(row.first_reply_created_at),
        "unread_count": min(row.unread, _UNREAD_CAP),
        "last_non_activity_message": None if last is None else pushed(world, last),
        "last_activity_at": int(row.last_activity_at),
        "priority": row.priority,
        "waiting_since": whole(row.waiting_since),
        "sla_policy_id": None,
    }


def webhook_conversation(world: World, row: Conversation) -> Json:
    """The conversation inside webhooks; `messages` holds the last chat message of *now*."""
    shown: Json = {
        "additional_attributes": row.additional_attributes,
        "can_reply": can_reply(world, row),
        "channel": row.inbox.channel_type,
        "contact_inbox": _contact_inbox_row(row.contact_inbox),
        "id": row.id,
        "inbox_id": row.inbox_id,
        "messages": _last_chat_message(world, row),
        "labels": row.labels,
        "meta": {
            "sender": author(world, row.contact),
            "assignee": None if row.assignee is None else author(world, row.assignee),
            "team": None if row.team is None else {"id": row.team.id, "name": row.team.name},
            "hmac_verified": row.contact_inbox.hmac_verified,
        },
        "status": row.status,
        "custom_attributes": row.custom_attributes,
        "snoozed_until": iso_or_none(row.snoozed_until),
        "unread_count": min(row.unread, _UNREAD_CAP),
        "first_reply_created_at": iso_or_none(row.first_reply_created_at),
        "priority": row.priority,
        "waiting_since": whole(row.waiting_since),
        "agent_last_seen_at": whole(row.agent_last_seen_at),
        "contact_last_seen_at": whole(row.contact_last_seen_at),
        "last_activity_at": int(row.last_activity_at),
        "timestamp": int(row.last_activity_at),
        "created_at": int(row.created_at),
        "updated_at": row.updated_at,
    }
    if world.profile.names_actor:
        shown["account"] = account(world)
    return shown


def _last_chat_message(world: World, row: Conversation) -> list[Json]:
    for message in reversed(row.messages):
        if not message.private and message.message_type != "activity":
            return [pushed(world, message)]
    return []


def _contact_inbox_row(row: ContactInbox) -> Json:
    return {
        "id": row.id,
        "contact_id": row.contact_id,
        "inbox_id": row.inbox_id,
        "source_id": row.source_id,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "hmac_verified": row.hmac_verified,
        "pubsub_token": row.pubsub_token,
    }


def can_reply(world: World, row: Conversation) -> bool:
    """False when `agent_reply_time_window` (hours) is over (chatwoot-api.md 4.5)."""
    window = row.inbox.additional_attributes.get("agent_reply_time_window")
    if not window:
        return True
    last = next((m for m in reversed(row.messages) if m.message_type == "incoming"), None)
    return last is not None and world.now() - last.created_at < float(window) * 3600


# messages


def message(world: World, row: Message, *, echo_id: Any = None) -> Json:
    shown: Json = {"id": row.id, "content": row.content, "inbox_id": row.conversation.inbox_id}
    if echo_id is not None:
        shown["echo_id"] = echo_id
    shown |= {
        "conversation_id": row.conversation.id,
        "message_type": MESSAGE_TYPES[row.message_type],
        "content_type": row.content_type,
        "status": row.status,
        "content_attributes": row.content_attributes,
        "created_at": int(row.created_at),
        "private": row.private,
        "source_id": row.source_id,
    }
    if row.sender is not None:
        shown["sender"] = author(world, row.sender)
    if row.attachments:
        shown["attachments"] = [attachment(world, held) for held in row.attachments]
    return shown


def pushed(world: World, row: Message) -> Json:
    """Every column, as browsers and `conversation.messages` get it ("push form")."""
    chat = row.conversation
    shown: Json = {
        "id": row.id,
        "content": row.content,
        "account_id": world.account_id,
        "inbox_id": chat.inbox_id,
        "conversation_id": chat.id,
        "message_type": MESSAGE_TYPES[row.message_type],
        "created_at": int(row.created_at),
        "updated_at": iso(row.updated_at),
        "private": row.private,
        "status": row.status,
        "source_id": row.source_id,
        "content_type": row.content_type,
        "content_attributes": row.content_attributes,
        "sender_type": None if row.sender is None else type(row.sender).__name__,
        "sender_id": None if row.sender is None else row.sender.id,
        "external_source_ids": {},
        "additional_attributes": row.additional_attributes,
        "processed_message_content": row.content,
        "sentiment": {},
        "conversation": {
            "assignee_id": None if chat.assignee is None else chat.assignee.id,
            "unread_count": min(chat.unread, _UNREAD_CAP),
            "last_activity_at": int(chat.last_activity_at),
            "contact_inbox": {"source_id": chat.contact_inbox.source_id},
        },
    }
    if row.attachments:
        shown["attachments"] = [attachment(world, held) for held in row.attachments]
    if row.sender is not None:
        shown["sender"] = author(world, row.sender)
    return shown


def attachment(world: World, row: Attachment) -> Json:
    shown: Json = {
        "id": row.id,
        "message_id": row.message_id,
        "file_type": row.file_type,
        "account_id": world.account_id,
        "meta": row.meta,
    }
    if row.shared is not None:
        return shown | row.shared
    shown |= {
        "extension": None,
        "data_url": world.blob_url(row.blob),
        "thumb_url": world.picture_url(row.blob) if row.file_type == "image" else "",
        "file_size": len(row.blob.data),
        "width": None,
        "height": None,
    }
    if row.file_type == "audio":
        shown["transcribed_text"] = ""
    return shown
