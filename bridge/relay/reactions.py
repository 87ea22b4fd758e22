"""Somebody puts an emoji on a message, another one, or takes it away.

Agents see it as a message in answer to the one that it is on. It wakes nobody: while the
conversation is resolved or snoozed it is a private note, and so is what is taken away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from bridge.core.message import Reacted
from bridge.engine.queue import Ignored
from bridge.locale import say
from bridge.relay.targets import Scene, Told
from bridge.relay.wording.attributes import attributes
from bridge.relay.wording.sheet import words
from bridge.store.engine import Unit
from bridge.store.queries import reactions
from bridge.store.queries.reactions import Standing
from bridge.text.convert import literal

#: Characters of the longest emoji; the flags of some regions have seven.
LONGEST = 40


def tell(db: sqlite3.Connection, scene: Scene, event: Reacted) -> Told | Ignored:
    """Pure but for the read: what follows from a reaction, given what stands."""
    sender, at = scene.sender(event), scene.at(event)
    emoji = words(event.emoji, LONGEST) or None
    before = reactions.of(db, scene.instance_id, scene.target_key(event), sender)
    if before is not None and before.at > at:
        return Ignored(rule="reaction.outdated", reason="A newer one is known.")
    keep = _keep(scene, event, sender, Standing(emoji=emoji, at=at))
    if before is not None and before.emoji == emoji:
        return Ignored(rule="duplicate", reason="It stands there already.", write=keep)
    if emoji is None:
        if before is None or before.emoji is None:
            return Ignored(rule="reaction.not_shown", reason="There was none.", write=keep)
        gone = literal(before.emoji)
        note = say(scene.language, "note.unreacted", who=scene.who(event), emoji=gone)
        return Told(note=note, write=keep)
    shown = literal(emoji)
    note = say(scene.language, "note.reacted", who=scene.who(event), emoji=shown)
    return Told(
        text=shown,
        alone=say(scene.language, "reaction.earlier", emoji=shown),
        note=None if event.by_us else note,
        attributes={"is_reaction": True} | attributes("reaction", id=event.id, emoji=emoji),
        write=keep,
    )


def _keep(scene: Scene, event: Reacted, sender: str, now_is: Standing) -> Callable[[Unit], None]:
    target = scene.target_key(event)
    return lambda unit: reactions.put(unit.db, scene.instance_id, target, sender, now_is)
