"""Conversations: creating, placing, and what a change sets off (chatwoot-api.md 1.7 and 2.3)."""

from __future__ import annotations

import uuid
from typing import Any

from bridge.sim.chatwoot import contacts
from bridge.sim.chatwoot.records import (
    STATUSES,
    AgentBot,
    Author,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Json,
    Message,
    Team,
    User,
)
from bridge.sim.chatwoot.refusals import (
    Flaw,
    InvalidRecord,
    SourceTaken,
    crashed,
    too_long,
    unprocessable,
)
from bridge.sim.chatwoot.world import Event, World, change, iso, iso_or_none

_ATTRIBUTE_LENGTH = 1500
_ATTRIBUTE_NUMBER = 9_999_999_999
_TIMES = frozenset({"snoozed_until", "waiting_since", "first_reply_created_at"})
#: Changes of these columns raise `conversation_updated`.
_COLUMNS = {
    "status": "status",
    "assignee": "assignee_id",
    "team": "team_id",
    "snoozed_until": "snoozed_until",
    "custom_attributes": "custom_attributes",
    "labels": "label_list",
    "waiting_since": "waiting_since",
    "first_reply_created_at": "first_reply_created_at",
    "priority": "priority",
}


def place(world: World, contact: Contact, inbox: Inbox, source_id: str | None) -> ContactInbox:
    """The contact inbox for a conversation create; a clash is 422 here (2.1)."""
    try:
        return contacts.bind(world, contact, inbox, source_id)
    except SourceTaken:
        raise unprocessable("source_id should be unique") from None


def locked(row: ContactInbox) -> Conversation | None:
    """The conversation that `lock_to_single_conversation` gives back, whatever its status."""
    if row.inbox.lock_to_single_conversation and row.conversations:
        return row.conversations[-1]
    return None


def check_attributes(world: World, fields: Json) -> None:
    flaws = []
    for attribute in ("additional_attributes", "custom_attributes"):
        for value in fields.get(attribute, {}).values():
            if isinstance(value, str) and len(value) > _ATTRIBUTE_LENGTH:
                flaws.append(too_long(world.locale, attribute, _ATTRIBUTE_LENGTH))
            elif isinstance(value, int) and value > _ATTRIBUTE_NUMBER:
                text = f"must be less than or equal to {_ATTRIBUTE_NUMBER}"
                flaws.append(Flaw(attribute=attribute, message=text))
    if flaws:
        raise InvalidRecord(flaws)


def create(world: World, row: ContactInbox, fields: Json, *, actor: Author) -> Conversation:
    """Store a conversation. Blocked contacts and active bots override the status (1.7)."""
    check_attributes(world, fields)
    status = fields.get("status") or "open"
    if status not in STATUSES:
        raise crashed()
    if row.contact.blocked:
        fields["status"] = "resolved"
    elif row.inbox.bot is not None:
        fields["status"] = "pending"
    now = world.now()
    chat = Conversation(
        id=world.new_id("conversation"),
        uuid=str(uuid.uuid4()),
        contact_inbox=row,
        created_at=now,
        updated_at=now,
        last_activity_at=now,
        waiting_since=now,
        **fields,
    )
    world.conversations[chat.id] = chat
    row.conversations.append(chat)
    world.emit(Event(name="conversation_created", conversation=chat, performed_by=actor))
    if chat.status == "open":
        _auto_assign(world, chat)
    world.changed()
    return chat


def update(world: World, chat: Conversation, actor: Author, **values: Any) -> bool:
    """Set columns, tell the webhooks, and do what follows a status change. False: no change."""
    if values.get("status", "snoozed") != "snoozed" and chat.snoozed_until is not None:
        values["snoozed_until"] = None
    changed: list[Json] = []
    for name, value in values.items():
        before = getattr(chat, name)
        if value != before:
            changed.append(change(_COLUMNS[name], _shown(name, before), _shown(name, value)))
            setattr(chat, name, value)
    if not changed:
        return False
    was, chat.updated_at = chat.updated_at, world.now()
    if "labels" not in values:
        changed.append(change("updated_at", iso(was), iso(chat.updated_at)))
    status_changed = any("status" in entry for entry in changed)
    if status_changed:
        _status_events(world, chat, actor)
    event = Event(
        name="conversation_updated", conversation=chat, changed=changed, performed_by=actor
    )
    world.emit(event)
    if status_changed and chat.status == "open":
        _auto_assign(world, chat)
    world.changed()
    return True


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, User | Team):
        return value.id
    return iso_or_none(value) if name in _TIMES else value


def _status_events(world: World, chat: Conversation, actor: Author) -> None:
    # changed_attributes is null here: Chatwoot asks for the pending change after the save
    event = Event(name="conversation_status_changed", conversation=chat, performed_by=actor)
    world.emit(event)
    names = {"open": "conversation_opened", "resolved": "conversation_resolved"}
    if chat.status in names:
        world.emit(Event(name=names[chat.status], conversation=chat, performed_by=actor))


def _auto_assign(world: World, chat: Conversation) -> None:
    """Round robin among the online members, the one with the fewest open chats first."""
    if chat.assignee is not None or not chat.inbox.fields["enable_auto_assignment"]:
        return
    online = [user for user in chat.inbox.members.values() if user.availability == "online"]
    if online:
        update(world, chat, None, assignee=online[chat.id % len(online)])


def who(actor: Author) -> str:
    return actor.name if isinstance(actor, User | AgentBot | Contact) else "System"


def activity(world: World, chat: Conversation, text: str) -> Message:
    """Write an activity row. It is never sent to webhooks (checklist 47)."""
    now = world.now()
    message = Message(
        id=world.new_id("message"),
        conversation=chat,
        message_type="activity",
        content=text,
        created_at=now,
        updated_at=now,
    )
    world.messages[message.id] = message
    chat.messages.append(message)
    chat.last_activity_at = now
    world.changed()
    return message


def assign(world: World, chat: Conversation, assignee: User | None, *, actor: Author) -> None:
    if not update(world, chat, actor, assignee=assignee):
        return
    if assignee is None:
        activity(world, chat, world.say("unassigned", who=who(actor)))
    else:
        activity(world, chat, world.say("assigned", whom=assignee.name, who=who(actor)))


def set_labels(world: World, chat: Conversation, labels: list[str], *, actor: Author) -> None:
    """Replace the labels. Chatwoot tells of them one extra time (3.2)."""
    before, labels = chat.labels, list(dict.fromkeys(labels))
    if not update(world, chat, actor, labels=labels):
        return
    entry = [change("label_list", before, labels)]
    again = Event(name="conversation_updated", conversation=chat, changed=entry, performed_by=actor)
    world.emit(again)
    for key, what in (
        ("labels_added", [label for label in labels if label not in before]),
        ("labels_removed", [label for label in before if label not in labels]),
    ):
        if what:
            activity(world, chat, world.say(key, who=who(actor), what=", ".join(what)))


def see(world: World, chat: Conversation, *, reader: Author) -> None:
    """An agent looks at the conversation. No webhook."""
    chat.agent_last_seen_at = world.now()
    if chat.assignee is not None and chat.assignee is reader:
        chat.assignee_last_seen_at = chat.agent_last_seen_at
    chat.unread = 0
    world.changed()


def unsee(world: World, chat: Conversation) -> None:
    """Mark unread: before the last incoming message."""
    last = next((m for m in reversed(chat.messages) if m.message_type == "incoming"), None)
    chat.agent_last_seen_at = None if last is None else last.created_at - 1
    chat.unread = 0 if last is None else max(1, chat.unread)
    world.changed()


def delete(world: World, chat: Conversation) -> None:
    world.conversations.pop(chat.id, None)
    chat.contact_inbox.conversations.remove(chat)
    for message in chat.messages:
        world.messages.pop(message.id, None)
    world.changed()
