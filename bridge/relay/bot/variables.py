"""What a flow is told when it starts: Evolution's names, and what we know beside them.

A name counts only where the flow declares a variable of it (evolution-instance-typebot.md 5.7).
Nothing secret is among them but `apiKey`: a key that opens only what a flow may do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.core.identity import e164, identifier
from bridge.relay.bot.memory import Heard
from bridge.relay.bot.utterances import type_of, words_of
from bridge.relay.directory import Entry
from bridge.store.queries.chats import ChatRow
from bridge.typebot.taming import tamed

#: A longer text is cut: Typebot stores each variable with every step of a session.
LONGEST: Final = 8000

#: Ours by the names of an advertisement's fields in the Cloud API.
_AD: Final = {
    "ctwaClid": ("ctwa_clid",),
    "adTitle": ("headline", "title"),
    "adBody": ("body", "description"),
    "adSourceUrl": ("source_url",),
    "adSourceId": ("source_id",),
    "adSourceType": ("source_type",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known beside the chat: all of it may be absent. `key` is a flow's own key."""

    public_url: str = ""
    owner_jid: str | None = None
    key: str | None = None


def prefilled(
    entry: Entry,
    chat: ChatRow,
    heard: Sequence[Heard],
    *,
    given: Mapping[str, Any],
    around: Surroundings,
) -> dict[str, Any]:
    """The variables of a new session. `given` are somebody's own, below ours."""
    party, side = chat.party, entry.side
    found: dict[str, Any] = {
        "remoteJid": identifier(party),
        "pushName": party.name,
        "instanceName": entry.instance.name,
        "serverUrl": around.public_url or None,
        "apiKey": around.key,
        "ownerJid": around.owner_jid,
        "number": e164(party),
        "isGroup": party.group is not None,
        "language": entry.language,
        "conversationId": chat.conversation_id,
        "chatwootContactId": chat.contact_id,
        "chatwootContactName": chat.contact_name,
        "chatwootInboxId": side.inbox_id if side else None,
        "chatwootAccountId": side.inbox.account_id if side else None,
        "firstMessage": words_of(heard) or None,
        "messageType": type_of(heard[0].content) if heard else None,
        **_ad(heard),
    }
    known = {name: _short(value) for name, value in found.items() if value is not None}
    return {**given, **known}


def _ad(heard: Sequence[Heard]) -> dict[str, str]:
    """Of the advertisement by which somebody came: decoration, never part of the text."""
    told = next((one.referral for one in heard if one.referral), None) or {}
    found: dict[str, str] = {}
    for name, keys in _AD.items():
        value = next((told[key] for key in keys if told.get(key)), None)
        if isinstance(value, str | int):
            found[name] = str(value)
    return found


def _short(value: object) -> object:
    """What strangers chose (names, advertisements, texts) is nothing that a flow asks of us."""
    return tamed(value[:LONGEST]) if isinstance(value, str) else value
