"""Which chats are not relayed: the rules that people set for groups and single addresses.

Pure. The words are Evolution's: `groupsIgnore` of the settings, and `ignoreJids` of Chatwoot, in
which ``@g.us`` means all groups and ``@s.whatsapp.net`` all persons.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Final, Literal, TypeAlias, assert_never

from bridge.core.identity import identifier, keys
from bridge.core.message import Called, Edited, Reacted, Received, Revoked, SentByPhone, Voted
from bridge.core.party import Party
from bridge.core.phone import from_channel

Rule: TypeAlias = Literal["groups_ignored", "jid_ignored"]

_ALL_GROUPS: Final = "@g.us"
_ALL_PERSONS: Final = "@s.whatsapp.net"


def ignoring_rule(chat: Party, *, groups_ignore: bool, ignored: Collection[str]) -> Rule | None:
    """The rule by which the messages of a chat are not relayed; None: they are.

    It is the chat that counts, not who wrote in a group. A number is met in every spelling.
    """
    if chat.group and groups_ignore:
        return "groups_ignored"
    if not ignored:
        return None
    if (_ALL_GROUPS if chat.group else _ALL_PERSONS) in ignored:
        return "jid_ignored"
    return None if _names(chat).isdisjoint(_listed(tuple(ignored))) else "jid_ignored"


def can_be_ignored(entry: str) -> bool:
    """Whether an entry of such a list can ever be met."""
    return entry in {_ALL_GROUPS, _ALL_PERSONS} or from_channel(entry).key is not None


def same_ignored(one: str, other: str) -> bool:
    """Whether two entries name the same chats, however they are written."""
    return one == other or from_channel(one).key == (from_channel(other).key or "")


def chat_of(
    event: Received | SentByPhone | Revoked | Reacted | Edited | Voted | Called,
) -> Party:
    """Where it happens: the group, or the person on the other side.

    What our own number does comes with our own name, which is not theirs.
    """
    match event:
        case Received(group=group, sender=person) | Called(group=group, caller=person):
            return Party(group=group) if group else person
        case SentByPhone(chat=chat):
            return _nameless(chat)
        case Revoked(chat=chat) | Reacted(chat=chat) | Edited(chat=chat) | Voted(chat=chat):
            return _nameless(chat) if event.by_us else chat
        case _:
            assert_never(event)


def _nameless(chat: Party) -> Party:
    return chat if chat.group else replace(chat, name=None, username=None)


@lru_cache(maxsize=256)
def _listed(ignored: tuple[str, ...]) -> frozenset[str | None]:
    """All by which somebody can be met in a list: each message asks, and lists can be long."""
    return frozenset({*ignored, *(from_channel(jid).key for jid in ignored)} - {None})


def _names(chat: Party) -> frozenset[str | None]:
    """The chat's address, and its keys as `from_channel` writes them."""
    if not chat.group:
        return frozenset(key.removeprefix("phone:") for key in keys(chat))
    jid = identifier(Party(group=chat.group)) or chat.group
    return frozenset({chat.group, jid, from_channel(jid).key} - {None})
