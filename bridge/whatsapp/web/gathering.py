"""Polls, and invitations to groups, events and channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from bridge.core.content import Content, Invitation, Poll
from bridge.whatsapp.shapes import clip, moment, rows, table, whole, word
from bridge.whatsapp.web.places import place_name

__all__ = ("READERS",)

_LONGEST: Final = 1000
_LONGEST_ADDRESS: Final = 2000
_MOST_OPTIONS: Final = 64
_CODE: Final = re.compile(r"[0-9A-Za-z_-]{6,64}", re.ASCII)

_Body = Mapping[str, Any]


def _poll(body: _Body) -> Poll | None:
    """Options stay as they were written: votes name them by their digests."""
    options = [word(table(one).get("optionName")) for one in rows(body.get("options"))]
    most = whole(body.get("selectableOptionsCount")) or 0
    poll = Poll(
        question=clip(body.get("name"), _LONGEST) or "",
        options=tuple(one for one in options if one)[:_MOST_OPTIONS],
        most=most if most <= _MOST_OPTIONS else 0,
    )
    return poll if poll.question or poll.options else None


def _group(body: _Body) -> Invitation | None:
    code = word(body.get("inviteCode"), 64)
    url = f"https://chat.whatsapp.com/{code}" if code and _CODE.fullmatch(code) else None
    return _invitation("group", body.get("groupName"), body.get("caption"), url=url)


def _event(body: _Body) -> Invitation | None:
    return _invitation(
        "event",
        body.get("name"),
        body.get("description"),
        url=word(body.get("joinLink"), _LONGEST_ADDRESS),
        begins=moment(body.get("startTime")),
        place=place_name(table(body.get("location"))),
        cancelled=body.get("isCanceled") is True,
    )


def _event_invite(body: _Body) -> Invitation | None:
    return _invitation(
        "event",
        body.get("eventTitle"),
        body.get("caption"),
        url=word(body.get("callLink"), _LONGEST_ADDRESS),
        begins=moment(body.get("startTime")),
        cancelled=body.get("isCanceled") is True,
    )


def _call(body: _Body) -> Invitation | None:
    begins = moment(body.get("scheduledTimestampMS"))
    return _invitation("event", body.get("title"), None, begins=begins)


def _newsletter(body: _Body) -> Invitation | None:
    return _invitation("newsletter", body.get("newsletterName"), body.get("caption"))


def _invitation(what: str, title: object, description: object, **more: Any) -> Invitation | None:
    """None when it has no words and leads nowhere."""
    made = Invitation(
        what=what,
        title=clip(title, _LONGEST) or "",
        description=clip(description, _LONGEST),
        **more,
    )
    return made if made.title or made.description or made.url or made.begins else None


_POLLS: Final = ("", "V2", "V3", "V5", "V6")  # the fourth is a wrapper
READERS: Final[Mapping[str, Callable[[_Body], Content | None]]] = {
    **{f"pollCreationMessage{version}": _poll for version in _POLLS},
    "eventInviteMessage": _event_invite,
    "eventMessage": _event,
    "groupInviteMessage": _group,
    "newsletterAdminInviteMessage": _newsletter,
    "newsletterFollowerInviteMessageV2": _newsletter,
    "scheduledCallCreationMessage": _call,
}
