"""The names of events to which a webhook or transport may subscribe.

Source: evolution-instance-typebot.md 3.4. A name is known in upper snake, as it goes over the wire
(``group-participants.update``), and in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

#: Every name that an Evolution of any version knows, in the order of its documentation.
EVENTS: Final = (
    "APPLICATION_STARTUP",
    "INSTANCE_CREATE",
    "INSTANCE_DELETE",
    "QRCODE_UPDATED",
    "CONNECTION_UPDATE",
    "STATUS_INSTANCE",
    "MESSAGES_SET",
    "MESSAGES_UPSERT",
    "MESSAGES_EDITED",
    "MESSAGES_UPDATE",
    "MESSAGES_DELETE",
    "SEND_MESSAGE",
    "SEND_MESSAGE_UPDATE",
    "CONTACTS_SET",
    "CONTACTS_UPSERT",
    "CONTACTS_UPDATE",
    "PRESENCE_UPDATE",
    "CHATS_SET",
    "CHATS_UPSERT",
    "CHATS_UPDATE",
    "CHATS_DELETE",
    "GROUPS_UPSERT",
    "GROUP_UPDATE",
    "GROUP_PARTICIPANTS_UPDATE",
    "CALL",
    "TYPEBOT_START",
    "TYPEBOT_CHANGE_STATUS",
    "LABELS_EDIT",
    "LABELS_ASSOCIATION",
    "REMOVE_INSTANCE",
    "LOGOUT_INSTANCE",
    "NEW_JWT_TOKEN",
    "CHAMA_AI_ACTION",
)

#: Wire names from which Evolution derives another name than the one it documents.
_ALIASES: Final = {"GROUPS_UPDATE": "GROUP_UPDATE", "NEW_JWT": "NEW_JWT_TOKEN"}
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Names:
    """`known` as they were ordered; `ignored` are the names that no event has, in upper snake."""

    known: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.known or self.ignored)

    @property
    def subscribed(self) -> tuple[str, ...]:
        """What is stored. A list of unknown names alone stays: an empty one would mean all."""
        return self.known or self.ignored[:1]


def recognised(given: Iterable[str]) -> Names:
    """Tell the known names from the others, each once."""
    known: dict[str, None] = {}
    ignored: dict[str, None] = {}
    for name in given:
        found = _KNOWN.get(_squeezed(name))
        if found is not None:
            known[found] = None
        else:
            ignored[re.sub(r"[^A-Z0-9]+", "_", name.upper())[:_LONGEST]] = None
    return Names(tuple(known), tuple(ignored))


def _squeezed(name: str) -> str:
    return re.sub(r"[\s._-]+", "", name).upper()


_KNOWN: Final = {_squeezed(name): name for name in EVENTS} | {
    _squeezed(alias): name for alias, name in _ALIASES.items()
}
