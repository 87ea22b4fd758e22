"""What Chatwoot writes by itself: greeting, out of office, satisfaction survey (2.3, 5)."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bridge.sim.chatwoot.records import Conversation, Inbox, Message
from bridge.sim.chatwoot.world import World

_DAY = 86_400
_QUIET = 300
#: A chat this long without an answer got its greeting long ago, or never will.
_ENOUGH = 50


def templates_after(world: World, chat: Conversation) -> list[Message]:
    """The templates that follow an incoming message. Their sender is null."""
    written = []
    fields = chat.inbox.fields
    chatted = any(m.message_type in ("outgoing", "template") for m in chat.messages[:_ENOUGH])
    if fields["greeting_enabled"] and fields["greeting_message"] and not chatted:
        written.append(template(world, chat, str(fields["greeting_message"])))
    if _out_of_office(world, chat):
        written.append(template(world, chat, str(fields["out_of_office_message"])))
    return written


def survey(world: World, chat: Conversation) -> Message | None:
    """The survey after resolving: once, and only where somebody has written."""
    if chat.status != "resolved" or not chat.inbox.fields["csat_survey_enabled"]:
        return None
    kinds = {(m.message_type, m.content_type) for m in chat.messages}
    if ("template", "input_csat") in kinds or ("incoming", "text") not in kinds:
        return None
    url = f"{world.base_url or ''}/survey/responses/{chat.uuid}"
    message = template(world, chat, world.say("csat", url=url))
    message.content_type = "input_csat"
    message.content_attributes = {"display_type": "emoji"}
    return message


def template(world: World, chat: Conversation, text: str) -> Message:
    now = world.now()
    return Message(
        id=world.new_id("message"),
        conversation=chat,
        message_type="template",
        content=text,
        created_at=now,
        updated_at=now,
    )


def _out_of_office(world: World, chat: Conversation) -> bool:
    fields = chat.inbox.fields
    if not (fields["working_hours_enabled"] and fields["out_of_office_message"]):
        return False
    now = world.now()
    for message in reversed(chat.messages):
        age = now - message.created_at
        if age > _DAY:
            break
        if message.content == fields["out_of_office_message"]:
            return False
        if message.message_type == "outgoing" and age < _QUIET:
            return False
    return not is_working(chat.inbox, now)


@cache
def zone(name: str) -> tzinfo:
    """The time zone, UTC when there is none of this name. The first call for a name reads files."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def is_working(inbox: Inbox, now: float) -> bool:
    local = datetime.fromtimestamp(now, UTC).astimezone(zone(str(inbox.fields["timezone"])))
    hours = inbox.working_hours[(local.weekday() + 1) % 7]
    if hours["closed_all_day"] or hours["open_all_day"]:
        return bool(hours["open_all_day"])
    minute = local.hour * 60 + local.minute
    opens = hours["open_hour"] * 60 + hours["open_minutes"]
    closes = hours["close_hour"] * 60 + hours["close_minutes"]
    return bool(opens <= minute < closes)
