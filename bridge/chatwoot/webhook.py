"""Chatwoot's webhooks: is it really Chatwoot, and what happened? Pure.

Nothing here trusts the body: `parse` turns every JSON object into a delivery. What happened to a
message is read from the top level; `conversation.messages` may show another message
(chatwoot-api.md 3.3).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

import orjson

from bridge.chatwoot.fields import flag, rows, seconds, table, text, whole
from bridge.chatwoot.models import Contact, Conversation, Message, Sender
from bridge.chatwoot.reading import (
    read_contact,
    read_conversation,
    read_message,
)
from bridge.errors import Invalid

TOLERANCE = 300.0
_LONGEST_MOMENT = 64


class Verdict(StrEnum):
    """What the signature says (3.5)."""

    VALID = "valid"
    #: No signature at all: a Chatwoot before 4.13, or a stranger.
    MISSING = "missing"
    #: Rightly signed, but not now: a replay, or a clock that is off.
    STALE = "stale"
    WRONG = "wrong"


class UnreadableDelivery(Invalid):
    """The body is not a JSON object."""

    code = "chatwoot.unreadable_delivery"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """What happened to one message, with its conversation as it was when Chatwoot sent this.

    `created_at` is Chatwoot's own spelling. `message.status` and `message.updated_at` are known
    only when the body shows them for this very message. `display_name` is the agent's, where the
    body shows it anywhere; `sender_name` is that, else the full name.
    `conversation` is read from the body and may lack everything but its id.
    """

    account_id: int | None
    inbox_id: int | None
    conversation_id: int
    conversation: Conversation
    contact: Contact | None
    message: Message
    sender_name: str | None
    created_at: str
    display_name: str | None = None

    @property
    def conversation_status(self) -> str | None:
        return self.conversation.status

    @property
    def conversation_updated_at(self) -> float | None:
        return self.conversation.updated_at

    @property
    def contact_source_id(self) -> str | None:
        return self.conversation.source_id

    @property
    def in_reply_to(self) -> int | None:
        return self.message.in_reply_to


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCreated(MessageEvent):
    """A message appeared: a customer's, an agent's, a template, or one of our own (2.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUpdated(MessageEvent):
    """Some column of a message changed: failed, read, deleted, retried, translated (3.2)."""

    @property
    def is_deleted(self) -> bool:
        return self.message.is_deleted

    @property
    def external_error(self) -> str | None:
        return self.message.external_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """Who made a change, as the newest servers tell (3.2): ``user``, ``automation_rule`` ..."""

    type: str
    id: int | None


class Change(StrEnum):
    CREATED = "conversation_created"
    STATUS = "conversation_status_changed"
    UPDATED = "conversation_updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChanged:
    """A conversation is new or different; `conversation` is its state at sending, not the change.

    `tells_assignee` is False when the body is silent about it; otherwise an `assignee_id` of
    None means that nobody is assigned. `changed` names the columns that changed, if known.
    `performer` is None where nobody is named, and on servers that do not tell.
    """

    change: Change
    account_id: int | None
    conversation: Conversation
    contact: Contact | None
    tells_assignee: bool
    changed: frozenset[str]
    performer: Performer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """Somebody started or stopped typing; not repeated by Chatwoot, so it has to expire (3.2)."""

    account_id: int | None
    inbox_id: int | None
    conversation_id: int
    contact: Contact | None
    contact_source_id: str | None
    is_on: bool
    is_private: bool
    is_contact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """An event that we do not use, or one without its ids: `why` says which."""

    event: str
    account_id: int | None
    why: str


Delivery: TypeAlias = MessageCreated | MessageUpdated | ConversationChanged | Typing | Other


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    now: datetime,
    tolerance: float = TOLERANCE,
) -> Verdict:
    """Check the signature of a delivery over its raw bytes, in constant time (3.5).

    An empty secret never verifies. Never raises, whatever the headers hold.
    """
    stamp = _header(headers, "X-Chatwoot-Timestamp")
    signature = _header(headers, "X-Chatwoot-Signature")
    if signature is None and stamp is None:
        return Verdict.MISSING
    if not secret or not stamp or not signature or not re.fullmatch(r"[0-9]{1,15}", stamp):
        return Verdict.WRONG
    signed = hmac.digest(secret.encode("utf-8", "replace"), stamp.encode() + b"." + body, "sha256")
    expected = f"sha256={signed.hex()}".encode()
    if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
        return Verdict.WRONG
    if abs(now.timestamp() - int(stamp)) > tolerance:
        return Verdict.STALE
    return Verdict.VALID


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Look a header up in any mapping, whatever the case of its names."""
    found = headers.get(name)
    if found is not None:
        return found
    lower = name.lower()
    return next((value for key, value in headers.items() if key.lower() == lower), None)


def parse(body: bytes) -> Delivery:
    """Read a delivery. Raises `UnreadableDelivery` for what is no JSON object, and nothing else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UnreadableDelivery("the webhook body is not JSON") from None
    if not isinstance(found, dict):
        raise UnreadableDelivery("the webhook body is not a JSON object")
    event = text(found.get("event")) or ""
    match event:
        case "message_created" | "message_updated":
            return _message_event(event, found)
        case "conversation_created" | "conversation_status_changed" | "conversation_updated":
            return _conversation_event(Change(event), found)
        case "conversation_typing_on" | "conversation_typing_off":
            return _typing(event, found)
        case _:
            return _other(event, found, "not used")


def _message_event(event: str, found: dict[str, Any]) -> Delivery:
    message = read_message(found)
    around = table(found.get("conversation"))
    conversation = read_conversation(around)
    if message is None or conversation is None:
        return _other(event, found, "no message id" if message is None else "no conversation id")
    entry = _same_message(around, message.id)
    shown = _display_name(around, entry, message.sender)
    inbox_id = whole(table(found.get("inbox")).get("id")) or conversation.inbox_id
    made = MessageCreated if event == "message_created" else MessageUpdated
    return made(
        account_id=_account_id(found, around),
        inbox_id=inbox_id,
        conversation_id=conversation.id,
        conversation=conversation,
        contact=_contact(around, message.sender, found),
        message=replace(
            message,
            conversation_id=conversation.id,
            inbox_id=inbox_id,
            status=text(entry.get("status")),
            updated_at=seconds(entry.get("updated_at")),
        ),
        sender_name=shown or (message.sender.name if message.sender else None),
        created_at=_as_spelled(found.get("created_at")),
        display_name=shown,
    )


def _display_name(
    around: dict[str, Any], entry: dict[str, Any], sender: Sender | None
) -> str | None:
    """The agent's display name, which the top level never has: from wherever the body shows it.

    That is the message itself, another message of the same agent, or the assignee (3.2, 3.3).
    """
    own = text(table(entry.get("sender")).get("available_name"))
    if own is not None or sender is None or sender.id is None or sender.type != "user":
        return own
    people = [table(table(row).get("sender")) for row in rows(around.get("messages"))]
    people.append(table(table(around.get("meta")).get("assignee")))
    for person in people:
        if whole(person.get("id")) == sender.id and person.get("type", "user") == "user":
            shown = text(person.get("available_name"))
            if shown is not None:
                return shown
    return None


def _as_spelled(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)[:_LONGEST_MOMENT]


def _same_message(around: dict[str, Any], identity: int) -> dict[str, Any]:
    """Find the event's own message in `conversation.messages`, which may show another (3.3)."""
    for row in rows(around.get("messages")):
        entry = table(row)
        if whole(entry.get("id")) == identity:
            return entry
    return {}


def _contact(
    around: dict[str, Any], sender: Sender | None, found: dict[str, Any]
) -> Contact | None:
    contact = read_contact(table(around.get("meta")).get("sender"))
    if contact is None and sender is not None and sender.type == "contact":
        return read_contact(found.get("sender"))
    return contact


def _conversation_event(change: Change, found: dict[str, Any]) -> Delivery:
    conversation = read_conversation(found)
    if conversation is None:
        return _other(change, found, "no conversation id")
    meta = table(found.get("meta"))
    return ConversationChanged(
        change=change,
        account_id=_account_id(found, found),
        conversation=conversation,
        contact=read_contact(meta.get("sender")),
        tells_assignee="assignee" in meta,
        changed=frozenset(
            column for row in rows(found.get("changed_attributes")) for column in table(row)
        ),
        performer=_performer(found),
    )


def _performer(found: dict[str, Any]) -> Performer | None:
    told = table(found.get("performed_by"))
    kind = text(told.get("type"))
    return None if kind is None else Performer(type=kind, id=whole(told.get("id")))


def _typing(event: str, found: dict[str, Any]) -> Delivery:
    around = table(found.get("conversation"))
    conversation = read_conversation(around)
    if conversation is None:
        return _other(event, found, "no conversation id")
    user = table(found.get("user"))
    return Typing(
        account_id=_account_id(found, around),
        inbox_id=conversation.inbox_id,
        conversation_id=conversation.id,
        contact=read_contact(table(around.get("meta")).get("sender")),
        contact_source_id=conversation.source_id,
        is_on=event == "conversation_typing_on",
        is_private=flag(found.get("is_private")),
        is_contact=user.get("type") == "contact" or "phone_number" in user,
    )


def _account_id(found: dict[str, Any], around: dict[str, Any]) -> int | None:
    """Tell the account; conversation events of older servers hide it in their message (3.2)."""
    for holder in (found, around, table(found.get("user"))):
        identity = whole(table(holder.get("account")).get("id"))
        if identity is not None:
            return identity
    for row in rows(around.get("messages")):
        identity = whole(table(row).get("account_id"))
        if identity is not None:
            return identity
    return None


def _other(event: str, found: dict[str, Any], why: str) -> Other:
    return Other(event=event[:80], account_id=_account_id(found, {}), why=why)
