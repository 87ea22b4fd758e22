"""The connection of a number: its states, what happens to it, and what others are told of it.

Pure. The words are Evolution's (evolution-instance-typebot.md 2.1 and 3.5): `open`, `connecting`,
`close`, and `refused` once nobody scanned the last QR code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias, assert_never


class LinkState(StrEnum):
    OPEN = "open"
    CONNECTING = "connecting"
    CLOSED = "close"
    REFUSED = "refused"


class Presence(StrEnum):
    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"
    COMPOSING = "composing"
    RECORDING = "recording"
    PAUSED = "paused"


#: Evolution's numbers (3.5): the phone ended the session; the QR codes ran out.
LOGGED_OUT: Final = 401
FORBIDDEN: Final = 403
TIMED_OUT: Final = 408
QR_LIMIT: Final = 428
BAD_SESSION: Final = 500

NOT_SCANNED: Final = (
    "Nobody scanned the last QR code. GET /instance/connect of this instance shows a new one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QrShown:
    """A code to scan. It lets whoever scans it read everything: it is never stored or logged."""

    code: str = field(repr=False)
    #: Eight characters to type on the phone, when a number was given.
    pairing_code: str | None = field(default=None, repr=False)
    #: Why there are no such characters, when a number was given.
    no_pairing_code: str | None = None
    #: The first one of an attempt is 1.
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The number is connected. `jid` is its own address."""

    jid: str | None = None
    profile_name: str | None = None
    picture_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The connection ended. `code` as Evolution numbers it (3.5: 401 logged out, 408, 428 ...).

    `again`: the channel is about to connect again by itself.
    """

    code: int
    reason: str
    again: bool = False
    #: When a ban ends (ms), where that is known.
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QrLimit:
    """Nobody scanned the last code; it takes a person to start again."""


#: What a session tells.
Signal: TypeAlias = QrShown | Opened | Closed | QrLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """We have asked the channel to connect; `reason` says why, when no person did."""

    reason: str | None = None


#: What changes a connection: what its session tells, and what we do ourselves.
Change: TypeAlias = Signal | Began


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """How a number is connected. `code` and `reason` say why it is not open."""

    state: LinkState
    code: int | None = None
    reason: str | None = None
    owner_jid: str | None = None
    profile_name: str | None = None
    picture_url: str | None = None
    #: When the state began, and when the connection last ended (ms).
    changed_at: int = 0
    closed_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An event to tell: Evolution's wire name and its body, without codes to scan or to type."""

    name: str
    data: Mapping[str, Any] | None


CONNECTION_UPDATE: Final = "connection.update"
QRCODE_UPDATED: Final = "qrcode.updated"
STATUS_INSTANCE: Final = "status.instance"
LOGOUT_INSTANCE: Final = "logout.instance"
REMOVE_INSTANCE: Final = "remove.instance"
INSTANCE_CREATE: Final = "instance.create"
INSTANCE_DELETE: Final = "instance.delete"

_FINE: Final = 200
#: No answer of a peer makes a row of ours grow without bound.
_LONGEST: Final = 500
_LONGEST_URL: Final = 2000


def advance(
    view: ConnectionView, change: Change, *, instance: str, now: int
) -> tuple[ConnectionView, tuple[Notice, ...]]:
    """Decide what a change makes of a connection, and what is told of it.

    What says nothing new is told nobody: a channel that fails to reconnect every few seconds
    makes one event, and the `Closed` after a logout none. `instance` is the name.
    """
    match change:
        case Began():
            return _connecting(view, None, change.reason, instance, now)
        case QrShown():
            after, notices = _connecting(view, None, None, instance, now)
            shown = {"qrcode": {"instance": instance, "count": change.count}}
            return after, (*notices, Notice(name=QRCODE_UPDATED, data=shown))
        case Opened():
            return _opened(view, change, instance, now)
        case Closed(again=True):
            return _connecting(view, change.code, change.reason, instance, now)
        case Closed():
            return _closed(view, change, instance, now)
        case QrLimit():
            return _refused(view, instance, now)
        case _:
            assert_never(change)


def qr_told(notice: Notice, *, code: str, pairing_code: str | None, base64: str) -> Notice:
    """Give the event of a new QR code with the code in it, for whoever may see it."""
    data = notice.data or {}
    whole = {**data.get("qrcode", {}), "pairingCode": pairing_code, "code": code, "base64": base64}
    return replace(notice, data={**data, "qrcode": whole})


def _connecting(
    view: ConnectionView, code: int | None, reason: str | None, instance: str, now: int
) -> tuple[ConnectionView, tuple[Notice, ...]]:
    was = view.state
    after = replace(
        view,
        state=LinkState.CONNECTING,
        code=code,
        reason=_short(reason),
        changed_at=view.changed_at if was is LinkState.CONNECTING else now,
        closed_at=now if was is LinkState.OPEN else view.closed_at,
    )
    is_news = was is not LinkState.CONNECTING or (code is not None and code != view.code)
    return after, (_update(after, instance),) if is_news else ()


def _opened(
    view: ConnectionView, change: Opened, instance: str, now: int
) -> tuple[ConnectionView, tuple[Notice, ...]]:
    was = view.state
    owner = _short(change.jid) or view.owner_jid
    known = view if owner == view.owner_jid else replace(view, profile_name=None, picture_url=None)
    after = replace(
        view,
        state=LinkState.OPEN,
        code=None,
        reason=None,
        owner_jid=owner,
        profile_name=_short(change.profile_name) or known.profile_name,
        picture_url=_short(change.picture_url, _LONGEST_URL) or known.picture_url,
        changed_at=view.changed_at if was is LinkState.OPEN else now,
    )
    is_news = was is not LinkState.OPEN or (
        view.owner_jid is not None and after.owner_jid != view.owner_jid
    )
    return after, (_update(after, instance),) if is_news else ()


def _closed(
    view: ConnectionView, change: Closed, instance: str, now: int
) -> tuple[ConnectionView, tuple[Notice, ...]]:
    was = view.state
    if was is LinkState.REFUSED:
        return view, ()
    if was is LinkState.CLOSED and view.code not in (None, change.code):
        return view, ()  # why it ended is what was said first
    after = replace(
        view,
        state=LinkState.CLOSED,
        code=change.code,
        reason=_short(change.reason),
        changed_at=view.changed_at if was is LinkState.CLOSED else now,
        closed_at=view.closed_at if was is LinkState.CLOSED else now,
    )
    if was is LinkState.CLOSED:
        return after, ()
    ended = {
        "instance": instance,
        "status": "closed",
        "disconnectionAt": _iso(now),
        "disconnectionReasonCode": change.code,
        "disconnectionObject": {"reason": after.reason},
    }
    notices = [Notice(name=STATUS_INSTANCE, data=ended), _update(after, instance)]
    if change.code == LOGGED_OUT:
        notices.append(Notice(name=LOGOUT_INSTANCE, data=None))
    return after, tuple(notices)


def _refused(
    view: ConnectionView, instance: str, now: int
) -> tuple[ConnectionView, tuple[Notice, ...]]:
    if view.state in (LinkState.REFUSED, LinkState.OPEN):
        return view, ()
    after = replace(
        view, state=LinkState.REFUSED, code=QR_LIMIT, reason=NOT_SCANNED, changed_at=now
    )
    limit = {
        "message": "QR code limit reached, please login again",
        "statusCode": BAD_SESSION,
    }
    return after, (Notice(name=QRCODE_UPDATED, data=limit), _update(after, instance))


def _update(view: ConnectionView, instance: str) -> Notice:
    data: dict[str, Any] = {
        "instance": instance,
        "state": str(view.state),
        "statusReason": view.code or _FINE,
    }
    if view.state is LinkState.OPEN:
        data |= {
            "wuid": view.owner_jid,
            "profileName": view.profile_name,
            "profilePictureUrl": view.picture_url,
        }
    return Notice(name=CONNECTION_UPDATE, data=data)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _short(text: str | None, longest: int = _LONGEST) -> str | None:
    """Make it fit to be stored: bounded, no NUL, no half of a surrogate pair."""
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode() if text else None


def owner_number(jid: str | None) -> str:
    """The number in the address of a connected phone, as people read it; empty: none is known."""
    digits = (jid or "").partition("@")[0].partition(":")[0]
    return f"+{digits}" if digits.isascii() and digits.isdigit() else ""
