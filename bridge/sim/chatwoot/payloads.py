"""The body of each webhook, built from the state of the moment (chatwoot-api.md 3.2 and 3.6)."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from bridge.sim.chatwoot import chat_views, views
from bridge.sim.chatwoot.records import Author, Conversation, Json, Message
from bridge.sim.chatwoot.world import Event, World, iso

#: CommonMark with every line break kept, and no HTML of its writer's.
_HTML = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("strikethrough")
_ESCAPED_NEWLINE = re.compile(r"\\\r?\n")


def payload(world: World, event: Event) -> Json | None:
    """The body, or None when the record has gone and Chatwoot drops the delivery."""
    if event.message is not None:
        return _message(world, event, event.message)
    if event.user is not None and event.conversation is not None:
        return _typing(world, event, event.conversation)
    if event.conversation is not None:
        return _conversation(world, event, event.conversation)
    if event.contact is not None:
        if event.contact.id not in world.contacts:
            return None
        body = views.webhook_contact(world, event.contact) | {"event": event.name}
    elif event.inbox is not None:
        body = views.webhook_inbox(world, event.inbox) | {"event": event.name}
    else:
        return None
    return body if event.changed is None else body | {"changed_attributes": event.changed}


def _message(world: World, event: Event, row: Message) -> Json | None:
    chat = row.conversation
    if world.messages.get(row.id) is not row:
        return None
    body: Json = {
        "account": views.account(world),
        "additional_attributes": row.additional_attributes,
        "content_attributes": row.content_attributes,
        "content_type": row.content_type,
        "content": _content(world, row.content),
        "conversation": chat_views.webhook_conversation(world, chat),
        "created_at": iso(row.created_at),
        "id": row.id,
        "inbox": {"id": chat.inbox.id, "name": chat.inbox.name},
        "message_type": row.message_type,
        "private": row.private,
        "sender": views.webhook_author(world, row.sender),
        "source_id": row.source_id,
    }
    if row.attachments:
        body["attachments"] = [chat_views.attachment(world, held) for held in row.attachments]
    body["event"] = event.name
    if world.profile.names_actor:
        body["performed_by"] = _performer(event.performed_by)
    return body


def _content(world: World, content: str | None) -> str | None:
    """What 4.10 to 4.12.0 and the versions from 4.14 make of the text (chatwoot-api.md 4.4)."""
    if content is None:
        return None
    if world.profile.renders_html:
        return str(_HTML.render(content))
    if world.profile.strips_backslashes:
        return _ESCAPED_NEWLINE.sub("\n", content)
    return content


def _performer(who: Author) -> Json | None:
    if who is None:
        return None
    kinds = {"User": "user", "AgentBot": "agent_bot", "Contact": "contact"}
    return {"type": kinds[type(who).__name__], "id": who.id}


def _conversation(world: World, event: Event, row: Conversation) -> Json | None:
    if row.id not in world.conversations:
        return None
    body = chat_views.webhook_conversation(world, row) | {"event": event.name}
    if event.name in ("conversation_updated", "conversation_status_changed"):
        body["changed_attributes"] = event.changed
    if world.profile.names_actor:
        body["performed_by"] = _performer(event.performed_by)
    return body


def _typing(world: World, event: Event, row: Conversation) -> Json | None:
    if row.id not in world.conversations:
        return None
    return {
        "event": event.name,
        "user": views.webhook_author(world, event.user),
        "conversation": chat_views.webhook_conversation(world, row),
        "is_private": event.is_private,
    }
