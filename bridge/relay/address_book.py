"""The phone of a number tells how people stand in its address book.

The whole book comes when the number is connected, mostly before anybody in it has written. So the
name of a stranger is kept too, with the ids that stand there and without a chat; nothing comes of
it in Chatwoot until they write. Whoever has a contact there gets the name soon, unless people gave
them another one (`core/naming.py`).
"""

from __future__ import annotations

from typing import Final

from bridge.clock import to_ms
from bridge.core.identity import keys
from bridge.core.message import NameTold
from bridge.engine.queue import Queue, Road
from bridge.relay.directory import Entry
from bridge.relay.linking import learn_of
from bridge.relay.people import Heard
from bridge.relay.pictures import Pictures
from bridge.store.engine import Unit
from bridge.store.queries import chats, contacts, people, people_keys

__all__ = ("AddressBook",)

#: Where the ids of an entry are from.
EVIDENCE: Final = "address book"


class AddressBook:
    def __init__(self, queue: Queue, pictures: Pictures) -> None:
        self._queue = queue
        self._pictures = pictures

    def accept(
        self, unit: Unit, entry: Entry, event: NameTold, now: int, trace_id: str | None
    ) -> None:
        """Keep the name, in the unit that accepts the event."""
        unit.count(Road.SIGNAL, "accepted")
        at = min(to_ms(event.at), now)
        person_id = self._person(unit, entry, event, Heard(evidence=EVIDENCE, at=at, now=now))
        if person_id is None:
            unit.count(Road.SIGNAL, "ignored", "name.unknown")
            return
        if not contacts.address_told(unit.db, entry.scope, person_id, event.name, at):
            unit.count(Road.SIGNAL, "ignored", "duplicate")
            return
        unit.count(Road.SIGNAL, "delivered")
        chat = chats.of_person(unit.db, entry.id, person_id)
        if chat is not None and chat.contact_id is not None:
            self._pictures.look(unit, entry, chat, trace_id)

    def _person(self, unit: Unit, entry: Entry, event: NameTold, heard: Heard) -> int | None:
        """Whose entry it is; None: nobody's whom we know, or could remember by it."""
        found = keys(event.party)
        known = people_keys.persons(unit.db, entry.scope, found) if found else {}
        if not found or (event.name is None and not known):
            return None
        if not known:
            people.new(
                unit.db,
                entry.scope,
                found,
                evidence=EVIDENCE,
                first=heard.at,
                at=heard.counts_as,
                now=heard.now,
            )
        # Several ids in one entry are one person's.
        learn_of(self._queue, unit, entry, [event.party], heard, trace_id=None)
        known = people_keys.persons(unit.db, entry.scope, found)
        return next(known[key] for key in found if key in known)
