"""Webhooks of the Cloud API as events (whatsapp-channels.md A.3 to A.7).

Pure, and total: any JSON value gives at least one event, and none raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from bridge.core.message import Event, Unhandled
from bridge.whatsapp.cloud.change import Change, change_of
from bridge.whatsapp.cloud.content import complaint
from bridge.whatsapp.cloud.history import history
from bridge.whatsapp.cloud.identities import state_sync, user_id_update
from bridge.whatsapp.cloud.messages import echo, message
from bridge.whatsapp.cloud.statuses import status
from bridge.whatsapp.shapes import rows, table, word

__all__ = ("claimed", "parse", "with_other_templates")

#: The arrays whose elements are things that happened.
_ITEMS: Final = frozenset(
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

#: Fields that tell of templates: approved, paused, changed. They are asked for anew then.
_OF_TEMPLATES: Final = ("message_template_status_update", "message_template_components_update")


def parse(body: object, *, received_at: datetime) -> list[Event]:
    """Turn a decoded webhook into events, in its own order.

    What needs no action becomes `Unhandled`, one for each item, with the rule ``cloud.<field>``;
    a webhook without any item gives one as well, so that everything that comes can be counted.
    `received_at` (aware UTC) stands in for missing times.
    """
    events: list[Event] = []
    for entry in rows(table(body).get("entry")):
        for raw in rows(table(entry).get("changes")):
            change = change_of(table(raw), received_at)
            reader = _FIELDS.get(change.field, _others)
            events.extend(list(reader(change)) or list(_others(change)))
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


def with_other_templates(body: object) -> set[str]:
    """The business accounts of which a webhook says that a template is not what it was."""
    return {
        business
        for entry in map(table, rows(table(body).get("entry")))
        if (business := word(entry.get("id"))) is not None
        and any(table(raw).get("field") in _OF_TEMPLATES for raw in rows(entry.get("changes")))
    }


def _messages(change: Change) -> Iterator[Event]:
    """Some gateways tell echoes here as well (A.14)."""
    for name, read in (("messages", message), ("statuses", status), ("message_echoes", echo)):
        yield from _each(change, name, read)


def _echoes(change: Change) -> Iterator[Event]:
    return _each(change, "message_echoes", echo)


def _identities(change: Change) -> Iterator[Event]:
    return _each(change, "user_id_update", user_id_update)


def _address_book(change: Change) -> Iterator[Event]:
    return _each(change, "state_sync", state_sync)


def _each(
    change: Change, name: str, read: Callable[[Change, dict[str, Any]], Event]
) -> Iterator[Event]:
    for item in rows(change.value.get(name)):
        yield read(change, table(item))


def _others(change: Change) -> Iterator[Event]:
    """One event for each item of a field that the bridge does not act on."""
    found = False
    for name, items in change.value.items():
        for item in rows(items) if name in _ITEMS else ():
            found = True
            yield change.unhandled(change.field, _topic(table(item)))
    if not found:
        yield change.unhandled(change.field, _topic(change.value))


def _topic(item: dict[str, Any]) -> object:
    return item.get("event") or item.get("type") or item.get("action") or complaint(item)


_FIELDS: Final[Mapping[str, Callable[[Change], Iterator[Event]]]] = {
    "messages": _messages,
    "smb_message_echoes": _echoes,
    "history": history,
    "user_id_update": _identities,
    "smb_app_state_sync": _address_book,
}
