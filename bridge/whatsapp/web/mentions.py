"""Who is meant by ``@5511...`` in a text to a group: phones want the member's own address there.

A text names people by their number, as agents see it. Many groups know their members by a hidden
id alone; then that takes the number's place in the text, and every phone shows a name instead.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from bridge.clock import Clock
from bridge.core.outgoing import Outgoing, OutgoingMedia, OutgoingText
from bridge.core.party import Party
from bridge.core.phone import from_channel
from bridge.errors import BridgeError
from bridge.whatsapp.shapes import rows, table
from bridge.whatsapp.web.addresses import bare, chat_jid

__all__ = ("Mentions",)

log = structlog.get_logger(__name__)

#: Asks the worker (`op`, `args`). Raises `BridgeError`.
Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

_MENTION: Final = re.compile(r"(?<![\w@.])@\+?([0-9]{5,20})(?![0-9])", re.ASCII)
#: Milliseconds for which the members of a group are remembered, and of how many groups.
_FRESH: Final = 300_000
_MOST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """`jid` is how the group knows this person; `users` are all numbers and ids of theirs."""

    jid: str
    users: frozenset[str]


def _mention(text: str, people: Iterable[_Member]) -> tuple[str, tuple[str, ...]]:
    """The text as phones want it, and the JIDs of whom it mentions. Others stay plain text."""
    by_user = {user: one for one in people for user in one.users}
    found: dict[str, None] = {}

    def named(match: re.Match[str]) -> str:
        member = by_user.get(match[1])
        if member is None:
            return match[0]
        found[member.jid] = None
        return f"@{member.jid.partition('@')[0]}"

    return _MENTION.sub(named, text), tuple(found)


class Mentions:
    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._groups: OrderedDict[str, tuple[int, Sequence[_Member]]] = OrderedDict()

    async def resolve(self, to: Party, content: Outgoing) -> tuple[Outgoing, tuple[str, ...]]:
        """What is sent to a group, and whom it mentions. A number that is no member's stays."""
        match content:
            case OutgoingText(body=text):
                said, jids = await self._found(to, text)
                return replace(content, body=said), jids
            case OutgoingMedia(caption=str(text)):
                said, jids = await self._found(to, text)
                return replace(content, caption=said), jids
            case _:
                return content, ()

    async def _found(self, to: Party, text: str) -> tuple[str, tuple[str, ...]]:
        if to.group is None or _MENTION.search(text) is None:
            return text, ()
        return _mention(text, await self._members(to))

    async def _members(self, to: Party) -> Sequence[_Member]:
        """Who is in the group. A message goes out also when nobody says who that is."""
        group = chat_jid(to) or ""
        at, members = self._groups.get(group, (0, ()))
        now = self._clock.ms()
        if at and now - at < _FRESH:
            return members
        try:
            answer = await self._ask("group", {"jid": group})
        except BridgeError as error:
            log.info("mention.not_resolved", cause=error.cause)
            return members
        members = tuple(_members(answer))
        self._groups[group] = (now, members)
        self._groups.move_to_end(group)
        if len(self._groups) > _MOST:
            self._groups.popitem(last=False)
        return members


def _members(answer: Mapping[str, Any]) -> Iterable[_Member]:
    for one in map(table, rows(answer.get("members"))):
        jid = bare(one.get("jid"))
        if jid is not None:
            yield _Member(jid=jid, users=_users(jid, bare(one.get("lid")), bare(one.get("pn"))))


def _users(*addresses: str | None) -> frozenset[str]:
    """The digits of each, a number also in its other spelling (the ninth digit)."""
    found: set[str] = set()
    for address in addresses:
        user = (address or "").partition("@")[0]
        if user:
            found |= {user, *from_channel(address or "").tries}
    return frozenset(found)
