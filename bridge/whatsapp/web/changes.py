"""What people do to a message that is there: react, edit, vote, delete."""

from __future__ import annotations

import re
from typing import Any, Final, TypedDict

from bridge.core.content import Content, Unsupported
from bridge.core.message import MADE_UP, Edited, Event, Reacted, Revoked, Voted
from bridge.core.party import Party
from bridge.whatsapp.shapes import rows, table, word
from bridge.whatsapp.web import context, inbound
from bridge.whatsapp.web.envelope import EMPTY, Opened, slim
from bridge.whatsapp.web.worker_event import WorkerEvent, foreign_id

__all__ = ("change",)

#: A message with this attribute replaces what an earlier one said (the second: by an admin).
_EDITS: Final = ("1", "3")
#: With this one an admin deletes what others wrote, if WhatsApp's servers let it pass.
_BY_ADMIN: Final = "8"
#: Longer than any emoji, whatever its parts.
_LONGEST_EMOJI: Final = 64
_MOST_OPTIONS: Final = 64
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


class _Where(TypedDict):
    """What all changes have in common."""

    number: str
    target: str
    chat: Party
    at: Any
    sender: Party | None
    by_us: bool


def change(event: WorkerEvent, said: Opened) -> Event | None:
    """What a message does to another one; None when it is one for itself."""
    match said.kind:
        case "protocolMessage":
            return _protocol(event, table(said.body))
        case "reactionMessage":
            return _reacted(event, said)
        case "pollUpdateMessage":
            return _voted(event, said)
        case "secretEncryptedMessage" if _type(said) == "MESSAGE_EDIT":
            # The library cannot open it: that something changed must be seen all the same.
            unread = Unsupported(upstream=said.kind, raw=slim(said.message))
            return _edited(event, context.reply_to(said), unread)
    if said.kind != EMPTY and (said.is_edit or _is_edit(event)):
        return _edited(event, event.id, inbound.edited(said.message))
    return None


def _protocol(event: WorkerEvent, body: dict[str, Any]) -> Event:
    """What changes another message, or what devices tell each other."""
    kind = body.get("type")
    target = foreign_id(table(body.get("key")).get("ID"))
    if kind == "MESSAGE_EDIT" or (kind is None and body.get("editedMessage")):
        said = inbound.edited(table(body.get("editedMessage")))
        # Nobody edits what others wrote: such words are their own, and change nothing.
        is_theirs = table(body.get("key")).get("fromMe") is True
        stamp = word(body.get("timestampMS"), 20)
        return _edited(event, target if is_theirs else event.id, said, stamp=stamp)
    if target is not None and (kind == "REVOKE" or (kind is None and body.keys() == {"key"})):
        return _revoked(event, target, table(body.get("key")))
    return event.unhandled("protocol", kind)


def _reacted(event: WorkerEvent, said: Opened) -> Event:
    where = _where(event, context.reply_to(said))
    if where is None:
        return event.unhandled("no_target", said.kind)
    sign = table(said.body).get("text")
    emoji = sign[:_LONGEST_EMOJI] if isinstance(sign, str) and sign.strip() else None
    return Reacted(id=event.id or "", emoji=emoji, **where)


def _edited(
    event: WorkerEvent, target: str | None, content: Content, *, stamp: str | None = None
) -> Event:
    """The edit of some clients has the id of what it edits, and must not be taken for it."""
    where = _where(event, target)
    if where is None:
        return event.unhandled("no_target", "edit")
    own_id = event.id if event.id != target else f"{event.id}{MADE_UP}edit{stamp or ''}"
    return Edited(id=own_id or "", content=content, **where)


def _voted(event: WorkerEvent, said: Opened) -> Event:
    """The worker has opened the vote, if anybody could."""
    where = _where(event, context.reply_to(said))
    if where is None:
        return event.unhandled("no_target", said.kind)
    told = event.data.get("vote")
    digests = [word(one) or "" for one in rows(told)[:_MOST_OPTIONS]]
    is_open = isinstance(told, list) and all(_DIGEST.fullmatch(one) for one in digests)
    options = tuple(dict.fromkeys(digests)) if is_open else None
    return Voted(id=event.id or "", options=options, **where)


def _revoked(event: WorkerEvent, target: str, key: dict[str, Any]) -> Event:
    """In a direct chat nobody deletes what the other side wrote; in a group an admin may.

    A member's client may name any message all the same.
    """
    if event.group is None and key.get("fromMe") is not True:
        return event.unhandled("protocol", "REVOKE")
    chat = event.where()
    if chat is None:
        return event.unhandled("no_sender")
    is_trusted = event.group is None or event.from_me or event.data.get("edit") == _BY_ADMIN
    return Revoked(
        number=event.number,
        id=event.id or "",
        target=target,
        chat=chat,
        at=event.at,
        by_us=event.from_me,
        author=None if is_trusted else event.sender(),
    )


def _where(event: WorkerEvent, target: str | None) -> _Where | None:
    """None when it does not say which message, or where."""
    chat = event.where()
    if chat is None or target is None:
        return None
    in_group = event.group is not None and not event.from_me
    return _Where(
        number=event.number,
        target=target,
        chat=chat,
        at=event.at,
        sender=event.sender() if in_group else None,
        by_us=event.from_me,
    )


def _is_edit(event: WorkerEvent) -> bool:
    return event.data.get("edited") is True or event.data.get("edit") in _EDITS


def _type(said: Opened) -> object:
    return table(said.body).get("secretEncType")
