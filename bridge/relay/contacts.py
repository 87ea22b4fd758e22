"""The Chatwoot contact of a person: found, adopted, merged or created, once.

Order of a look-up: our own binding, then identifier and number in every spelling. Foreign contacts
(agents', imports', Evolution's) are adopted as they are: an identifier is written only when there
is none, and so is a number that becomes known later (design.md 4, Chatwoot).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import structlog

from bridge.chatwoot.faults import ChatwootInvalid
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core import identity
from bridge.core.party import Party
from bridge.errors import Certainty, PeerBroke, PeerBusy, PeerError, PeerGone, Scope
from bridge.relay.directory import Side
from bridge.store.engine import Store
from bridge.store.queries import chats
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


@contextmanager
def repeatable() -> Iterator[None]:
    """Calls whose effect we look for before we act again: an unknown outcome does no harm."""
    try:
        yield
    except PeerError as error:
        error.certainty = Certainty.NOT_DONE
        raise


class Contacts:
    """`tag` makes the unguessable end of a source_id (it opens Chatwoot's public API)."""

    def __init__(self, store: Store, clock: Clock, *, tag: Callable[..., str]) -> None:
        self._store = store
        self._clock = clock
        self._tag = tag

    async def ensure(self, side: Side, chat: ChatRow, *, by: str) -> Bound:
        """The chat's contact and contact inbox; no call at all once they are known."""
        if chat.contact_id is not None and chat.source_id is not None:
            return Bound(contact_id=chat.contact_id, source_id=chat.source_id, is_new=False)
        await self._claim(side, chat, by)
        try:
            with repeatable():
                bound, name = await self._find_or_create(side, chat)
        except BaseException:
            await self._store.write(
                lambda unit: chats.release_claim(unit.db, side.scope, chat.person_id, by)
            )
            raise
        await self._store.write(lambda unit: _keep(unit.db, side, chat, bound, name))
        return bound

    async def follow_merge(self, side: Side, chat: ChatRow, bound: Bound, *, into: int) -> bool:
        """An agent merged our contact into another: use that one. False: they are strangers.

        Our contact is gone then, and its contact inbox, which nobody can guess, is the other's.
        """
        with repeatable():
            try:
                await side.chatwoot.contact(bound.contact_id)
            except PeerGone:
                other = await side.chatwoot.contact(into)
            else:
                return False
        here = [c.source_id for c in other.contact_inboxes if c.inbox_id == side.inbox_id]
        if bound.source_id not in here:
            return False
        await self._store.write(
            lambda unit: chats.set_contact(unit.db, side.scope, chat.person_id, into, None)
        )
        log.info("contact.merged_by_agent", contact=bound.contact_id, base=into)
        return True

    async def complete(self, side: Side, chat: ChatRow, contact_id: int) -> Contact:
        """Give the contact the number and the name that became known since it was made.

        What a person wrote stays. Two contacts of the person merge where that is switched on.
        """
        with repeatable():
            contact = await side.chatwoot.contact(contact_id)
            if side.inbox.merge_brazil_contacts and not chat.party.group:
                contact = await self._united(side, chat, contact)
            wanted: dict[str, str] = {}
            number, name = identity.e164(chat.party), identity.display_name(chat.party)
            if number and not contact.phone_number:
                wanted["phone_number"] = number
            if chat.party.name and name != contact.name and _is_named_by_us(contact, chat):
                wanted["name"] = name
            if not wanted:
                return contact
            try:
                contact = await side.chatwoot.update_contact(contact.id, **wanted)
            except ChatwootInvalid as error:  # another contact has the number: leave it theirs
                log.info("contact.not_improved", contact=contact.id, taken=error.attributes)
                wanted.pop("phone_number", None)
                if wanted:
                    contact = await side.chatwoot.update_contact(contact.id, **wanted)
        if "name" in wanted:
            await self._store.write(
                lambda unit: chats.set_name(unit.db, side.scope, chat.person_id, contact.id, name)
            )
        return contact

    async def _united(self, side: Side, chat: ChatRow, contact: Contact) -> Contact:
        """Merge what else Chatwoot has of the person, but for what is somebody else's by now."""
        found = _rightful(
            await side.chatwoot.find_contacts(
                identity.numbers(chat.party), identity.identifiers(chat.party)
            ),
            chat.party,
        )
        strangers = await self._store.read(
            lambda db: chats.contacts_of_others(db, side.scope, chat.person_id)
        )
        others = [one for one in found if one.id != contact.id and one.id not in strangers]
        if not others:
            return contact
        contact = await self._one_of(side, [contact, *others])
        await self._store.write(
            lambda unit: chats.set_contact(unit.db, side.scope, chat.person_id, contact.id, None)
        )
        return contact

    async def _claim(self, side: Side, chat: ChatRow, by: str) -> None:
        """Two inboxes of one account may meet the same new person at the same time."""
        now = self._clock.ms()
        claimed = await self._store.write(
            lambda unit: chats.claim_contact(
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

    async def _find_or_create(self, side: Side, chat: ChatRow) -> tuple[Bound, str | None]:
        contact_id = await self._other_inboxes_contact(chat)
        if contact_id is not None:
            contact = await side.chatwoot.contact(contact_id)
            return await self._adopt(side, chat, contact), None
        found = await side.chatwoot.find_contacts(
            identity.numbers(chat.party), identity.identifiers(chat.party)
        )
        found = _rightful(found, chat.party)
        if found:
            contact = await self._one_of(side, found)
            return await self._adopt(side, chat, contact), None
        return await self._create(side, chat)

    async def _other_inboxes_contact(self, chat: ChatRow) -> int | None:
        fresh = await self._store.read(lambda db: chats.get(db, chat.id))
        return fresh.contact_id if fresh else None

    async def _create(self, side: Side, chat: ChatRow) -> tuple[Bound, str | None]:
        name = identity.display_name(chat.party)
        source_id = self.source_id(side, chat.party)
        identifier = identity.identifier(chat.party)
        try:
            contact, bound = await side.chatwoot.create_contact(
                name,
                side.inbox_id,
                source_id,
                phone_number=identity.e164(chat.party),
                identifier=identifier,
            )
        except (ChatwootInvalid, PeerBroke):
            # Taken meanwhile: our source_id (a 500), or number or identifier (a 422).
            taken = await side.chatwoot.contact_by_source(side.inbox_id, source_id)
            if taken is None:
                found = await side.chatwoot.find_contacts(
                    identity.numbers(chat.party), identity.identifiers(chat.party)
                )
                if not found:
                    raise
                taken = found[0]
            return await self._adopt(side, chat, taken), None
        log.info("contact.created", contact=contact.id)
        return Bound(contact_id=contact.id, source_id=bound, is_new=True), name

    async def _adopt(self, side: Side, chat: ChatRow, contact: Contact) -> Bound:
        """Use a contact as it is: its contact inbox in our inbox, else one of ours."""
        here = [c.source_id for c in contact.contact_inboxes if c.inbox_id == side.inbox_id]
        ours = self.source_id(side, chat.party)
        source_id = ours if ours in here else here[-1] if here else None
        if source_id is None:
            source_id = await side.chatwoot.bind_contact(contact.id, side.inbox_id, ours)
        wanted = identity.identifier(chat.party)
        improved: dict[str, str] = {}
        if not contact.identifier and wanted:
            improved["identifier"] = wanted
        if identity.is_placeholder(contact.name, chat.party) and chat.party.name:
            improved["name"] = identity.display_name(chat.party)
        if improved:
            try:
                await side.chatwoot.update_contact(contact.id, **improved)
            except ChatwootInvalid as error:  # somebody else has the identifier: leave it theirs
                log.info("contact.not_improved", contact=contact.id, taken=error.attributes)
        log.info("contact.adopted", contact=contact.id)
        return Bound(contact_id=contact.id, source_id=source_id, is_new=False)

    async def _one_of(self, side: Side, found: Sequence[Contact]) -> Contact:
        """Several contacts are this person: merge them when that is switched on."""
        if len(found) == 1:
            return found[0]
        if not side.inbox.merge_brazil_contacts:
            return found[0]  # `numbers` lists the spelling with the ninth digit first
        base, *others = sorted(found, key=lambda one: (one.created_at or 0, one.id))
        for other in others:
            merged = await side.chatwoot.merge_contacts(base.id, other.id)
            if other.blocked and not merged.blocked:
                await side.chatwoot.update_contact(base.id, blocked=True)
            log.info("contact.merged", base=base.id, mergee=other.id)
        return await side.chatwoot.contact(base.id)

    def source_id(self, side: Side, party: Party) -> str:
        """Our person key plus a code that cannot be guessed; written once, kept ever after."""
        key = next(iter(identity.keys(party)), "").partition(":")[2] or "group"
        return f"{key}-{self._tag(side.scope, str(side.inbox_id), key)}"


def _rightful(found: Sequence[Contact], party: Party) -> list[Contact]:
    """Those that are the person, best first: Chatwoot's search ignores case, identifiers do not."""
    numbers = identity.numbers(party)
    identifiers = identity.identifiers(party)

    def rank(contact: Contact) -> int:
        if contact.phone_number in numbers:
            return numbers.index(contact.phone_number)
        if contact.identifier in identifiers:
            return len(numbers) + identifiers.index(contact.identifier)
        return -1

    return sorted((one for one in found if rank(one) >= 0), key=lambda one: (rank(one), one.id))


def _is_named_by_us(contact: Contact, chat: ChatRow) -> bool:
    """Whether a contact has a name that we gave it, or none: what a person wrote stays."""
    made_up = identity.display_name(replace(chat.party, name=None))
    ours = contact.name in {made_up, chat.contact_name}
    return ours or identity.is_placeholder(contact.name, chat.party)


def _keep(
    db: sqlite3.Connection, side: Side, chat: ChatRow, bound: Bound, name: str | None
) -> None:
    chats.set_contact(db, side.scope, chat.person_id, bound.contact_id, name)
    chats.bind(
        db,
        chat.id,
        source_id=bound.source_id,
        conversation_id=chat.conversation_id,
        status=chat.status,
        assignee_id=chat.assignee_id,
        updated_at=chat.conversation_updated_at,
        fresh_at=chat.fresh_at,
    )
