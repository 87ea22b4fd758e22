"""A person has another number: they stay the same person, with the same contact and conversation.

Keys and address change in the accept commit, so whatever comes from the new number is theirs at
once. What agents see follows in the chat's lane: the contact's number, as far as it is still the
old one, and a private note. No conversation is opened for it.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson
import structlog

from bridge.chatwoot.faults import ChatwootInvalid
from bridge.chatwoot.models import Contact
from bridge.clock import Clock, to_ms
from bridge.core import identity
from bridge.core.message import IdentityChanged
from bridge.core.party import Party
from bridge.core.phone import readable
from bridge.engine.accept import is_new
from bridge.engine.queue import Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import PeerGone, PeerRefused
from bridge.locale import say
from bridge.relay import lanes
from bridge.relay.contacts import Contacts
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.healing import repeatable
from bridge.relay.linking import make_one
from bridge.relay.notes import note_job
from bridge.relay.people import Heard, rename
from bridge.relay.posting import ready, rule_of
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats
from bridge.store.queries.chats import ChatRow

log = structlog.get_logger(__name__)

RENAMED = "renamed"


class Identities:
    """Accepts changes of identity, and runs `renamed` jobs."""

    def __init__(
        self,
        store: Store,
        queue: Queue,
        directory: Directory,
        contacts: Contacts,
        clock: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._directory = directory
        self._contacts = contacts
        self._clock = clock

    def accept(
        self, unit: Unit, entry: Entry, event: IdentityChanged, now: int, trace_id: str | None
    ) -> None:
        """Keep who somebody is now. Whom we do not know has no name to change."""
        unit.count(Road.SIGNAL, "accepted")
        if not is_new(unit, f"identity_changed:{entry.id}:{event.id}", now):
            unit.count(Road.SIGNAL, "ignored", "duplicate")
            return
        heard = Heard(evidence=event.id, at=to_ms(event.at), now=now, is_theirs=True)
        renamed = rename(unit.db, entry, event.old, event.new, heard)
        make_one(self._queue, unit, entry, renamed.merges, now, trace_id)
        if renamed.chat_id is None:
            unit.count(Road.SIGNAL, "ignored", "identity.unknown")
            return
        unit.count(Road.SIGNAL, "delivered")
        before = identity.merge(renamed.before, event.old)
        self._queue.add(
            unit,
            NewJob(
                kind=RENAMED,
                lane=lanes.to_chatwoot(renamed.chat_id),
                road=Road.INTERNAL,
                peer=entry.chatwoot_peer,
                account=entry.chatwoot_account,
                payload=orjson.dumps({"old": before, "new": event.new}),
                now=now,
                instance_id=entry.id,
                chat_id=renamed.chat_id,
                ref=event.id,
                trace_id=trace_id,
            ),
        )

    async def run(self, job: Job) -> Outcome:
        reached = ready(self._directory, job)
        if isinstance(reached, Ignored):
            return reached
        entry, side = reached
        chat = await self._store.read(lambda db: chats.surviving(db, job.chat_id or 0))
        if chat is None:
            raise PeerRefused("The chat of this person was deleted.", code="chat.gone")
        if chat.contact_id is None:
            return Ignored(rule="identity.no_contact", reason="Nobody has seen them in Chatwoot.")
        rule = rule_of(entry, side, chat.party)
        if rule is not None:
            return Ignored(rule=rule, reason="The settings of this instance say so.")
        parties = orjson.loads(job.payload)
        old, new = Party(**parties["old"]), Party(**parties["new"])
        try:
            with repeatable():
                await self._renumber(side, chat, chat.contact_id, old, new)
        except PeerGone:
            return Ignored(rule="identity.no_contact", reason="The contact was deleted.")
        return Delivered(write=self._noted(job, entry, chat, old, new))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _renumber(
        self, side: Side, chat: ChatRow, contact_id: int, old: Party, new: Party
    ) -> None:
        """Give the contact the new number where it has the old one; what people wrote stays."""
        if side.inbox.merge_brazil_contacts:
            contact = await self._contacts.complete(side, chat, contact_id)
        else:
            contact = await self._contacts.present(side, chat, contact_id)
        wanted = _wanted(contact, old, new)
        while wanted:
            try:
                await side.chatwoot.update_contact(contact.id, **wanted)
            except ChatwootInvalid as error:  # another contact has it: leave it theirs
                log.info("contact.not_renumbered", contact=contact.id, taken=error.attributes)
                taken = [key for key in wanted if key in error.attributes]
                wanted = {key: one for key, one in wanted.items() if taken and key not in taken}
            else:
                break

    def _noted(
        self, job: Job, entry: Entry, chat: ChatRow, old: Party, new: Party
    ) -> Callable[[Unit], None]:
        now = self._clock.ms()
        before, after = identity.e164(old), identity.e164(new)

        def write(unit: Unit) -> None:
            if chat.conversation_id is None or not before or not after or before == after:
                return
            # The same change may be told in two ways (whatsapp-channels.md A.4).
            if not is_new(unit, f"renamed:{entry.id}:{chat.id}:{before}:{after}", now):
                return
            text = say(
                entry.language, "note.number_changed", new=readable(after), old=readable(before)
            )
            note = note_job(
                entry,
                chat_id=chat.id,
                conversation_id=chat.conversation_id,
                about=None,
                text=text,
                now=now,
                trace_id=job.trace_id,
            )
            self._queue.add(unit, note)

        return write


def _wanted(contact: Contact, old: Party, new: Party) -> dict[str, str]:
    number, identifier = identity.e164(new), identity.identifier(new)
    wanted: dict[str, str] = {}
    is_old = contact.phone_number in identity.numbers(old)
    if number and number != contact.phone_number and (is_old or not contact.phone_number):
        wanted["phone_number"] = number
    if identifier and contact.identifier in identity.identifiers(old):
        wanted["identifier"] = identifier
    if is_old and contact.name and identity.is_placeholder(contact.name, old):
        wanted["name"] = identity.display_name(new)
    return {key: one for key, one in wanted.items() if getattr(contact, key) != one}
