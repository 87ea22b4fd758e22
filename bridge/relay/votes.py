"""Somebody votes in a poll: agents see what was chosen, and in a group how it stands.

WhatsApp tells digests of the options; the poll itself says which they are, as long as it is kept.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable

from bridge.core.content import Poll
from bridge.core.identity import display_name
from bridge.core.message import Voted
from bridge.engine.queue import Ignored
from bridge.locale import say
from bridge.relay.targets import Scene, Told
from bridge.relay.wording.attributes import attributes
from bridge.relay.wording.sheet import ENTRIES, words
from bridge.store.engine import Unit
from bridge.store.queries import votes
from bridge.store.queries.votes import Choice
from bridge.text.convert import literal

#: A poll has twelve options.
MOST = 100


def tell(db: sqlite3.Connection, scene: Scene, event: Voted) -> Told | Ignored:
    """Pure but for the reads: what follows from a vote, given the others."""
    content = scene.target.heard() if scene.target is not None else None
    poll = content if isinstance(content, Poll) else None
    told = attributes("vote", id=event.id, poll=event.target)
    if event.options is None:
        text = say(scene.language, "vote.unread")
        return Told(text=text, alone=_alone(poll, text), attributes=told)
    sender, at = scene.sender(event), scene.at(event)
    before = votes.of(db, scene.instance_id, scene.target_key(event), sender)
    if before is not None and before.at > at:
        return Ignored(rule="vote.outdated", reason="A newer one is known.")
    choice = Choice(options=tuple(dict.fromkeys(event.options))[:MOST], at=at)
    keep = _keep(scene, event, sender, choice)
    if before is not None and set(before.options) == set(choice.options):
        return Ignored(rule="duplicate", reason="This is what was chosen already.", write=keep)
    if not choice.options:
        if before is None or not before.options:
            return Ignored(rule="vote.not_shown", reason="There was none.", write=keep)
        note = say(scene.language, "note.unvoted", who=scene.who(event))
        return Told(note=note, write=keep)
    if poll is None:
        text = say(scene.language, "vote.unknown_poll")
        return Told(text=text, alone=text, attributes=told, write=keep)
    titles = _titles(poll)
    other = say(scene.language, "vote.other_option")
    chosen = [titles.get(digest) for digest in choice.options]
    named = ", ".join(f"**{literal(title)}**" if title else other for title in chosen)
    key = "vote.changed" if before is not None and before.options else "vote.chose"
    text = say(scene.language, key, options=named)
    tally = _tally(db, scene, event, sender, choice, titles)
    text = f"{text}\n\n{tally}" if tally else text
    return Told(
        text=text,
        alone=_alone(poll, text),
        attributes=attributes(
            "vote", id=event.id, poll=event.target, options=[title for title in chosen if title]
        ),
        write=keep,
    )


def _titles(poll: Poll) -> dict[str, str]:
    """The options by their digests."""
    return {
        hashlib.sha256(option.encode("utf-8", "replace")).hexdigest(): words(option) or "…"
        for option in poll.options
    }


def _alone(poll: Poll | None, text: str) -> str:
    """With the question, where no link shows the poll."""
    return text if poll is None else f"📊 **{literal(words(poll.question) or '…')}**\n\n{text}"


def _tally(  # noqa: PLR0917
    db: sqlite3.Connection,
    scene: Scene,
    event: Voted,
    sender: str,
    choice: Choice,
    titles: dict[str, str],
) -> str:
    """How the poll stands, once more than one has voted."""
    others = votes.others(db, scene.instance_id, scene.target_key(event), sender)
    if not others:
        return ""
    counts = Counter(digest for one in (*others, choice.options) for digest in set(one))
    lines = [
        f"{literal(title)}: {counts[digest]}" for digest, title in titles.items() if counts[digest]
    ]
    return say(scene.language, "vote.tally", tally=" · ".join(lines[:ENTRIES]))


def _keep(scene: Scene, event: Voted, sender: str, choice: Choice) -> Callable[[Unit], None]:
    name = display_name(event.sender)[:100] if event.sender is not None else None
    return lambda unit: votes.put(
        unit.db, scene.instance_id, scene.target_key(event), sender, choice, name=name
    )
