"""What happens to a group, and to pictures."""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from bridge.core.message import MADE_UP, Event, GroupChanged
from bridge.core.phone import Kind
from bridge.whatsapp.shapes import clip, rows
from bridge.whatsapp.web.addresses import bare, kind_of
from bridge.whatsapp.web.worker_event import WorkerEvent

__all__ = ("group", "picture")

#: WhatsApp takes 100 characters.
_LONGEST_SUBJECT: Final = 255


def group(event: WorkerEvent) -> list[Event]:
    """Another subject, people who came or went, or a group that we have just joined."""
    subject = clip(event.data.get("subject"), _LONGEST_SUBJECT)
    joined = "reason" in event.data
    if not (subject or joined or any(rows(event.data.get(name)) for name in ("join", "leave"))):
        return [event.unhandled("group")]
    return [_changed(event, subject)]


def picture(event: WorkerEvent) -> list[Event]:
    """Of a group; those of people are looked at when they write."""
    if kind_of(event.data.get("jid")) is not Kind.GROUP:
        return [event.unhandled("picture")]
    return [_changed(event, None)]


def _changed(event: WorkerEvent, subject: str | None) -> Event:
    jid = bare(event.data.get("jid"))
    if jid is None or kind_of(jid) is not Kind.GROUP:
        return event.unhandled(event.name, "no_group")
    return GroupChanged(
        number=event.number, id=_id(event, jid), group=jid, at=event.at, subject=subject
    )


def _id(event: WorkerEvent, jid: str) -> str:
    """The same for the same event told again; WhatsApp gives none."""
    said = orjson.dumps([event.name, event.data], option=orjson.OPT_SORT_KEYS)
    return f"{jid}{MADE_UP}{hashlib.sha256(said).hexdigest()[:32]}"
