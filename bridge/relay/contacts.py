"""The Chatwoot contact of a person: found, adopted or created, once, and kept.

Order of a look-up: our own binding, then identifier and number in every spelling
(`relay.lookup`). Foreign contacts (agents', imports', Evolution's) are adopted as they are; what
they lack is filled in later (`relay.completing`), in a lane of its own (`relay.pictures`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from bridge.chatwoot.faults import ChatwootInvalid
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core import identity, naming
from bridge.core.party import Party
from bridge.errors import PeerBroke, PeerBusy, PeerGone, Scope
from bridge.relay.completing import improve, known_of
from bridge.relay.directory import Side
from bridge.relay.healing import repeatable
from bridge.relay.lookup import merged_into, own_identifiers, search
from bridge.relay.merging import Merging
from bridge.store.engine import Store, Unit
from bridge.store.queries import bindings, chats, contacts
from bridge.store.queries.chats import ChatRow

log = structlog.get_logger(__name__)

#: A claim to create a contact that is older than this belongs to a job that died.
CLAIM_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A contact and the contact inbox of this inbox. `is_new`: nobody can have written before."""

    contact_id: int
    source_id: str
    is_new: bool


class Contacts:
    """`tag` makes the unguessable end of a source_id (it opens Chatwoot's public API)."""

    def __init__(
        self, store: Store, clock: Clock, *, merging: Merging, tag: Callable[..., str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._merging = merging
        self._tag = tag

    async def ensure(self, side: Side, chat: ChatRow, *, by: str) -> Bound:
        """The chat's contact and contact inbox; no call at all once they are known."""
        if chat.contact_id is not None and chat.source_id is not None:
            return Bound(contact_id=chat.contact_id, source_id=chat.source_id, is_new=False)
        await self._claim(side, chat, by)
        try:
            with repeatable():
                contact = await self._bound(side, chat)
                if contact is None:
                    contact = await self._found(side, chat)
                else:
                    contact = await self._with_others(side, chat, contact)
                if contact is not None:
                    bound = await self._adopt(side, chat, contact)
                else:
                    bound = await self._create(side, chat)
        except BaseException:
            await self._store.write(
                lambda unit: contacts.release(unit.db, side.scope, chat.person_id, by)
            )
            raise
        await self._store.write(lambda unit: _keep(unit.db, side, chat, bound))
        return bound

    async def present(self, side: Side, chat: ChatRow, contact_id: int) -> Contact:
        """The person's contact as it is now; where agents merged it into another, that one.

        Raises `PeerGone` when there is none any more.
        """
        with repeatable():
            try:
                return await side.chatwoot.contact(contact_id)
            except PeerGone:
                contact = await merged_into(self._store, side, chat)
                if contact is None:
                    raise
        base = contact

        def follow(unit: Unit) -> None:
            contacts.set_contact(unit.db, side.scope, chat.person_id, base.id, None)
            contacts.look_again(unit.db, chat.person_id)

        await self._store.write(follow)
        log.info("contact.merged_by_agent", contact=contact_id, base=base.id)
        return base

    async def follow_merge(self, side: Side, chat: ChatRow, bound: Bound, *, into: int) -> bool:
        """An agent merged our contact into another: use that one. False: they are strangers."""
        try:
            contact = await self.present(side, chat, bound.contact_id)
        except PeerGone:
            return False
        return contact.id == into

    async def complete(self, side: Side, chat: ChatRow, contact_id: int) -> Contact:
        """Give the contact what became known since it was made.

        Two contacts of the person merge where that is switched on. Raises `PeerGone`.
        """
        contact = await self.present(side, chat, contact_id)
        with repeatable():
            contact = await self._with_others(side, chat, contact)
            return await improve(self._store, side, chat, contact)

    # -- found ---------------------------------------------------------------------------------

    async def _bound(self, side: Side, chat: ChatRow) -> Contact | None:
        """The contact that this or another inbox has bound to the person, if it is still there."""
        fresh = await self._store.read(lambda db: chats.get(db, chat.id))
        contact_id = fresh.contact_id if fresh is not None else None
        if contact_id is None:
            return None
        with suppress(PeerGone):
            return await self.present(side, chat, contact_id)
        await self._store.write(
            lambda unit: contacts.drop(unit.db, side.scope, chat.person_id, contact_id)
        )
        return None

    async def _found(self, side: Side, chat: ChatRow) -> Contact | None:
        found = await search(self._store, side, chat)
        if not found:
            return None
        return await self._merging.unite(side, chat, found)

    async def _with_others(self, side: Side, chat: ChatRow, contact: Contact) -> Contact:
        """Have the person's other contacts merged with theirs, where that is switched on."""
        if not side.inbox.merge_brazil_contacts or chat.party.group:
            return contact
        found = await search(self._store, side, chat)
        others = [one for one in found if one.id != contact.id]
        return await self._merging.unite(side, chat, [contact, *others])

    async def _claim(self, side: Side, chat: ChatRow, by: str) -> None:
        """Two inboxes of one account may meet the same new person at the same time."""
        now = self._clock.ms()
        claimed = await self._store.write(
            lambda unit: contacts.claim(
                unit.db, side.scope, chat.person_id, by=by, now=now, stale_before=now - CLAIM_MS
            )
        )
        if not claimed:
            raise PeerBusy(
                "Another inbox is creating this contact right now.",
                code="contact.claimed",
                scope=Scope.ONE,
                retry_after=0.2,
            )

    # -- adopted -------------------------------------------------------------------------------

    async def _adopt(self, side: Side, chat: ChatRow, contact: Contact) -> Bound:
        """Use a contact as it is: its contact inbox in our inbox, else one of ours."""
        bots = side.inbox.bot_source  # its contact may have been merged with this one
        here = [
            one.source_id
            for one in contact.contact_inboxes
            if one.inbox_id == side.inbox_id and one.source_id != bots
        ]
        ours = self.source_id(side, chat.party)
        source_id = ours if ours in here else here[-1] if here else None
        if source_id is None:
            source_id = await self._bind(side, chat, contact, ours)
        log.info("contact.adopted", contact=contact.id)
        return Bound(contact_id=contact.id, source_id=source_id, is_new=False)

    async def _bind(self, side: Side, chat: ChatRow, contact: Contact, ours: str) -> str:
        try:
            return await side.chatwoot.bind_contact(contact.id, side.inbox_id, ours)
        except PeerBroke:
            holder = await side.chatwoot.contact_by_source(side.inbox_id, ours)
            if holder is None or holder.id == contact.id:
                raise
        # Another contact of theirs has it and stays as it is; each writes its own source_id.
        other = self.source_id(side, chat.party, contact.id)
        return await side.chatwoot.bind_contact(contact.id, side.inbox_id, other)

    # -- created -------------------------------------------------------------------------------

    async def _create(self, side: Side, chat: ChatRow) -> Bound:
        """Create the contact, without whatever somebody else's contact has already."""
        name = naming.best_name(chat.party, chat.address_name)
        source_id = self.source_id(side, chat.party)
        number, identifiers = identity.e164(chat.party), own_identifiers(chat.party)
        while True:
            try:
                contact, bound = await side.chatwoot.create_contact(
                    name.text,
                    side.inbox_id,
                    source_id,
                    phone_number=number,
                    identifier=identifiers[0] if identifiers else None,
                    additional_attributes={naming.WRITTEN: name.text},
                )
            except (ChatwootInvalid, PeerBroke) as error:
                # Made by a run that got no answer, or meanwhile (a 500: it has our source_id).
                made = await side.chatwoot.contact_by_source(side.inbox_id, source_id)
                made = made or await self._found(side, chat)
                if made is not None:
                    return await self._adopt(side, chat, made)
                taken = error.attributes if isinstance(error, ChatwootInvalid) else ()
                fewer = (
                    None if "phone_number" in taken else number,
                    identifiers[1:] if "identifier" in taken else identifiers,
                )
                if fewer == (number, identifiers):
                    raise
                number, identifiers = fewer
            else:
                log.info("contact.created", contact=contact.id)
                return Bound(contact_id=contact.id, source_id=bound, is_new=True)

    def source_id(self, side: Side, party: Party, contact_id: int | None = None) -> str:
        """Our person key plus a code that cannot be guessed; written once, kept ever after.

        `contact_id`: of a further contact of the person.
        """
        key = next(iter(identity.keys(party)), "").partition(":")[2] or "group"
        which = [] if contact_id is None else [str(contact_id)]
        return f"{key}-{self._tag(side.scope, str(side.inbox_id), key, *which)}"


def _keep(db: sqlite3.Connection, side: Side, chat: ChatRow, bound: Bound) -> None:
    contacts.set_contact(db, side.scope, chat.person_id, bound.contact_id, None)
    if bound.is_new:
        name = naming.best_name(chat.party, chat.address_name)
        contacts.set_name(db, side.scope, chat.person_id, bound.contact_id, name.text)
    contacts.set_profile(db, chat.id, known_of(chat) if bound.is_new else None)
    bindings.bind(
        db,
        chat.id,
        source_id=bound.source_id,
        conversation_id=chat.conversation_id,
        status=chat.status,
        assignee_id=chat.assignee_id,
        updated_at=chat.conversation_updated_at,
        fresh_at=chat.fresh_at,
        person_id=chat.person_id,
    )
