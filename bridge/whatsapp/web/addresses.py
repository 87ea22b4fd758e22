"""JIDs and parties: who a JID names, and where to write to somebody (whatsapp-channels.md F).

A JID is ``user@server`` or ``user:device@server``. A person has two of them: one of their phone
(``s.whatsapp.net``) and a hidden one (``lid``). The library writes to the hidden one by itself
wherever it knows it (neonize.md 5), so either is an address; only the hidden one never changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.core.party import Party
from bridge.core.phone import Kind, from_channel
from bridge.whatsapp.shapes import rows, table, word

__all__ = (
    "LID_SERVER",
    "PHONE_SERVER",
    "STATUS",
    "Found",
    "Recipient",
    "bare",
    "chat_jid",
    "chosen",
    "kind_of",
    "party_of",
    "recipient",
    "typing_party",
)

#: The chat in which everybody's status updates arrive.
STATUS: Final = "status@broadcast"
PHONE_SERVER: Final = "s.whatsapp.net"
LID_SERVER: Final = "lid"

_LONGEST: Final = 128
_JID: Final = re.compile(
    r"([0-9A-Za-z-]{1,64})(?:[._][0-9]{1,3})?(?::[0-9]{1,5})?@([a-z.]{1,32})", re.ASCII
)
#: Servers whose users are the same as those of another one.
_SAME: Final = {"c.us": PHONE_SERVER, "hosted": PHONE_SERVER, "hosted.lid": LID_SERVER}
_PERSONS: Final = (Kind.PHONE, Kind.LID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Where to write to somebody.

    With `jid` set that is certain. Else WhatsApp has to be asked which of the `numbers` (digits,
    likeliest first) is on it: a number may be known with or without its ninth digit.
    """

    jid: str | None = None
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Whom WhatsApp knows by a number."""

    jid: str
    lid: str | None = None


def bare(jid: object) -> str | None:
    """A JID without agent and device; None for anything that is none."""
    text = word(jid, _LONGEST)
    match = _JID.fullmatch(text.lower() if text else "")
    return f"{match[1]}@{_SAME.get(match[2], match[2])}" if match else None


def kind_of(jid: object) -> Kind:
    """What a JID names; `INVALID` for what this house has no word for (bots, for instance)."""
    known = bare(jid)
    return from_channel(known).kind if known else Kind.INVALID


def party_of(
    jid: object, *, pn: object = None, lid: object = None, name: object = None
) -> Party | None:
    """The person or group that a JID names; None when it names neither.

    `pn` and `lid` are the person's other JIDs where they are known; all may be any JSON value.
    """
    known = bare(jid)
    if known and kind_of(known) is Kind.GROUP:
        return Party(group=known, name=word(name))
    phone = _user(Kind.PHONE, (pn, jid))
    hidden = _user(Kind.LID, (lid, jid))
    if phone is None and hidden is None:
        return None
    return Party(wa_id=phone, lid=hidden, name=word(name))


def recipient(to: Party) -> Recipient | None:
    """Where to write to; None for a party without any address.

    A known LID wins: it came from WhatsApp, it has one spelling, and it stays when the number
    changes (F.5.5). A number may have been typed by a person.
    """
    if to.group:
        group = bare(to.group if "@" in to.group else f"{to.group}@g.us")
        return Recipient(jid=group) if kind_of(group) is Kind.GROUP else None
    if hidden := _hidden(to):
        return Recipient(jid=hidden)
    subject = from_channel(to.wa_id or "")
    if subject.kind is not Kind.PHONE or subject.digits is None:
        return None
    return Recipient(numbers=tuple(dict.fromkeys((*subject.tries, subject.digits))))


def chat_jid(to: Party) -> str | None:
    """The best JID that needs no question: for what may as well go wrong (typing, pictures)."""
    where = recipient(to)
    if where is None or where.jid:
        return where.jid if where else None
    return f"{from_channel(to.wa_id or '').digits}@{PHONE_SERVER}"


def chosen(answer: Mapping[str, Any], numbers: Iterable[str]) -> Found | None:
    """Whom an answer of `check` found under the likeliest of these numbers; None: nobody."""
    found = [table(one) for one in rows(answer.get("found"))]
    by_query = {_digits(one.get("query")): one for one in found if one.get("exists") is True}
    for number in numbers:
        one = by_query.get(number)
        jid = bare(one.get("jid")) if one else None
        if one and jid and kind_of(jid) in _PERSONS:
            hidden = bare(one.get("lid"))
            return Found(jid=jid, lid=hidden if kind_of(hidden) is Kind.LID else None)
    return None


def typing_party(data: Mapping[str, Any]) -> Party | None:
    """Who writes, by a `typing` event: the group, or the person on the other side.

    None for what is written with our own phone.
    """
    if data.get("from_me") is True:
        return None
    if kind_of(data.get("chat")) is Kind.GROUP:
        return party_of(data.get("chat"))
    return party_of(
        data.get("sender") or data.get("chat"),
        pn=data.get("sender_pn") or data.get("chat_pn"),
        lid=data.get("sender_lid") or data.get("chat_lid"),
    )


def _hidden(to: Party) -> str | None:
    raw = (to.lid or "").strip()
    known = bare(raw if "@" in raw else f"{raw}@{LID_SERVER}")
    return known if kind_of(known) is Kind.LID else None


def _user(kind: Kind, jids: Iterable[object]) -> str | None:
    """The user part of the first of these JIDs that is of a kind."""
    for jid in jids:
        known = bare(jid)
        if known and from_channel(known).kind is kind:
            return known.partition("@")[0]
    return None


def _digits(query: object) -> str:
    return (word(query, _LONGEST) or "").partition("@")[0].lstrip("+")
