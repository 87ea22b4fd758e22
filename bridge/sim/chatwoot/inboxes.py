"""Inboxes: creating, changing, deleting (chatwoot-api.md 1.2)."""

from __future__ import annotations

from typing import Any

from bridge.sim.chatwoot import contacts
from bridge.sim.chatwoot.records import API, Inbox, Json, Upload
from bridge.sim.chatwoot.refusals import Flaw, InvalidRecord, crashed, too_long
from bridge.sim.chatwoot.world import (
    Event,
    World,
    change,
    iso,
    mapping,
    new_token,
    text_or_none,
    truthy,
)

_CHANNELS = {
    "api": API,
    "web_widget": "Channel::WebWidget",
    "email": "Channel::Email",
    "line": "Channel::Line",
    "telegram": "Channel::Telegram",
    "whatsapp": "Channel::Whatsapp",
    "sms": "Channel::Sms",
}
_DEFAULTS: Json = {
    "name": "",
    "greeting_enabled": False,
    "greeting_message": None,
    "working_hours_enabled": False,
    "enable_email_collect": True,
    "csat_survey_enabled": False,
    "csat_config": {},
    "enable_auto_assignment": True,
    "auto_assignment_config": {},
    "out_of_office_message": None,
    "timezone": "UTC",
    "allow_messages_after_resolved": True,
    "lock_to_single_conversation": False,
    "portal_id": None,
    "sender_name_type": "friendly",
    "business_name": None,
}
_BOOLEANS = frozenset(name for name, value in _DEFAULTS.items() if isinstance(value, bool))
_READ_ONLY = frozenset({"auto_assignment_config"})
_URL_LIMIT = 2048
_TEXT_LIMIT = 10_000
_NAME_LIMIT = 255


def create(world: World, params: Json) -> Inbox:
    channel = mapping(params.get("channel"))
    kind = _CHANNELS.get(str(channel.get("type")))
    if kind is None:
        raise crashed()
    fields = _DEFAULTS | _fields(params)
    if not fields["name"]:
        raise InvalidRecord([Flaw(attribute="name", message="can't be blank")])
    _check(world, fields, channel)
    now = world.now()
    row = Inbox(
        id=world.new_id("inbox"),
        channel_id=world.new_id("channel"),
        created_at=now,
        updated_at=now,
        identifier=new_token(),
        hmac_token=new_token(),
        secret=new_token(),
        fields=fields,
        working_hours=[_day(day) for day in range(7)],
        channel_type=kind,
    )
    _set_channel(row, channel)
    avatar = params.get("avatar")
    if isinstance(avatar, Upload):
        row.avatar = world.keep(_avatar(avatar))
    world.inboxes[row.id] = row
    world.by_inbox_identifier[row.identifier] = row
    world.emit(Event(name="inbox_created", inbox=row))
    world.changed()
    return row


def update(world: World, row: Inbox, params: Json) -> None:
    """Set what is given; the channel's `additional_attributes` are replaced as a whole."""
    fields = _fields(params)
    channel = mapping(params.get("channel"))
    _check(world, row.fields | fields, channel)
    avatar = params.get("avatar")
    if isinstance(avatar, Upload):
        row.avatar = world.keep(_avatar(avatar))
    changed = [
        change(name, row.fields[name], value)
        for name, value in fields.items()
        if value != row.fields[name]
    ]
    row.fields.update(fields)
    _set_channel(row, channel)
    for day in params.get("working_hours") or []:
        if isinstance(day, dict) and day.get("day_of_week") in range(7):
            hours = row.working_hours[day["day_of_week"]]
            hours.update({key: value for key, value in day.items() if key in hours})
    before, row.updated_at = row.updated_at, world.now()
    if changed:
        changed.append(change("updated_at", iso(before), iso(row.updated_at)))
        world.emit(Event(name="inbox_updated", inbox=row, changed=changed))
    world.changed()


def delete(world: World, row: Inbox) -> None:
    """Take the inbox and its conversations away. No webhook."""
    for held in [held for held in world.contact_inboxes.values() if held.inbox is row]:
        held.contact.contact_inboxes.remove(held)
        contacts.unbind(world, held)
    world.inboxes.pop(row.id, None)
    world.by_inbox_identifier.pop(row.identifier, None)
    world.changed()


def _fields(params: Json) -> Json:
    fields: Json = {}
    for name in _DEFAULTS.keys() - _READ_ONLY:
        if name not in params:
            continue
        value: Any = params[name]
        if value == "null":
            value = None
        fields[name] = truthy(value) if name in _BOOLEANS else value
    return fields


def _check(world: World, fields: Json, channel: Json) -> None:
    flaws = [
        too_long(world.locale, name, limit)
        for name, limit, value in (
            ("name", _NAME_LIMIT, fields["name"]),
            ("greeting_message", _TEXT_LIMIT, fields["greeting_message"]),
            ("out_of_office_message", _TEXT_LIMIT, fields["out_of_office_message"]),
            ("webhook_url", _URL_LIMIT, channel.get("webhook_url")),
        )
        if isinstance(value, str) and len(value) > limit
    ]
    window = mapping(channel.get("additional_attributes")).get("agent_reply_time_window")
    if window not in (None, "") and not _is_positive(window):
        message = "agent_reply_time_window must be greater than 0"
        flaws.append(Flaw(attribute="agent_reply_time_window", message=message))
    if flaws:
        raise InvalidRecord(flaws)


def _is_positive(value: Any) -> bool:
    try:
        return int(value) > 0
    except (TypeError, ValueError, OverflowError):
        return False


def _set_channel(row: Inbox, channel: Json) -> None:
    if "webhook_url" in channel:
        row.webhook_url = text_or_none(channel["webhook_url"])
    if "hmac_mandatory" in channel:
        row.hmac_mandatory = truthy(channel["hmac_mandatory"])
    if "additional_attributes" in channel:
        row.additional_attributes = mapping(channel["additional_attributes"])


def _avatar(upload: Upload) -> Upload:
    checked = contacts.check_avatar(upload)
    return upload if checked is None else checked


def _day(day: int) -> Json:
    closed = day in (0, 6)
    hours = (None,) * 4 if closed else (9, 0, 17, 0)
    names = ("open_hour", "open_minutes", "close_hour", "close_minutes")
    return {
        "day_of_week": day,
        "closed_all_day": closed,
        **dict(zip(names, hours, strict=True)),
        "open_all_day": False,
    }
