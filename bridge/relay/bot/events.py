"""What is told of flows: a session has begun, it is opened, paused, closed or gone.

Names and bodies are Evolution's (evolution-instance-typebot.md 3.5), of the version whose words the
instance speaks. Whoever knows Typebot's id of a session can speak in it, so events do not have it:
`session.id` is ours. Keys for flows stand in no event either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from bridge.clock import utc
from bridge.core.flow import Next
from bridge.core.handoff import Phase, word
from bridge.core.identity import identifier
from bridge.core.instance import Dialect
from bridge.relay.bot.memory import memory_of
from bridge.relay.directory import Entry
from bridge.relay.events import Events
from bridge.store.engine import Unit
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow

STARTED: Final = "typebot.start"
CHANGED: Final = "typebot.change-status"
#: Those who speak Evolution 1's words; L2MSG's clients are among them.
V1: Final = frozenset({Dialect.V1_LEGACY, Dialect.V1, Dialect.L2})
#: The variable that holds a key.
_KEY: Final = "apiKey"


class BotEvents:
    """Every method is part of the caller's unit."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def changed(  # noqa: PLR0917
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        talk: TalkRow,
        status: str,
        now: int,
    ) -> None:
        """The session is opened, paused or closed now; `delete`: it is gone.

        `opened` without a session: flows may speak again, and none runs (as Evolution, 3.5).
        """
        told: dict[str, Any] = {"remoteJid": identifier(chat.party), "status": status}
        if entry.instance.dialect in V1:
            told |= {"url": talk.url, "typebot": talk.typebot}
        if status != "delete" and not (status == "opened" and not talk.state.is_live):
            dated = replace(talk, created_at=talk.created_at or now, updated_at=now)
            told["session"] = told_session(chat, dated) | {"status": status}
        self._events.emit(unit, entry, CHANGED, told)

    def started(self, unit: Unit, entry: Entry, chat: ChatRow, talk: TalkRow) -> None:
        """A session has begun; `talk` has, in its memory, its variables."""
        variables = told_variables(memory_of(talk).variables)
        name = "prefilledVariables" if entry.instance.dialect in V1 else "variables"
        self._events.emit(
            unit,
            entry,
            STARTED,
            {
                "remoteJid": identifier(chat.party),
                "url": talk.url,
                "typebot": talk.typebot,
                name: variables,
                "sessionId": str(chat.id),
            },
        )


def told_session(chat: ChatRow, talk: TalkRow) -> dict[str, Any]:
    """A session without its secrets, in the form of Evolution's row (5.2)."""
    return {
        "id": str(chat.id),
        "sessionId": str(chat.id),
        "remoteJid": identifier(chat.party),
        "pushName": chat.party.name,
        "status": word(talk.state),
        "awaitUser": talk.state.phase is Phase.WAITING and talk.state.next is Next.WAIT,
        "context": None,
        "type": "typebot",
        "createdAt": _moment(talk.created_at),
        "updatedAt": _moment(talk.updated_at),
        "instanceId": talk.instance_id,
        "parameters": told_variables(memory_of(talk).variables),
        "botId": talk.bot_id,
    }


def told_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a session, without the flow's key."""
    return {name: value for name, value in variables.items() if name != _KEY}


def _moment(ms: int) -> str:
    return utc(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
