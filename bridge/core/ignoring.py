"""Which chats are not relayed: the rules that people set for groups and single addresses.

Pure. The words are Evolution's: `groupsIgnore` of the settings, and `ignoreJids` of Chatwoot, in
which ``@g.us`` means all groups and ``@s.whatsapp.net`` all persons.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal, TypeAlias

from bridge.core.identity import identifier, keys
from bridge.core.message import Party, Received
from bridge.core.phone import from_channel

Rule: TypeAlias = Literal["groups_ignored", "jid_ignored"]

_ALL_GROUPS: Final = "@g.us"
_ALL_PERSONS: Final = "@s.whatsapp.net"


def ignoring_rule(event: Received, *, groups_ignore: bool, ignored: Collection[str]) -> Rule | None:
    """The rule by which a message is not relayed; None: it is.

    It is the chat that counts, not who wrote in a group. A number is met in every spelling.
    """
    if event.group and groups_ignore:
        return "groups_ignored"
    if not ignored:
        return None
    if (_ALL_GROUPS if event.group else _ALL_PERSONS) in ignored:
        return "jid_ignored"
    mine = _names(event)
    met = any(jid in mine or from_channel(jid).key in mine for jid in ignored)
    return "jid_ignored" if met else None


def _names(event: Received) -> frozenset[str | None]:
    """The chat's address, and its keys as `from_channel` writes them."""
    if event.group is None:
        return frozenset(key.removeprefix("phone:") for key in keys(event.sender))
    jid = identifier(Party(group=event.group)) or event.group
    return frozenset({event.group, jid, from_channel(jid).key} - {None})
