"""The bot's conversation tells agents how their number is connected.

The code to scan is a picture that is there while it is valid (`qr_pictures`). What stays to be read
is a *note*: connected, nobody scanned, not connected and why. A note is said in the unit that
stores the state (`room.tell`): it is what agents act on. A number that reconnects by itself is not
mentioned, unless that takes a while, or happens again and again: then one notice counts the losses,
and another one ends it (evolution-chatwoot.md 2.4, without its complaint 20).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final, assert_never

import orjson
import structlog
from pydantic import TypeAdapter

from bridge.clock import Clock
from bridge.core.connection import LOGGED_OUT, Closed, LinkState
from bridge.core.steadiness import MINUTE, PATIENCE, Losses, lost, quiet_at
from bridge.engine.queue import Queue
from bridge.errors import Unavailable
from bridge.locale import say
from bridge.relay.announcement_texts import Note, Word, note_of, told
from bridge.relay.directory import Directory, Entry
from bridge.relay.link_states import ALIVE, Step
from bridge.relay.qr_pictures import QrPictures
from bridge.relay.room import Room, is_heard, saying
from bridge.relay.spans import span
from bridge.store.engine import Store, Unit
from bridge.store.queries import connections, jobs, rooms
from bridge.text.convert import literal
from bridge.whatsapp.channel import Session
from bridge.whatsapp.qr import Qr

log = structlog.get_logger(__name__)

#: How long (ms) a number may take to reconnect by itself before it is mentioned.
GRACE_MS: Final = MINUTE

_UNSTABLE: Final = "unstable"
_DOWN: Final = frozenset({Word.LOST, Word.CLOSED, Word.NOT_SCANNED})
_NOTE: Final = TypeAdapter(Note)


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """A number that reconnects; `over` is set when it need not be mentioned."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Future[None] | None = None


class Announcing:
    """Notes and pictures."""

    def __init__(
        self, *, store: Store, queue: Queue, directory: Directory, clock: Clock, room: Room
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock
        self._pictures = QrPictures(store, directory, room)
        self._waiting: dict[str, _Waiting] = {}
        #: Instances that somebody disconnects in the room, where the answer says so.
        self._answered: set[str] = set()

    # -- what happens to connections ---------------------------------------------------------

    async def begin(self) -> None:
        """Take away codes that an earlier run left standing."""
        await self._pictures.begin()

    def note(self, unit: Unit, step: Step) -> None:
        """Keep what is to be said of a change, in the unit that stores it."""
        entry = self._directory.by_id(step.entry.id) or step.entry
        if not isinstance(step.entry.channel, Session):
            return
        if _is_loss(step):
            self._count(unit, entry)
        word = _word(step)
        if word is None:
            return
        if word in (Word.CONNECTED, Word.CLOSED):
            self._settle(unit, entry.id)
        if word is Word.CLOSED and step.after.code == LOGGED_OUT and entry.id in self._answered:
            return
        until = step.change.until if isinstance(step.change, Closed) else None
        self._keep(unit, entry, note_of(word, step.after, until=until))

    def moved(self, step: Step) -> None:
        """Show or take away a code, and see how long a number takes to reconnect."""
        id_, after = step.entry.id, step.after
        if not isinstance(step.entry.channel, Session):
            return
        self._pictures.show(id_, step.qr)
        reconnects = (
            after.state is LinkState.CONNECTING and step.qr is None and after.owner_jid is not None
        )
        if not reconnects:
            self._reconnected(id_)
        elif id_ not in self._waiting:
            waiting = self._waiting[id_] = _Waiting()
            waiting.task = asyncio.ensure_future(self._wait(id_, waiting))

    def repost(self, instance_id: str, qr: Qr) -> None:
        """Show a code once more that stands there already: somebody looks for it."""
        self._pictures.repost(instance_id, qr)

    @contextmanager
    def answering(self, instance_id: str) -> Iterator[None]:
        """Within this, a logout is told by the answer to a command, and by no note beside it."""
        self._answered.add(instance_id)
        try:
            yield
        finally:
            self._answered.discard(instance_id)

    async def forget(self, instance_id: str) -> None:
        """Its instance goes."""
        self._reconnected(instance_id)
        await self._pictures.forget(instance_id)

    async def stop(self) -> None:
        """Wait for nothing any more. Notes are stored, or begin anew at the next start."""
        tasks = [one.task for one in self._waiting.values() if one.task is not None]
        for id_ in list(self._waiting):
            self._reconnected(id_)
        await asyncio.gather(*tasks, self._pictures.stop(), return_exceptions=True)

    def _reconnected(self, instance_id: str) -> None:
        waiting = self._waiting.pop(instance_id, None)
        if waiting is not None:
            waiting.over.set()

    async def _wait(self, instance_id: str, waiting: _Waiting) -> None:
        until: int | None = self._clock.ms() + GRACE_MS
        while until is not None:
            await self._clock.wait(waiting.over, until)
            if waiting.over.is_set():
                return
            try:
                until = await self._store.write(partial(self._still_lost, instance_id))
            except Unavailable as error:
                log.warning("announcement.not_kept", instance_id=instance_id, error=str(error))
                return

    def _still_lost(self, instance_id: str, unit: Unit) -> int | None:
        """Mention it; None: that is all, else when to look again."""
        entry = self._directory.by_id(instance_id)
        view = connections.one(unit.db, instance_id)
        if entry is None or view is None or view.state is not LinkState.CONNECTING:
            return None
        lasted = self._clock.ms() - view.changed_at
        if lasted < PATIENCE and _UNSTABLE in rooms.said(unit.db, instance_id).alerts:
            return view.changed_at + PATIENCE
        self._keep(unit, entry, note_of(Word.LOST, view, lasted=lasted))
        return None

    def _keep(self, unit: Unit, entry: Entry, note: Note) -> None:
        """Say it, unless nobody can read it or it was what was said last."""
        ref = f"state:{entry.id}"
        last = jobs.newest(unit.db, ref)
        payload = orjson.loads(last["payload"]) if last is not None and last["payload"] else None
        before = _NOTE.validate_python(payload["note"]) if payload else None
        if not is_heard(entry) or not _is_news(note, before):
            return
        inbox = entry.inbox.told if entry.inbox is not None else {}
        text = told(entry.language, note, instance=entry.instance.name, inbox=inbox)
        said = orjson.dumps({"text": text, "note": _NOTE.dump_python(note, mode="json")})
        self._queue.add(unit, saying(entry, said, now=self._clock.ms(), ref=ref))

    # -- how steady it is ----------------------------------------------------------------------

    def _count(self, unit: Unit, entry: Entry) -> None:
        """The connection was lost once more."""
        now = self._clock.ms()
        said = rooms.said(unit.db, entry.id)
        before = Losses(count=said.losses, since=said.losses_since, told=_UNSTABLE in said.alerts)
        after, is_news = lost(before, now)
        rooms.losses(unit.db, entry.id, after.count, after.since)
        if not is_news or not is_heard(entry):
            return
        rooms.alert(unit.db, entry.id, _UNSTABLE, now)
        self._say(unit, entry, "bot.unstable", after.count, now - (after.since or now))

    def _say(self, unit: Unit, entry: Entry, key: str, count: int, lasted: int) -> None:
        if not is_heard(entry):
            return
        text = say(
            entry.language,
            key,
            name=literal(entry.instance.name),
            count=count,
            span=span(entry.language, lasted),
        )
        self._queue.add(unit, saying(entry, orjson.dumps({"text": text}), now=self._clock.ms()))

    def _settle(self, unit: Unit, instance_id: str) -> None:
        """What is said now is about another connection."""
        said = rooms.said(unit.db, instance_id)
        if said.losses:
            rooms.losses(unit.db, instance_id, 0, None)
        if _UNSTABLE in said.alerts:
            rooms.alert(unit.db, instance_id, _UNSTABLE, None)

    async def look(self) -> None:
        """Tell of unstable numbers that have become stable; to be called now and then."""
        unstable = await self._store.read(lambda db: rooms.alerts(db, _UNSTABLE))
        for instance_id in unstable:
            await self._store.write(partial(self._is_stable, instance_id))

    def _is_stable(self, instance_id: str, unit: Unit) -> None:
        entry = self._directory.by_id(instance_id)
        said, view = rooms.said(unit.db, instance_id), connections.one(unit.db, instance_id)
        if entry is None or view is None or _UNSTABLE not in said.alerts:
            return
        last = max(view.closed_at or 0, said.alerts[_UNSTABLE])
        if view.state is LinkState.OPEN and self._clock.ms() >= quiet_at(last):
            self._say(unit, entry, "bot.stable", said.losses, last - (said.losses_since or last))
            self._settle(unit, instance_id)


def _is_loss(step: Step) -> bool:
    """A connection broke by itself: nobody ended it, and the channel connects again."""
    change = step.change
    return step.before.state is LinkState.OPEN and isinstance(change, Closed) and change.again


def _word(step: Step) -> Word | None:
    """What a change means to agents; None: nothing, or not yet."""
    before, after = step.before.state, step.after.state
    if step.opens:
        return Word.CONNECTED if step.is_login else Word.AGAIN
    if after is LinkState.REFUSED and before is not after:
        return Word.NOT_SCANNED
    if after is LinkState.CLOSED and before in ALIVE:
        return Word.CLOSED
    return None


def _is_news(note: Note, last: Note | None) -> bool:
    was_down = last is not None and last.word in _DOWN
    match note.word:
        case Word.AGAIN:
            return was_down
        case Word.LOST:
            return not was_down
        case Word.CLOSED:
            return last is None or (last.word, last.code) != (note.word, note.code)
        case Word.CONNECTED | Word.NOT_SCANNED:
            return True
        case _:
            assert_never(note.word)
