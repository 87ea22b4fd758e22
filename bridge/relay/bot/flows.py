"""The flows of each instance as turns need them: read once, and again after every change."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from bridge.core.flow import Ending, Status
from bridge.core.handoff import Policy
from bridge.core.typebot import BotSettings, StoredBot, merged
from bridge.relay.directory import Entry
from bridge.store.engine import Unit
from bridge.store.queries import bots

HOUR_MS = 3_600_000
_STATUS = {"open": Status.OPEN, "keep": Status.KEEP, "resolve": Status.RESOLVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """What an instance has: its flows in the order in which they were made, and its settings."""

    bots: tuple[StoredBot, ...] = ()
    settings: BotSettings | None = None

    @property
    def is_on(self) -> bool:
        """Whether a flow may speak at all."""
        return any(one.bot.enabled for one in self.bots)

    def one(self, bot_id: str | None) -> StoredBot | None:
        return next((one for one in self.bots if one.id == bot_id), None)

    def merged(self, bot_id: str | None) -> BotSettings:
        """What holds for a flow; of one that was deleted, or never stored, the instance's."""
        found = self.one(bot_id)
        return merged(found.bot if found is not None else None, self.settings)


class Shelf:
    """Flows by instance. Whoever changes them says so with `changed`, in the same unit."""

    def __init__(self) -> None:
        self._known: dict[str, Flows] = {}

    def of(self, db: sqlite3.Connection, instance_id: str) -> Flows:
        found = self._known.get(instance_id)
        if found is None:
            # A reader may see what was before a commit: it never replaces what `changed` kept.
            found = self._known.setdefault(instance_id, _read(db, instance_id))
        return found

    def changed(self, unit: Unit, instance_id: str) -> Flows:
        """Keep what the unit has made of the flows, from its commit on; gives it."""
        found = _read(unit.db, instance_id)
        unit.after_commit.append(lambda: self._known.update({instance_id: found}))
        return found

    def forget(self, instance_id: str) -> None:
        """The instance is gone."""
        self._known.pop(instance_id, None)


def _read(db: sqlite3.Connection, instance_id: str) -> Flows:
    return Flows(
        bots=tuple(bots.of_instance(db, instance_id)), settings=bots.settings(db, instance_id)
    )


def policy_of(entry: Entry, settings: BotSettings) -> Policy:
    """What the hand-off goes by, of an instance, its inbox and a flow's settings."""
    inbox = entry.inbox
    chatwoot = entry.side is not None
    restart = {"trigger": 0, "never": None, "hours": round(settings.restart_hours * HOUR_MS)}
    return Policy(
        chatwoot=chatwoot,
        pending=bool(chatwoot and inbox is not None and inbox.conversation_pending),
        hand_off=settings.hand_off,
        stop_from_me=settings.stop_bot_from_me,
        on_end=ending_of(settings),
        restart_after=None if settings.keep_open else restart[settings.restart],
        pause_for=round(settings.pause_hours * HOUR_MS) or None,
    )


def ending_of(settings: BotSettings) -> Ending:
    """What a flow's settings want done with the conversation at its end."""
    return Ending(
        status=_STATUS[settings.on_end],
        team=settings.end_team or None,
        agent=settings.end_agent or None,
        labels=settings.end_labels,
    )
