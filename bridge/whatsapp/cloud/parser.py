"""Webhooks of the Cloud API as events (whatsapp-channels.md A.3 to A.7).

Pure, and total: any JSON value gives at least one event, and none raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.core.message import (
    DeliveryState,
    Event,
    Received,
    StatusReported,
    Unhandled,
    UpstreamFault,
)
from bridge.core.party import Party
from bridge.whatsapp.cloud.content import complaint, content
from bridge.whatsapp.shapes import clip, rows, storable, table, word

__all__ = ("claimed", "parse")

FUTURE = timedelta(seconds=60)
_STATES = {state.value: state for state in DeliveryState}
#: The arrays whose elements are things that happened.
_ITEMS = frozenset(
    {
        "calls",
        "groups",
        "history",
        "message_echoes",
        "messages",
        "state_sync",
        "statuses",
        "user_id_update",
        "user_preferences",
    }
)
_FIELD = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One change of a webhook, and what holds for all of its items."""

    field: str
    value: dict[str, Any]
    number: str | None
    received_at: datetime
    #: `contacts[]` by each of their ids.
    by_wa_id: dict[str, dict[str, Any]]
    by_bsuid: dict[str, dict[str, Any]]

    def at(self, item: dict[str, Any]) -> datetime:
        """When it happened: Unix seconds, never later than a minute from now (E.1.6)."""
        stamp = word(item.get("timestamp"), 20)
        if stamp is None or not (stamp.isascii() and stamp.isdigit()) or not int(stamp):
            return self.received_at
        latest = self.received_at + FUTURE
        seconds = int(stamp)
        return latest if seconds > latest.timestamp() else datetime.fromtimestamp(seconds, UTC)

    def unhandled(self, rule: str, detail: object = None) -> Unhandled:
        return Unhandled(number=self.number, rule=f"cloud.{rule}", detail=clip(detail, 200))


def parse(body: object, *, received_at: datetime) -> list[Event]:
    """Turn a decoded webhook into events, in its own order.

    What needs no action becomes `Unhandled`, one for each item, with the rule ``cloud.<field>``;
    a webhook without any item gives one as well, so that everything that comes can be counted.
    `received_at` (aware UTC) stands in for missing times.
    """
    events: list[Event] = []
    for change in _changes(body, received_at):
        events.extend(_events(change))
    return events or [Unhandled(number=None, rule="cloud.no_changes")]


def claimed(body: object) -> tuple[set[str], set[str]]:
    """Whom a webhook says it is about: Meta's ids of numbers, and of business accounts."""
    numbers: set[str] = set()
    businesses: set[str] = set()
    for entry in rows(table(body).get("entry")):
        if business := word(table(entry).get("id")):
            businesses.add(business)
        for change in rows(table(entry).get("changes")):
            value = table(table(change).get("value"))
            if number := word(table(value.get("metadata")).get("phone_number_id")):
                numbers.add(number)
    return numbers, businesses


def _changes(body: object, received_at: datetime) -> Iterator[_Change]:
    for entry in rows(table(body).get("entry")):
        for change in rows(table(entry).get("changes")):
            value = table(table(change).get("value"))
            field = word(table(change).get("field"))
            contacts = [table(contact) for contact in rows(value.get("contacts"))]
            yield _Change(
                field=field if field and _FIELD.fullmatch(field) else "unknown_field",
                value=value,
                number=word(table(value.get("metadata")).get("phone_number_id")),
                received_at=received_at,
                by_wa_id=_index(contacts, "wa_id"),
                by_bsuid=_index(contacts, "user_id"),
            )


def _index(contacts: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    return {key: contact for contact in reversed(contacts) if (key := word(contact.get(name)))}


def _events(change: _Change) -> Iterator[Event]:
    if change.field != "messages":
        yield from _others(change)
        return
    found = False
    for message in rows(change.value.get("messages")):
        found = True
        yield _message(change, table(message))
    for status in rows(change.value.get("statuses")):
        found = True
        yield _status(change, table(status))
    for echo in rows(change.value.get("message_echoes")):
        found = True
        yield change.unhandled("smb_message_echoes", table(echo).get("type"))
    if not found:
        yield change.unhandled("messages", complaint(change.value))


def _others(change: _Change) -> Iterator[Event]:
    """One event for each item of a field that the bridge does not act on."""
    found = False
    for name, items in change.value.items():
        for item in rows(items) if name in _ITEMS else ():
            for part in _history(table(item)):
                found = True
                yield change.unhandled(change.field, _topic(part))
    if not found:
        yield change.unhandled(change.field, _topic(change.value))


def _history(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages in a chunk of history; any other item stands for itself."""
    threads = [table(thread) for thread in rows(item.get("threads"))]
    messages = [table(message) for thread in threads for message in rows(thread.get("messages"))]
    return messages or [item]


def _topic(item: dict[str, Any]) -> object:
    return item.get("event") or item.get("type") or item.get("action") or complaint(item)


def _message(change: _Change, message: dict[str, Any]) -> Event:
    kind = message.get("type")
    if change.number is None:
        return change.unhandled("no_number", kind)
    message_id = word(message.get("id"))
    if message_id is None:
        return change.unhandled("no_id", kind)
    sender = _party(
        change,
        wa_id=word(message.get("from")),
        bsuid=word(message.get("from_user_id")),
        parent=word(message.get("from_parent_user_id")),
    )
    if sender is None:
        return change.unhandled("no_sender", kind)
    if sender.wa_id is not None and sender.wa_id == _own_phone(change):
        return change.unhandled("own_message", kind)  # some gateways send ours back (A.14)
    context = table(message.get("context"))
    referral = table(message.get("referral"))
    return Received(
        number=change.number,
        id=message_id,
        sender=sender,
        at=change.at(message),
        content=content(message, change.value),
        reply_to=word(context.get("id")),
        forwarded=context.get("forwarded") is True or context.get("frequently_forwarded") is True,
        group=word(message.get("group_id")),
        referral=referral if referral and storable(referral) else None,
    )


def _own_phone(change: _Change) -> str | None:
    shown = word(table(change.value.get("metadata")).get("display_phone_number"))
    return re.sub(r"\D", "", shown) if shown else None


def _status(change: _Change, status: dict[str, Any]) -> Event:
    state = status.get("status")
    if change.number is None:
        return change.unhandled("no_number", state)
    message_id = word(status.get("id"))
    if message_id is None:
        return change.unhandled("no_id", state)
    if not isinstance(state, str) or state not in _STATES:
        return change.unhandled("unknown_status", state)
    in_group = status.get("recipient_type") == "group"
    person = "recipient_participant" if in_group else "recipient"
    return StatusReported(
        number=change.number,
        id=message_id,
        state=_STATES[state],
        at=change.at(status),
        recipient=_party(
            change,
            wa_id=word(status.get(f"{person}_id")),
            bsuid=word(status.get(f"{person}_user_id")),
            parent=word(status.get(f"{person}_parent_user_id")),
        ),
        tag=word(status.get("biz_opaque_callback_data")),
        fault=_fault(status),
    )


def _fault(status: dict[str, Any]) -> UpstreamFault | None:
    for error in rows(status.get("errors")):
        told = table(error)
        return UpstreamFault(
            code=word(told.get("code"), 32) or "unknown",
            title=clip(told.get("title")) or clip(told.get("message")) or "",
            detail=clip(table(told.get("error_data")).get("details")),
        )
    return None


def _party(
    change: _Change, *, wa_id: str | None, bsuid: str | None, parent: str | None
) -> Party | None:
    """The person behind these ids, with what `contacts[]` adds; None without any id.

    Contacts are matched by id, never by place: a batch mixes people (A.3).
    """
    if wa_id is None and bsuid is None:
        return None
    contact = change.by_bsuid.get(bsuid or "") or change.by_wa_id.get(wa_id or "") or {}
    profile = table(contact.get("profile"))
    return Party(
        wa_id=wa_id or word(contact.get("wa_id")),
        bsuid=bsuid or word(contact.get("user_id")),
        parent_bsuid=parent or word(contact.get("parent_user_id")),
        username=word(profile.get("username")),
        name=word(profile.get("name")),
    )
