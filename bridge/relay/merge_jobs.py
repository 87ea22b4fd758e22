"""Runs `merge` jobs: ends merges that were begun, and tells agents of them in one private note."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core.phone import readable
from bridge.engine.queue import Dead, Delivered, Ignored, Job, Outcome, Queue
from bridge.errors import PeerGone
from bridge.locale import say
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.merging import Merging
from bridge.relay.notes import note_job
from bridge.relay.posting import ready
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, merges
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.merges import Merge
from bridge.text.convert import literal


class MergeJobs:
    def __init__(
        self, store: Store, queue: Queue, directory: Directory, merging: Merging, clock: Clock
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._merging = merging
        self._clock = clock

    async def run(self, job: Job) -> Outcome:
        reached = ready(self._directory, job)
        if isinstance(reached, Ignored):
            return reached
        entry, side = reached
        ids = orjson.loads(job.payload)["merges"]
        chat = await self._store.read(lambda db: chats.surviving(db, job.chat_id or 0))
        if chat is None:
            return Ignored(rule="chat.gone", reason="The chat of this person was deleted.")
        if not ids:
            return await self._unite(job, side, chat)
        found = await self._merging.finish(side, chat, ids)
        done = [merge for merge in found if merge.state == "done"]
        job.steps.extend((self._clock.ms(), one.state, _step(one)) for one in found)
        if not done:
            reason = "Its Chatwoot account was left."
            return Ignored(
                rule="merge.nothing",
                reason="Nothing was left to be merged.",
                write=lambda unit: _skip(unit, ids, self._clock.ms(), reason),
            )
        return Delivered(write=self._noted(job, entry, chat, done))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:
        """Chatwoot does not merge them: they stay two, and no message tries it again."""
        ids = orjson.loads(job.payload)["merges"]
        now = self._clock.ms()

        def write(unit: Unit) -> None:
            for merge in merges.some(unit.db, ids):
                failed = merges.end(unit.db, merge.id, state="failed", now=now, reason=dead.reason)
                if failed and merge.person_id is not None:
                    merges.keep_other(
                        unit.db, merge.scope, merge.mergee_id, merge.person_id, now=now
                    )

        return write

    async def _unite(self, job: Job, side: Side, chat: ChatRow) -> Outcome:
        """Two people turned out to be one: what each had in Chatwoot is merged."""
        if not side.inbox.merge_brazil_contacts:
            return Ignored(rule="merge.off", reason="Merging is switched off.")
        ids = await self._store.read(lambda db: merges.bound(db, side.scope, chat.person_id))
        found: list[Contact] = []
        for contact_id in sorted(ids):
            try:
                found.append(await side.chatwoot.contact(contact_id))
            except PeerGone:
                await self._store.write(self._without(side.scope, contact_id))
        if len(found) < 2:  # noqa: PLR2004  (nothing to merge)
            return Ignored(rule="merge.nothing", reason="There is one contact by now.")
        await self._merging.unite(side, chat, found, trace_id=job.trace_id)
        return Delivered()

    @staticmethod
    def _without(scope: str, contact_id: int) -> Callable[[Unit], None]:
        return lambda unit: merges.drop_other(unit.db, scope, contact_id)

    def _noted(
        self, job: Job, entry: Entry, chat: ChatRow, done: Sequence[Merge]
    ) -> Callable[[Unit], None]:
        """One note for all of them, where agents talk with the person."""
        now = self._clock.ms()
        scope = done[0].scope

        def write(unit: Unit) -> None:
            where, conversation_id, chat_id = entry, chat.conversation_id, chat.id
            if conversation_id is None:
                for row in merges.conversations_of(unit.db, scope, chat.person_id):
                    other = self._directory.by_id(row["instance_id"])
                    if other is not None and other.side is not None:
                        where, chat_id = other, row["id"]
                        conversation_id = row["conversation_id"]
                        break
            if conversation_id is None:
                return
            note = note_job(
                where,
                chat_id=chat_id,
                conversation_id=conversation_id,
                about=None,
                text="\n".join(told(where.language, merge) for merge in done),
                now=now,
                trace_id=job.trace_id,
            )
            self._queue.add(unit, note)

        return write


def _skip(unit: Unit, ids: Sequence[int], now: int, reason: str) -> None:
    for merge_id in ids:
        merges.end(unit.db, merge_id, state="skipped", now=now, reason=reason)


def told(language: str, merge: Merge) -> str:
    """What was merged into what, and why, for agents."""
    moved = merge.moved
    return say(
        language,
        "note.merged",
        gone=_called(language, moved["mergee"]),
        base=_called(language, moved["base"]),
        kept=_named(language, moved["base"]),
        evidence=say(language, f"merge.{moved['evidence']}"),
        because=say(language, f"merge.{moved['because']}"),
    )


def _named(language: str, contact: dict[str, Any]) -> str:
    return f"“{literal(contact['name'] or say(language, 'merge.nameless'))}”"


def _called(language: str, contact: dict[str, Any]) -> str:
    """A contact as agents know it: its name, and its number or address."""
    number = contact["phone_number"]
    known = readable(number) if number else contact["identifier"]
    is_name = contact["name"] in (number, known)
    said = _named(language, contact)
    return f"{said} ({literal(known)})" if known and not is_name else said


def _step(merge: Merge) -> str:
    return f"contact {merge.mergee_id} into {merge.base_id}: {merge.reason or merge.why}"
