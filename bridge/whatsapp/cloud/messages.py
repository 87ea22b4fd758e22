"""What people write, and what becomes of it: messages, reactions, edits, deletions.

Customers' messages and what a human wrote with the phone of our own number (A.7, echoes) have the
same kinds; they differ in who the other side is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict

from bridge.core.message import Edited, Event, Reacted, Received, Revoked, SentByPhone
from bridge.core.party import Party
from bridge.whatsapp.cloud.change import Change
from bridge.whatsapp.cloud.content import content
from bridge.whatsapp.cloud.identities import system
from bridge.whatsapp.shapes import storable, table, word

__all__ = ("echo", "message")

_LONGEST_EMOJI: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A message of either side, with what every event about it says."""

    change: Change
    message: dict[str, Any]
    number: str
    id: str
    #: The person on the other side: the customer, whoever of the two wrote.
    person: Party | None
    group: str | None
    by_us: bool

    @property
    def kind(self) -> object:
        return self.message.get("type")

    @property
    def at(self) -> datetime:
        return self.change.at(self.message)

    @property
    def chat(self) -> Party | None:
        return Party(group=self.group) if self.group else self.person


class _Where(TypedDict):
    """What all changes of a message have in common."""

    number: str
    id: str
    target: str
    chat: Party
    at: datetime
    by_us: bool


def message(change: Change, told: dict[str, Any]) -> Event:
    """What a customer wrote or did."""
    kind = told.get("type")
    person = change.party(
        wa_id=told.get("from"),
        bsuid=told.get("from_user_id"),
        parent=told.get("from_parent_user_id"),
    )
    if change.number is None:
        return change.unhandled("no_number", kind)
    id_ = word(told.get("id"))
    if id_ is None:
        return change.unhandled("no_id", kind)
    if kind == "system":
        changed = system(change, told, number=change.number, id_=id_, sender=person)
        if changed is not None:
            return changed
    if person is None:
        return change.unhandled("no_sender", kind)
    if person.wa_id is not None and person.wa_id == change.phone:
        return change.unhandled("own_message", kind)  # some gateways send ours back (A.14)
    return _told(
        _Written(
            change=change,
            message=told,
            number=change.number,
            id=id_,
            person=person,
            group=word(told.get("group_id")),
            by_us=False,
        )
    )


def echo(change: Change, told: dict[str, Any]) -> Event:
    """What a human wrote or did with the phone of our own number; `to` is the other side."""
    kind = told.get("type")
    if change.number is None:
        return change.unhandled("no_number", kind)
    id_ = word(told.get("id"))
    if id_ is None:
        return change.unhandled("no_id", kind)
    group = word(told.get("group_id"))
    person = change.party(
        wa_id=told.get("to"),
        bsuid=told.get("to_user_id"),
        parent=told.get("to_parent_user_id"),
    )
    if person is None and group is None:
        return change.unhandled("no_recipient", kind)
    if group is None and person is not None and person.wa_id and person.wa_id == change.phone:
        return change.unhandled("own_chat", kind)  # notes to oneself
    return _told(
        _Written(
            change=change,
            message=told,
            number=change.number,
            id=id_,
            person=person,
            group=group,
            by_us=True,
        )
    )


def _told(written: _Written) -> Event:
    """A kind that changes another message, if it says which one; else it is shown as it came."""
    kind = written.kind
    reader = _CHANGES.get(kind) if isinstance(kind, str) else None
    changed = reader(written, table(written.message.get(str(kind)))) if reader else None
    return changed or _shown(written)


def _shown(written: _Written) -> Event:
    told, change = written.message, written.change
    said = content(told, change.value)
    context = table(told.get("context"))
    often = context.get("frequently_forwarded") is True
    forwarded = often or context.get("forwarded") is True
    chat = written.chat
    if written.by_us and chat is not None:
        return SentByPhone(
            number=written.number,
            id=written.id,
            chat=chat,
            at=written.at,
            content=said,
            reply_to=word(context.get("id")),
            forwarded=forwarded,
            forwarded_often=often,
        )
    if written.person is None:
        return change.unhandled("no_sender", written.kind)
    return Received(
        number=written.number,
        id=written.id,
        sender=written.person,
        at=written.at,
        content=said,
        # A forwarded message has a context without an id (A.5).
        reply_to=word(context.get("id")),
        forwarded=forwarded,
        forwarded_often=often,
        group=written.group,
        referral=_kept(told.get("referral")),
        product=_kept(context.get("referred_product")),
    )


def _kept(value: object) -> dict[str, Any] | None:
    """A decoration, whole: ids of advertisements and products are read by machines."""
    told = table(value)
    return told if told and storable(told) else None


def _reaction(written: _Written, told: dict[str, Any]) -> Event | None:
    where, emoji = _where(written, told.get("message_id")), told.get("emoji")
    if where is None or not (emoji is None or isinstance(emoji, str)):
        return None
    # Taken away: empty, or not there at all.
    shown = (emoji or "").strip()[:_LONGEST_EMOJI] or None
    return Reacted(emoji=shown, sender=_member(written), **where)


def _edit(written: _Written, told: dict[str, Any]) -> Event | None:
    where, inner = _where(written, told.get("original_message_id")), told.get("message")
    if where is None or not isinstance(inner, dict):
        return None
    said = content(inner, written.change.value)
    return Edited(content=said, sender=_member(written), **where)


def _revoke(written: _Written, told: dict[str, Any]) -> Event | None:
    where = _where(written, told.get("original_message_id"))
    return None if where is None else Revoked(**where)


def _where(written: _Written, target: object) -> _Where | None:
    """None when it does not say which message, or where."""
    named, chat = word(target), written.chat
    if named is None or chat is None:
        return None
    return _Where(
        number=written.number,
        id=written.id,
        target=named,
        chat=chat,
        at=written.at,
        by_us=written.by_us,
    )


def _member(written: _Written) -> Party | None:
    """Who of a group it was; elsewhere the chat says it."""
    return written.person if written.group and not written.by_us else None


_CHANGES: Final[Mapping[str, Callable[[_Written, dict[str, Any]], Event | None]]] = {
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
}
