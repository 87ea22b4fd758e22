"""The bot's conversation tells agents how their number is connected.

The code to scan is a picture that is there while it is valid (`qr_pictures`). What stays to be read
is a *note*: connected, nobody scanned, not connected and why. A note is a job, stored in the commit
that stores the state: it is what agents act on, and it has to survive a Chatwoot that is down and a
restart. A number that reconnects by itself is not mentioned, unless that takes a while
(evolution-chatwoot.md 2.4, without its complaint 20).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, assert_never

import structlog
from pydantic import TypeAdapter

from bridge.clock import Clock
from bridge.core.connection import Closed, LinkState
from bridge.engine.queue import Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import PeerGone, Unavailable
from bridge.relay import lanes
from bridge.relay.announcement_texts import Note, Word, note_of, told
from bridge.relay.directory import Directory, chatwoot_account, chatwoot_peer
from bridge.relay.link_states import ALIVE, Step
from bridge.relay.proof import posted_before
from bridge.relay.qr_pictures import QrPictures
from bridge.store.engine import Store, Unit
from bridge.store.queries import announcements, connections, jobs
from bridge.whatsapp.channel import Session

log = structlog.get_logger(__name__)

ANNOUNCE: Final = "announce"
#: How long (ms) a number may take to reconnect by itself before it is mentioned.
GRACE_MS: Final = 60_000
#: Later (ms) a note is no news any more.
TOO_LATE: Final = 24 * 3600 * 1000

_DOWN: Final = frozenset({Word.LOST, Word.CLOSED, Word.NOT_SCANNED})
_NOTE: Final = TypeAdapter(Note)


@dataclass(slots=True, kw_only=True)
class _Waiting:
    """A number that reconnects; `over` is set when it need not be mentioned."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Future[None] | None = None


class Announcing:
    """Notes, with their `announce` jobs, and pictures."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        clock: Clock,
        language: str,
        proof_delay: int,
    ) -> None:
        """`proof_delay` (ms): how long Rails may still commit after a time-out."""
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock
        self._language = language
        self._proof_delay = proof_delay
        self._pictures = QrPictures(directory, language=language)
        self._waiting: dict[str, _Waiting] = {}

    # -- what happens to connections ---------------------------------------------------------

    def note(self, unit: Unit, step: Step) -> None:
        """Keep what is to be said of a change, in the unit that stores it."""
        word = _word(step)
        if word is not None and isinstance(step.entry.channel, Session):
            until = step.change.until if isinstance(step.change, Closed) else None
            self._keep(unit, step.entry.id, note_of(word, step.after, until=until))

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
        await self._clock.wait(waiting.over, self._clock.ms() + GRACE_MS)
        if waiting.over.is_set():
            return
        try:
            await self._store.write(partial(self._still_lost, instance_id))
        except Unavailable as error:
            log.warning("announcement.not_kept", instance_id=instance_id, error=str(error))

    def _still_lost(self, instance_id: str, unit: Unit) -> None:
        view = connections.one(unit.db, instance_id)
        if view is not None and view.state is LinkState.CONNECTING:
            self._keep(unit, instance_id, note_of(Word.LOST, view))

    def _keep(self, unit: Unit, instance_id: str, note: Note) -> None:
        """Store the job of a note, unless nobody can read it or it was what was said last."""
        url = announcements.place(unit.db, instance_id)
        if url is None:
            return
        ref = f"{ANNOUNCE}:{instance_id}"
        last = jobs.newest(unit.db, ref)
        payload = last["payload"] if last is not None else None
        if not _is_news(note, _NOTE.validate_json(payload) if payload else None):
            return
        self._queue.add(
            unit,
            NewJob(
                kind=ANNOUNCE,
                lane=lanes.announcements(instance_id),
                road=Road.INTERNAL,
                peer=chatwoot_peer(url),
                account=chatwoot_account(instance_id),
                payload=_NOTE.dump_json(note),
                now=self._clock.ms(),
                instance_id=instance_id,
                ref=ref,
            ),
        )

    # -- the job -----------------------------------------------------------------------------

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        side = entry.side if entry is not None else None
        conversation = side.inbox.bot_conversation_id if side is not None else None
        if entry is None or side is None or conversation is None:
            return _UNHEARD
        if self._clock.ms() - job.accepted_at > TOO_LATE:
            return Ignored(rule="announcement.late", reason="Chatwoot was away for too long.")
        text = told(self._language, _NOTE.validate_json(job.payload), instance=entry.instance.name)
        try:
            proved = await posted_before(
                job,
                side.chatwoot,
                conversation,
                _source(job),
                clock=self._clock,
                delay=self._proof_delay,
            )
            if proved is not None:
                return proved
            await side.chatwoot.create_message(
                conversation, content=text, message_type="incoming", source_id=_source(job)
            )
        except PeerGone:  # somebody deleted the conversation; it is made again with the inbox
            return _UNHEARD
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None


_UNHEARD: Final = Ignored(
    rule="announcement.no_conversation", reason="The instance has no bot's conversation."
)


def _source(job: Job) -> str:
    return f"PONTE:state:{job.id}"


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
