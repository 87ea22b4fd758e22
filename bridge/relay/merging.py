"""Two Chatwoot contacts of one person become one, where that is switched on (design.md, Merging).

It happens where a message meets them, or when two people turn out to be one. The ledger row and a
`merge` job are stored before the first call: whatever stops in the middle, that job ends, and then
tells it in a private note (`relay/merge_jobs.py`). A message never fails because of a merge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakValueDictionary

import orjson
import structlog

from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core.identity import contact_keys
from bridge.core.merging import contradicts
from bridge.engine.queue import NewJob, Queue, Road
from bridge.errors import PeerError, PeerGone, Scope
from bridge.relay import lanes
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.merge_candidates import known_of_person, preferred, those_of_person, whose
from bridge.relay.merge_pairs import Found, carry_out, look_at, pairs_of
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, contacts, merges, people_keys
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.merges import Merge

log = structlog.get_logger(__name__)

MERGE = "merge"


def merge_job(
    entry: Entry,
    chat_id: int,
    now: int,
    trace_id: str | None = None,
    *,
    ids: Sequence[int] = (),
) -> NewJob:
    """End the merges `ids` and tell of them; without any: merge all contacts of the chat's person.

    The lane is that of the chat, so that the note stands behind what waits there.
    """
    return NewJob(
        kind=MERGE,
        lane=lanes.to_chatwoot(chat_id),
        road=Road.INTERNAL,
        peer=entry.chatwoot_peer,
        account=entry.chatwoot_account,
        payload=orjson.dumps({"merges": list(ids)}),
        now=now,
        instance_id=entry.id,
        chat_id=chat_id,
        trace_id=trace_id,
    )


def keep_other_contact(  # noqa: PLR0917
    queue: Queue, unit: Unit, entry: Entry, chat_id: int, contact: Contact, now: int
) -> None:
    """An agent writes to a contact; when its person has another one, both are known as theirs.

    And they are to be one, where the switch is on: once for each contact.
    """
    side = entry.side
    if side is None:
        return
    chat = chats.get(unit.db, chat_id)
    if chat is None or chat.contact_id in (None, contact.id) or chat.party.group:
        return
    theirs = contact_keys(contact.phone_number, contact.identifier)
    known = set(people_keys.of_person(unit.db, side.scope, chat.person_id))
    if not known.intersection(theirs) or contradicts(theirs, known):
        return
    if merges.forbidden(unit.db, side.scope, chat.person_id, (contact.id,)):
        return
    is_new = merges.keep_other(unit.db, side.scope, contact.id, chat.person_id, now=now)
    if is_new and side.inbox.merge_brazil_contacts:
        queue.add(unit, merge_job(entry, chat.id, now))


class Merging:
    """`unite` may run in several lanes at a time: each person has a turn."""

    def __init__(self, store: Store, queue: Queue, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._clock = clock
        self._turns: WeakValueDictionary[tuple[str, int], asyncio.Lock] = WeakValueDictionary()

    async def unite(
        self,
        side: Side,
        chat: ChatRow,
        found: Sequence[Contact],
        *,
        trace_id: str | None = None,
    ) -> Contact:
        """The contact to use, of those (one at least) that Chatwoot has of one person.

        Merges them where that is switched on, and keeps what `contact` then says. Raises
        `PeerError`: when the server fails, or `PeerGone` when none of them is there any more.
        """
        entry = self._directory.by_id(chat.instance_id)
        if chat.party.group or entry is None:
            return found[0]
        if not side.inbox.merge_brazil_contacts:
            return await self._kept_apart(side, chat, found)
        turn = self._turns.setdefault((side.scope, chat.person_id), asyncio.Lock())
        async with turn:
            return await self._united(side, entry, chat, found, trace_id)

    async def finish(self, side: Side, chat: ChatRow, ids: Sequence[int]) -> list[Merge]:
        """End the merges of these rows that were begun; gives how each of them went.

        Raises `PeerError` for one that cannot be ended now.
        """
        turn = self._turns.setdefault((side.scope, chat.person_id), asyncio.Lock())
        async with turn:
            for merge in await self._store.read(lambda db: merges.some(db, ids)):
                if merge.state == "intent" and merge.scope == side.scope:
                    await carry_out(side.chatwoot, self._store, self._clock, merge)
            return await self._store.read(lambda db: merges.some(db, ids))

    async def _united(
        self,
        side: Side,
        entry: Entry,
        chat: ChatRow,
        found: Sequence[Contact],
        trace_id: str | None,
    ) -> Contact:
        ids = [one.id for one in found]
        known = await self._store.read(lambda db: known_of_person(db, side.scope, chat, ids))
        ended = await self._end(side, known.begun)
        if ended:  # an earlier run was stopped in the middle
            found = await self._afresh(side, found, ended)
        mine = those_of_person(found, chat.party, known)
        if len(mine) < 2:  # noqa: PLR2004  (nothing to merge)
            contact = mine[0] if mine else preferred(found, chat)
            return await self._bound(side, chat, contact) if ended else contact
        looked = await self._looked_at(side, mine)
        pairs = pairs_of(looked, whose(side, entry, chat, known)) if looked else []
        begun = await self._store.write(
            lambda unit: self._begin(unit, entry, chat, pairs, trace_id), durable=True
        )
        if not begun:
            return await self._kept_apart(side, chat, [one.contact for one in looked] or mine)
        over = await self._end(side, begun)
        if len(over) < len(begun):  # the job tries again; until then all stays as it was
            return preferred(mine, chat)
        return await self._bound(side, chat, await side.chatwoot.contact(begun[0].base_id))

    def _begin(
        self,
        unit: Unit,
        entry: Entry,
        chat: ChatRow,
        pairs: Sequence[merges.NewMerge],
        trace_id: str | None,
    ) -> list[Merge]:
        """Write down what is about to be done, and who sees to it that it is."""
        now = self._clock.ms()
        possible = [
            pair
            for pair in pairs
            if not merges.has_failed(unit.db, pair.scope, pair.base_id, pair.mergee_id)
            and not merges.touched(unit.db, pair.scope, (pair.base_id, pair.mergee_id))
        ]
        ids = [merges.add(unit.db, pair, state="intent", now=now) for pair in possible]
        if ids:
            self._queue.add(unit, merge_job(entry, chat.id, now, trace_id, ids=ids))
        return merges.some(unit.db, ids)

    async def _end(self, side: Side, begun: Sequence[Merge]) -> list[Merge]:
        """Carry out what was begun; what Chatwoot refuses is left to the `merge` job.

        Gives those that are over. Raises what everybody meets: a server that is down.
        """
        over: list[Merge] = []
        for merge in begun:
            try:
                await carry_out(side.chatwoot, self._store, self._clock, merge)
            except PeerError as error:
                if error.scope is not Scope.ONE:
                    raise
                log.warning("contact.not_merged", mergee=merge.mergee_id, cause=error.cause)
            else:
                over.append(merge)
        return over

    async def _afresh(
        self, side: Side, found: Sequence[Contact], ended: Sequence[Merge]
    ) -> list[Contact]:
        """What was found, as it is after the merges that ended."""
        touched = {one.base_id for one in ended} | {one.mergee_id for one in ended}
        rest = {one.id: one for one in found if one.id not in touched}
        for contact_id in sorted(touched):
            try:
                rest[contact_id] = await side.chatwoot.contact(contact_id)
            except PeerGone:
                continue
        if not rest:
            raise PeerGone("The contacts of this person are gone.")
        return list(rest.values())

    async def _looked_at(self, side: Side, mine: Sequence[Contact]) -> list[Found]:
        looked: list[Found] = []
        for contact in mine:
            try:
                looked.append(await look_at(side.chatwoot, contact))
            except PeerGone:
                continue
        return looked

    async def _kept_apart(self, side: Side, chat: ChatRow, found: Sequence[Contact]) -> Contact:
        """Use one contact, and remember the others."""
        contact = preferred(found, chat)
        others = [one.id for one in found if one.id != contact.id]
        now = self._clock.ms()

        def keep(unit: Unit) -> None:
            strangers = merges.forbidden(unit.db, side.scope, chat.person_id, others)
            for other in others:
                if other not in strangers:
                    merges.keep_other(unit.db, side.scope, other, chat.person_id, now=now)

        if others:
            await self._store.write(keep)
        return contact

    async def _bound(self, side: Side, chat: ChatRow, contact: Contact) -> Contact:
        await self._store.write(
            lambda unit: contacts.set_contact(unit.db, side.scope, chat.person_id, contact.id, None)
        )
        return contact
