"""Somebody deleted a message for everyone on WhatsApp: agents keep it, and read that it is gone.

The message stays where it is in Chatwoot, since agents may have acted on it; a private note below
it says who deleted it. Where the settings say so it is deleted there too, with what it was edited
to, once all parts of it are gone.

The job waits in the chat's own lane, so it comes after its message. When the message is not in
Chatwoot (yet), the ended job is the tombstone: whoever posts the message later has it run once
more (`overtaken`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import orjson

from bridge.chatwoot.client import Chatwoot
from bridge.clock import Clock, to_ms
from bridge.core.identity import are_two, keys
from bridge.core.ignoring import chat_of
from bridge.core.message import EVENT, Edited, Revoked
from bridge.core.party import Party
from bridge.engine.accept import is_new
from bridge.engine.queue import (
    LOCAL,
    Dead,
    Delivered,
    Ignored,
    Job,
    NewJob,
    Outcome,
    Queue,
    Road,
)
from bridge.errors import PeerGone
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry
from bridge.relay.healing import repeatable
from bridge.relay.linking import learn_of, place_and_link
from bridge.relay.notes import note_job
from bridge.relay.people import Heard
from bridge.relay.retrying import by_agent, by_ponte, tombstone
from bridge.relay.targets import author_of, event_of, may_delete
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, ledger, seen, standing

REVOKED = "revoked"
NOT_HERE = "revoked.not_here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The deleted message in Chatwoot, as one read of the database shows it."""

    chat_id: int
    row_id: int
    chatwoot_id: int
    conversation_id: int
    is_customers: bool
    is_group: bool
    #: Somebody else wrote it than who alone may have deleted it.
    is_forged: bool
    #: An agent deleted it in Chatwoot, and what we hear now is the echo of our own deletion.
    by_agent: bool


class Revocations:
    """Accepts deletions, and runs the `revoked` jobs that tell agents."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        directory: Directory,
        clock: Clock,
        *,
        deletes: bool,
    ) -> None:
        """`deletes`: what is deleted on WhatsApp is deleted in Chatwoot too."""
        self._deletes = deletes
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock

    def accept(
        self, unit: Unit, entry: Entry, event: Revoked, now: int, trace_id: str | None
    ) -> None:
        """Keep a deletion behind the message in its lane; one of each message counts."""
        heard = Heard(evidence=event.id, at=to_ms(event.at), now=now)
        chat_id = place_and_link(self._queue, unit, entry, chat_of(event), heard, trace_id=trace_id)
        learn_of(self._queue, unit, entry, [event.author], heard, trace_id=trace_id)
        if chat_id is None:
            _ignore(unit, "whatsapp.no_sender")
            return
        who = next(iter(keys(event.author or Party())), "us" if event.by_us else "them")
        if not is_new(unit, f"revoked:{entry.id}:{chat_id}:{who}:{event.target}", now):
            _ignore(unit, "duplicate")
            return
        self._queue.add(
            unit,
            NewJob(
                kind=REVOKED,
                lane=lanes.to_chatwoot(chat_id),
                road=Road.INBOUND,
                peer=entry.chatwoot_peer if self._deletes else LOCAL,
                account=entry.chatwoot_account if self._deletes else LOCAL,
                payload=orjson.dumps(event),
                now=now,
                instance_id=entry.id,
                chat_id=chat_id,
                ref=event.target,
                trace_id=trace_id,
            ),
        )

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        if entry is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        event = EVENT.validate_json(job.payload)
        if not isinstance(event, Revoked):
            return Dead(cause="internal.payload", reason="The stored event is of another kind.")
        found = await self._store.read(lambda db: _standing(db, job, event))
        if found is None:
            await self._delete_telling(job, entry, event)
            return Ignored(rule=NOT_HERE, reason="The message does not stand in Chatwoot.")
        if found.by_agent:
            return Ignored(rule="echo", reason="An agent deleted it in Chatwoot.")
        # Whoever deletes a message wrote it, but for the admins of a group.
        if found.is_forged or (not found.is_group and found.is_customers is event.by_us):
            return Ignored(rule="revoked.not_theirs", reason="Somebody else wrote the message.")
        chatwoot = entry.chatwoot
        gone = await self._to_delete(entry, event, found) if self._deletes and chatwoot else []
        if not gone or chatwoot is None:
            return Delivered(write=self._told(entry, job, event, found))
        await self._delete(job, chatwoot, gone)
        return Delivered()

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _delete_telling(self, job: Job, entry: Entry, event: Revoked) -> None:
        """What a message was edited to may stand in Chatwoot without it."""
        if not self._deletes or entry.chatwoot is None:
            return

        def work(unit: Unit) -> list[tuple[int, int]]:
            chat = chats.surviving(unit.db, job.chat_id or 0)
            if chat is None:
                return []
            # Nothing else says who wrote the message that was deleted.
            return self._telling(
                unit, entry, event, chat.id, only=lambda told: may_delete(event, event_of(told))
            )

        await self._delete(job, entry.chatwoot, await self._store.write(work, durable=True))

    async def _delete(self, job: Job, chatwoot: Chatwoot, gone: Sequence[tuple[int, int]]) -> None:
        for conversation_id, message_id in gone:
            with suppress(PeerGone), repeatable():
                await chatwoot.delete_message(conversation_id, message_id)
            job.steps.append((self._clock.ms(), "deleted", f"message {message_id}"))

    async def _to_delete(
        self, entry: Entry, event: Revoked, found: Standing
    ) -> list[tuple[int, int]]:
        """What has to go in Chatwoot: nothing while a part of the message is left on WhatsApp.

        It is written down before it is done: what Chatwoot tells us of it then is no agent's doing.
        """
        now = self._clock.ms()

        def work(unit: Unit) -> list[tuple[int, int]]:
            is_new(unit, f"revoked-part:{found.row_id}", now)
            parts = standing.parts_of(unit.db, entry.id, found.chatwoot_id)
            if not all(seen.knows(unit.db, f"revoked-part:{part}") for part in parts):
                return []
            ledger.file_came(unit.db, entry.id, event.target)
            first = (found.conversation_id, found.chatwoot_id)
            return self._telling(unit, entry, event, found.chat_id, first=first)

        return await self._store.write(work, durable=True)

    def _telling(
        self,
        unit: Unit,
        entry: Entry,
        event: Revoked,
        chat_id: int,
        *,
        first: tuple[int, int] | None = None,
        only: Callable[[bytes | None], bool] = lambda _payload: True,
    ) -> list[tuple[int, int]]:
        """What repeats the message, after `first`, all of it marked as deleted by us."""
        inbox = entry.inbox.inbox_id if entry.inbox is not None else None
        gone = [first] if first is not None else []
        gone += [
            (row["conversation_id"], row["chatwoot_id"])
            for row in standing.telling_of(unit.db, entry.id, event.target, chat_id)
            if only(row["payload"])
        ]
        for _, message_id in gone:
            is_new(unit, by_ponte(entry.id, inbox, message_id), self._clock.ms())
        return gone

    def _told(
        self, entry: Entry, job: Job, event: Revoked, found: Standing
    ) -> Callable[[Unit], None]:
        now = self._clock.ms()
        who = "phone" if event.by_us else "group" if found.is_group else "customer"

        def write(unit: Unit) -> None:
            # Several parts on WhatsApp may be one message in Chatwoot: one note says it.
            key = f"revoked-note:{entry.id}:{found.conversation_id}:{found.chatwoot_id}"
            if not is_new(unit, key, now):
                return
            note = note_job(
                entry,
                chat_id=found.chat_id,
                conversation_id=found.conversation_id,
                about=found.chatwoot_id,
                text=say(entry.language, f"note.deleted_by_{who}"),
                now=now,
                trace_id=job.trace_id,
            )
            self._queue.add(unit, note)

        return write


def overtaken(queue: Queue, unit: Unit, instance_id: str, whatsapp_id: str, now: int) -> None:
    """A message stands in Chatwoot whose deletion came before it: tell of that now."""
    rows = unit.db.execute(
        "SELECT id FROM job WHERE ref=? AND kind=? AND instance_id=? AND state='ignored'"
        " AND cause=?",
        (whatsapp_id, REVOKED, instance_id, NOT_HERE),
    ).fetchall()
    for row in rows:
        queue.revive(unit, row["id"], states=("ignored",), now=now)


def is_deleted(db: sqlite3.Connection, instance_id: str, chat_id: int, edit: Edited) -> bool:
    """Whether who edits a message of a chat has deleted it, or says so while nobody has looked."""
    rows = db.execute(
        "SELECT chat_id, payload FROM job WHERE ref=? AND kind=? AND instance_id=?"
        " AND (state<>'ignored' OR cause=?)",
        (edit.target, REVOKED, instance_id, NOT_HERE),
    ).fetchall()
    told = ((row["chat_id"], event_of(row["payload"])) for row in rows)
    found = (
        chats.surviving(db, chat)
        for chat, deletion in told
        if isinstance(deletion, Revoked) and may_delete(deletion, edit)
    )
    return any(chat is not None and chat.id == chat_id for chat in found)


def _standing(db: sqlite3.Connection, job: Job, event: Revoked) -> Standing | None:
    chat = chats.surviving(db, job.chat_id or 0)
    row = ledger.by_whatsapp(db, job.instance_id or "", event.target)
    # An id means nothing in another chat: nobody deletes what stands there.
    if chat is None or row is None or row["chat_id"] != chat.id:
        return None
    if row["chatwoot_id"] is None or row["conversation_id"] is None:
        return None
    deleted = seen.knows(db, by_agent(row["id"])) or seen.knows(db, tombstone(row["ref"] or ""))
    return Standing(
        chat_id=chat.id,
        row_id=row["id"],
        chatwoot_id=row["chatwoot_id"],
        conversation_id=row["conversation_id"],
        is_customers=row["origin"] == "contact",
        is_group=bool(chat.party.group),
        is_forged=_is_forged(row, event.author),
        by_agent=deleted,
    )


def _is_forged(row: sqlite3.Row, claimed: Party | None) -> bool:
    """What we wrote, no member of a group has written."""
    if claimed is None:
        return False
    if row["origin"] != "contact":
        return True
    author = author_of(row["payload"])
    return author is not None and are_two(author, claimed)


def _ignore(unit: Unit, rule: str) -> None:
    unit.count(Road.INBOUND, "accepted")
    unit.count(Road.INBOUND, "ignored", rule)
