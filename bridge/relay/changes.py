"""What changes an earlier message: reactions, edits and votes, each told to agents once.

The job waits in the chat's own lane, so it comes after the message that it is about. Where that is
neither in Chatwoot nor on its way there, it is awaited for ten seconds, beside the lane, so that
it can still arrive; then the change is told without it (whatsapp-channels.md E.5).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import assert_never

import orjson

from bridge.chatwoot.models import Message
from bridge.clock import Clock, to_ms
from bridge.core.conversation import Origin
from bridge.core.identity import merge
from bridge.core.ignoring import chat_of
from bridge.core.message import EVENT, MADE_UP, Edited, Reacted, Voted
from bridge.core.party import Party
from bridge.engine.accept import is_new
from bridge.engine.queue import (
    LOCAL,
    Again,
    Dead,
    Delivered,
    Ignored,
    Job,
    NewJob,
    Outcome,
    Queue,
    Road,
)
from bridge.errors import PeerRefused
from bridge.relay import edits, lanes, reactions, votes
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.incoming import source_id
from bridge.relay.linking import learn_of, place_and_link
from bridge.relay.notes import note_job
from bridge.relay.people import Heard
from bridge.relay.posting import Posted, Posting, ready, rule_of
from bridge.relay.revocations import is_deleted
from bridge.relay.targets import Change, Scene, Told, message_id, scene_of, speaker
from bridge.store.engine import Store, Unit
from bridge.store.queries import bindings, chats, jobs, standing
from bridge.text.convert import neutralise_liquid

REACTED, EDITED, VOTED = "reacted", "edited", "voted"
#: The kind of jobs that wait for the message that a change is about.
AWAITED = "awaited"
#: So long (ms) it is awaited, and looked for so often (ms).
WAIT = 10_000
PAUSE = 500


class Changes:
    """Accepts changes, and runs `reacted`, `edited`, `voted` and `awaited` jobs."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        directory: Directory,
        posting: Posting,
        clock: Clock,
        *,
        deletes: bool,
    ) -> None:
        """`deletes`: what is deleted on WhatsApp is deleted in Chatwoot too."""
        self._deletes = deletes
        self._store = store
        self._queue = queue
        self._directory = directory
        self._posting = posting
        self._clock = clock

    def accept(
        self, unit: Unit, entry: Entry, event: Change, now: int, trace_id: str | None
    ) -> None:
        """Keep a change, once. It is no message: the 24-hour window does not begin anew."""
        if not is_new(unit, f"{event.event}:{entry.id}:{message_id(event)}", now):
            _ignore(unit, "duplicate")
            return
        heard = Heard(evidence=event.id, at=to_ms(event.at), now=now)
        chat_id = place_and_link(self._queue, unit, entry, chat_of(event), heard, trace_id=trace_id)
        learn_of(self._queue, unit, entry, [event.sender], heard, trace_id=trace_id)
        if chat_id is None:
            _ignore(unit, "whatsapp.no_sender")
            return
        payload = orjson.dumps(event)
        is_near = _is_near(unit.db, entry.id, chat_id, event.target)
        # Nor does it overtake a change that waited and has not heard yet that its message is here.
        is_second = jobs.is_on_its_way(unit.db, lanes.awaited(chat_id), event.target)
        make = _job if is_near and not is_second else _awaiting_job
        self._queue.add(unit, make(entry, event, payload, chat_id, now, trace_id))

    async def run(self, job: Job) -> Outcome:
        event = EVENT.validate_json(job.payload)
        if not isinstance(event, Reacted | Edited | Voted):
            return Dead(cause="internal.payload", reason="The stored event is of another kind.")
        if job.kind == AWAITED:
            return await self._await(job, event)
        reached = ready(self._directory, job)
        if isinstance(reached, Ignored):
            return reached
        entry, side = reached
        now = self._clock.ms()

        def read(db: sqlite3.Connection) -> tuple[Scene, Told | Ignored]:
            scene = scene_of(db, entry.id, job.chat_id or 0, event, now, entry.language)
            if scene is None:
                raise PeerRefused("The chat of this message was deleted.", code="chat.gone")
            chat_id = scene.chat.id
            if (
                self._deletes
                and isinstance(event, Edited)
                and is_deleted(db, entry.id, chat_id, event)
            ):
                return scene, Ignored(rule="edited.deleted", reason="The message was deleted.")
            return scene, _told(db, scene, entry, event)

        scene, told = await self._store.read(read)
        rule = rule_of(entry, side, merge(scene.chat.party, chat_of(event)))
        if rule is not None:
            return Ignored(rule=rule, reason="The settings of this instance say so.")
        if isinstance(told, Ignored):
            return told
        return await self._tell(job, entry, side, event, scene, told)

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _await(self, job: Job, event: Change) -> Outcome:
        """End once the message is there or on its way, or time is up; then the change is told."""
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        now = self._clock.ms()
        near = partial(
            _is_near, instance_id=entry.id, chat_id=job.chat_id or 0, target=event.target
        )
        if now < job.accepted_at + WAIT and not await self._store.read(near):
            return Again(due_at=now + PAUSE, why="its message is not here yet")

        def write(unit: Unit) -> None:
            chat = chats.surviving(unit.db, job.chat_id or 0)
            chat_id = chat.id if chat is not None else job.chat_id or 0
            told = _job(entry, event, job.payload, chat_id, now, job.trace_id)
            self._queue.add(unit, told)

        return Delivered(write=write)

    async def _tell(  # noqa: PLR0917
        self, job: Job, entry: Entry, side: Side, event: Change, scene: Scene, told: Told
    ) -> Outcome:
        source, chat = source_id(message_id(event)), scene.chat
        if job.is_suspect and told.text is not None:
            found = await self._posting.proved(job, side, source, chat)
            if isinstance(found, Again):
                return found
            if found is not None:
                where = Posted(
                    chat_id=chat.id,
                    conversation_id=found.conversation_id,
                    message_id=found.message_id,
                )
                return self._delivered(job, event, told, where)
        if (
            told.note is not None
            and chat.conversation_id is not None
            and (told.text is None or await self._posting.is_asleep(side, chat))
        ):
            return Delivered(write=self._noted(job, entry, scene, told, chat.conversation_id))
        if told.text is None:  # it was shown in a conversation that is gone
            return Ignored(rule="chatwoot.conversation_gone", write=told.write)
        text = told.text

        async def post(conversation_id: int) -> Message:
            quoted = _quoted(event, scene, conversation_id)
            shown = text if "in_reply_to" in quoted else told.alone
            return await side.chatwoot.create_message(
                conversation_id,
                content=_signed(event, scene, shown),
                message_type="outgoing" if event.by_us else "incoming",
                source_id=source,
                content_attributes={**told.attributes, **quoted},
            )

        origin = Origin.PHONE if event.by_us else Origin.CUSTOMER
        posted = await self._posting.into(job, entry, side, chat, post, origin=origin)
        if isinstance(posted, Ignored):
            return replace(posted, write=told.write)
        return self._delivered(job, event, told, posted)

    def _noted(
        self, job: Job, entry: Entry, scene: Scene, told: Told, conversation_id: int
    ) -> Callable[[Unit], None]:
        now = self._clock.ms()
        about = scene.link

        def write(unit: Unit) -> None:
            note = note_job(
                entry,
                chat_id=scene.chat.id,
                conversation_id=conversation_id,
                about=about.chatwoot_id if about is not None else None,
                text=told.note or "",
                now=now,
                trace_id=job.trace_id,
            )
            self._queue.add(unit, note)
            told.write(unit)

        return write

    def _delivered(self, job: Job, event: Change, told: Told, posted: Posted) -> Delivered:
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            ids = [message_id(event)]
            if isinstance(event, Edited) and MADE_UP not in event.id:
                ids.append(event.id)  # an answer may quote the edit itself
            standing.tells(
                unit.db,
                instance_id=job.instance_id or "",
                chat_id=posted.chat_id,
                job_id=job.id,
                whatsapp_ids=ids,
                chatwoot_id=posted.message_id,
                conversation_id=posted.conversation_id,
                now=now,
            )
            bindings.posted(unit.db, posted.chat_id, opens=not event.by_us, now=now)
            told.write(unit)

        return Delivered(write=write)


def _told(db: sqlite3.Connection, scene: Scene, entry: Entry, event: Change) -> Told | Ignored:
    match event:
        case Reacted():
            return reactions.tell(db, scene, event)
        case Edited():
            return edits.tell(db, scene, entry, event)
        case Voted():
            return votes.tell(db, scene, event)
        case _:
            assert_never(event)


def _signed(event: Change, scene: Scene, text: str) -> str:
    """Outgoing texts run as Liquid, and in a group it is said who it is."""
    if event.by_us:
        return neutralise_liquid(text)
    if not scene.chat.party.group:
        return text
    return f"**{speaker(event.sender or Party(), scene.language)}:**\n\n{text}"


def _quoted(event: Change, scene: Scene, conversation_id: int) -> dict[str, object]:
    """The link to the message; Chatwoot quotes within one conversation only."""
    target = scene.target
    quoted: dict[str, object] = {"in_reply_to_external_id": source_id(event.target)}
    if target is not None and target.conversation_id == conversation_id:
        quoted["in_reply_to"] = target.chatwoot_id
    return quoted


def _is_near(db: sqlite3.Connection, instance_id: str, chat_id: int, target: str) -> bool:
    """Whether a message stands in Chatwoot, or will before what is put into the lane now."""
    chat = chats.surviving(db, chat_id)
    if chat is None or standing.message(db, instance_id, target, chat.id) is not None:
        return True
    return jobs.is_on_its_way(db, lanes.to_chatwoot(chat.id), target)


def _job(  # noqa: PLR0917
    entry: Entry, event: Change, payload: bytes, chat_id: int, now: int, trace_id: str | None
) -> NewJob:
    return NewJob(
        kind=event.event,
        lane=lanes.to_chatwoot(chat_id),
        road=Road.INBOUND,
        peer=entry.chatwoot_peer,
        account=entry.chatwoot_account,
        payload=payload,
        now=now,
        instance_id=entry.id,
        chat_id=chat_id,
        ref=event.id,
        trace_id=trace_id,
    )


def _awaiting_job(  # noqa: PLR0917
    entry: Entry, event: Change, payload: bytes, chat_id: int, now: int, trace_id: str | None
) -> NewJob:
    return replace(
        _job(entry, event, payload, chat_id, now, trace_id),
        kind=AWAITED,
        lane=lanes.awaited(chat_id),
        ref=event.target,
        road=Road.INTERNAL,
        peer=LOCAL,
        account=LOCAL,
    )


def _ignore(unit: Unit, rule: str) -> None:
    unit.count(Road.INBOUND, "accepted")
    unit.count(Road.INBOUND, "ignored", rule)
