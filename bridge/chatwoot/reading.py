"""Reads Chatwoot's JSON into the models.

Each ``read_*`` takes any decoded JSON and never raises: an object without its id is ``None``,
every other missing or misshapen field is empty. The same readers serve REST answers and webhooks,
whose shapes differ in detail (chatwoot-api.md 1.5, 1.7, 1.8, 3.2, 3.3).
"""

from __future__ import annotations

import re
from typing import Any

from bridge.chatwoot.fields import (
    attributes,
    degrees,
    flag,
    rows,
    seconds,
    shallow,
    size,
    table,
    text,
    whole,
    words,
)
from bridge.chatwoot.models import (
    Account,
    AccountFacts,
    AgentBot,
    Attachment,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Message,
    MessageType,
    Profile,
    Sender,
    Server,
)

_TYPES: dict[object, MessageType] = {
    0: MessageType.INCOMING,
    1: MessageType.OUTGOING,
    2: MessageType.ACTIVITY,
    3: MessageType.TEMPLATE,
    **{kind.value: kind for kind in MessageType},
}


def read_server(value: object) -> Server | None:
    found = table(value)
    version = text(found.get("version"))
    if version is None:
        return None
    numbers = re.match(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", version, re.ASCII)
    services = (found.get("queue_services"), found.get("data_services"))
    return Server(
        version=version[:40],
        release=(int(numbers[1]), int(numbers[2]), int(numbers[3] or 0)) if numbers else None,
        healthy="failing" not in services,
    )


def read_profile(value: object) -> Profile | None:
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    accounts = (_account(row) for row in rows(found.get("accounts")))
    return Profile(
        id=identity,
        name=text(found.get("available_name")) or text(found.get("name")),
        accounts=tuple(account for account in accounts if account is not None),
    )


def _account(value: object) -> Account | None:
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    return Account(
        id=identity,
        name=text(found.get("name")),
        role=text(found.get("role")),
        status=text(found.get("status")),
    )


def read_account(value: object) -> AccountFacts | None:
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    return AccountFacts(id=identity, name=text(found.get("name")), locale=text(found.get("locale")))


def read_inbox(value: object) -> Inbox | None:
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    return Inbox(
        id=identity,
        name=text(found.get("name")),
        channel_type=text(found.get("channel_type")),
        webhook_url=text(found.get("webhook_url")),
        inbox_identifier=text(found.get("inbox_identifier")),
        secret=text(found.get("secret")),
        lock_to_single_conversation=flag(found.get("lock_to_single_conversation")),
        hmac_mandatory=flag(found.get("hmac_mandatory")),
        additional_attributes=attributes(found.get("additional_attributes")),
        timezone=text(found.get("timezone")),
        working_hours_enabled=flag(found.get("working_hours_enabled")),
        working_hours=tuple(shallow(table(row)) for row in rows(found.get("working_hours"))[:7]),
        enable_auto_assignment=found.get("enable_auto_assignment") is not False,
    )


def read_agent_bot(value: object) -> AgentBot | None:
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    return AgentBot(
        id=identity,
        name=text(found.get("name")) or "",
        description=text(found.get("description")) or "",
    )


def read_contact(value: object) -> Contact | None:
    """Read a contact in any of its forms: REST, push form, webhook form."""
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    bindings = (_contact_inbox(row) for row in rows(found.get("contact_inboxes")))
    return Contact(
        id=identity,
        name=text(found.get("name")),
        phone_number=text(found.get("phone_number")),
        identifier=text(found.get("identifier")),
        blocked=flag(found.get("blocked")),
        thumbnail=text(found.get("thumbnail")),
        contact_inboxes=tuple(binding for binding in bindings if binding is not None),
        created_at=seconds(found.get("created_at")),
        additional_attributes=attributes(found.get("additional_attributes")),
        email=text(found.get("email")),
        custom_attributes=attributes(found.get("custom_attributes")),
    )


def _contact_inbox(value: object) -> ContactInbox | None:
    found = table(value)
    inbox_id = whole(table(found.get("inbox")).get("id"))
    source_id = text(found.get("source_id"))
    if inbox_id is None or source_id is None:
        return None
    return ContactInbox(inbox_id=inbox_id, source_id=source_id)


def read_conversation(value: object) -> Conversation | None:
    """Read a conversation as REST or a webhook shows it."""
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    meta = table(found.get("meta"))
    binding = table(found.get("contact_inbox"))
    can_reply = found.get("can_reply")
    blocked = table(meta.get("sender")).get("blocked")
    return Conversation(
        id=identity,
        inbox_id=whole(found.get("inbox_id")),
        status=text(found.get("status")),
        contact_id=whole(table(meta.get("sender")).get("id")) or whole(binding.get("contact_id")),
        assignee_id=_assignee_id(meta),
        team_id=whole(table(meta.get("team")).get("id")),
        labels=words(found.get("labels")),
        source_id=text(binding.get("source_id")) or _source_in_messages(found),
        can_reply=can_reply if isinstance(can_reply, bool) else None,
        created_at=seconds(found.get("created_at")),
        updated_at=seconds(found.get("updated_at")),
        last_activity_at=seconds(found.get("last_activity_at")),
        team_name=text(table(meta.get("team")).get("name")),
        is_blocked=blocked if isinstance(blocked, bool) else None,
        custom_attributes=shallow(attributes(found.get("custom_attributes"))),
    )


def _assignee_id(meta: dict[str, Any]) -> int | None:
    """The agent who has it. Newer servers assign to agent bots as well: those are nobody."""
    assignee = table(meta.get("assignee"))
    is_bot = meta.get("assignee_type") == "AgentBot" or assignee.get("type") == "agent_bot"
    return None if is_bot else whole(assignee.get("id"))


def _source_in_messages(conversation: dict[str, Any]) -> str | None:
    last = conversation.get("last_non_activity_message")
    for message in (last, *rows(conversation.get("messages"))):
        around = table(table(message).get("conversation"))
        source_id = text(table(around.get("contact_inbox")).get("source_id"))
        if source_id is not None:
            return source_id
    return None


def read_message(value: object) -> Message | None:
    """Read a message from REST, or the top level of a message webhook."""
    found = table(value)
    identity = whole(found.get("id"))
    if identity is None:
        return None
    kind = found.get("message_type")
    attached = found.get("attachments")
    return Message(
        id=identity,
        conversation_id=whole(found.get("conversation_id")),
        inbox_id=whole(found.get("inbox_id")),
        content=text(found.get("content")),
        message_type=_message_type(kind),
        private=flag(found.get("private")),
        status=text(found.get("status")),
        source_id=text(found.get("source_id")),
        content_type=text(found.get("content_type")),
        content_attributes=attributes(found.get("content_attributes")),
        sender=_sender(found.get("sender")),
        attachments=tuple(_attachment(table(row)) for row in rows(attached)) if attached else (),
        created_at=seconds(found.get("created_at")),
        updated_at=seconds(found.get("updated_at")),
        template_params=shallow(
            table(attributes(found.get("additional_attributes")).get("template_params"))
        ),
        by_machine=_by_machine(found),
    )


def _by_machine(found: dict[str, Any]) -> bool:
    """Campaigns write in the name of a user, automation rules in nobody's (2.3, 3.2)."""
    marks = (
        attributes(found.get("content_attributes")).get("automation_rule_id"),
        attributes(found.get("additional_attributes")).get("campaign_id"),
    )
    performer = text(table(found.get("performed_by")).get("type"))
    return any(mark is not None for mark in marks) or performer == "automation_rule"


def _message_type(value: object) -> MessageType:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return MessageType.OTHER
    return _TYPES.get(value, MessageType.OTHER)


def _sender(value: object) -> Sender | None:
    found = table(value)
    if not found:
        return None
    kind = text(found.get("type"))
    if kind is None and "phone_number" in found:
        kind = "contact"
    return Sender(
        type=kind,
        id=whole(found.get("id")),
        name=text(found.get("name")),
        available_name=text(found.get("available_name")),
    )


def _attachment(found: dict[str, Any]) -> Attachment:
    meta = table(found.get("meta"))
    return Attachment(
        id=whole(found.get("id")),
        file_type=text(found.get("file_type")),
        data_url=text(found.get("data_url")),
        file_size=size(found.get("file_size")),
        is_voice=flag(meta.get("is_voice_message")) or flag(meta.get("is_recorded_audio")),
        title=text(found.get("fallback_title")),
        latitude=degrees(found.get("coordinates_lat"), most=90),
        longitude=degrees(found.get("coordinates_long"), most=180),
        first_name=text(meta.get("firstName")),
        last_name=text(meta.get("lastName")),
    )
