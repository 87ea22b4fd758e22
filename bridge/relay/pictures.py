"""Who somebody is: agents see face, name and number of a customer, and the subject of a group.

Best effort, for each chat that writes: once a day, and when more becomes known of somebody. Nothing
waits for it, and what fails ends without a word to anybody. WhatsApp's picture addresses live for a
short time and are meant for us alone, so the file itself is given to Chatwoot, under a name by
which it is recognised there: a picture that somebody chose in Chatwoot stays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus

import structlog

from bridge.chatwoot.attachments import Held, filename
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core.identity import e164, keys, merge
from bridge.core.message import GroupChanged
from bridge.core.party import Party
from bridge.engine.accept import is_new
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import BridgeError, PeerError, PeerGone, PeerRefused, Remedy
from bridge.net.http import Http
from bridge.relay import lanes
from bridge.relay.contacts import Contacts
from bridge.relay.directory import Directory, Entry, Side
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, seen
from bridge.store.queries.chats import ChatRow
from bridge.whatsapp.channel import Describes, Profile

log = structlog.get_logger(__name__)

PROFILE = "profile"
#: The peer of these jobs: they have a few slots of their own.
PICTURES = "pictures"
#: How old (ms) a picture may become before the next message has us look again.
DAY = 24 * 3600 * 1000
#: Later (ms) it is given up until the next day.
TOO_LATE = 600_000
#: News of a group come in bursts: it is looked at so much later (ms).
SETTLED = 300
#: After a failure it is tried again so much later (ms).
PAUSE = 60_000
#: Bytes of the largest picture: WhatsApp's are 640 pixels wide.
LARGEST = 2 * 1024 * 1024
SECONDS = 15.0
#: The file name of a picture that we gave.
_GIVEN = re.compile(r"whatsapp-([0-9a-f]{32})\.[a-z]{3,4}")

#: What Chatwoot takes as an avatar (chatwoot-api.md 1.5), by the first bytes.
_KINDS = {
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"GIF8": ("image/gif", "gif"),
}


class Pictures:
    """Runs `profile` jobs."""

    def __init__(
        self,
        *,
        store: Store,
        queue: Queue,
        directory: Directory,
        contacts: Contacts,
        http: Http,
        clock: Clock,
    ) -> None:
        self._contacts = contacts
        self._store = store
        self._queue = queue
        self._directory = directory
        self._http = http
        self._clock = clock

    def delivered(self, unit: Unit, entry: Entry, job: Job) -> None:
        """Have the chat of an inbound job looked at, in the unit that ends the job."""
        now = self._clock.ms()
        if job.chat_id is None or not isinstance(entry.channel, Describes):
            return
        chat = chats.surviving(unit.db, job.chat_id)
        known = _known(chat.party) if chat is not None else ""
        if not is_new(unit, f"profile:{entry.id}:{job.chat_id}:{now // DAY}:{known}", now):
            return
        self._queue.add(unit, _job(entry, job.chat_id, now, now, job.trace_id))

    def changed(
        self, unit: Unit, entry: Entry, event: GroupChanged, now: int, trace_id: str | None
    ) -> None:
        """A group has another subject or picture: it is looked at soon, once for much news."""
        unit.count(Road.SIGNAL, "accepted")
        chat = _chat_of_group(unit, entry, event.group)
        if chat is None or chat.contact_id is None:
            unit.count(Road.SIGNAL, "ignored", "group.unknown")
            return
        unit.count(Road.SIGNAL, "delivered")
        party = merge(chat.party, Party(group=chat.party.group, name=event.subject))
        if party != chat.party:
            chats.seen_party(unit.db, chat.id, party, 0)
        waits = unit.db.execute(
            "SELECT 1 FROM job WHERE lane=? AND kind=? AND state='waiting' AND due_at>?",
            (lanes.profiles(chat.id), PROFILE, now),
        ).fetchone()
        if waits is None:
            due_at = now + SETTLED
            self._queue.add(unit, _job(entry, chat.id, now, due_at, trace_id))

    async def run(self, job: Job) -> Outcome:
        entry = self._directory.by_id(job.instance_id)
        chat_id = job.chat_id or 0
        chat = await self._store.read(lambda db: chats.surviving(db, chat_id))
        if entry is None or chat is None:
            return Ignored(rule="instance.gone", reason="The instance was deleted.")
        side = entry.side
        channel = entry.channel if isinstance(entry.channel, Describes) else None
        # A group may have told its subject by itself.
        is_known = channel is not None or bool(chat.party.group and chat.party.name)
        if side is None or chat.contact_id is None or not is_known:
            return Ignored(rule="profile.impossible", reason="There is nothing to describe.")
        if self._clock.ms() - job.accepted_at > TOO_LATE:
            return Ignored(rule="profile.late", reason="It could not be asked for in time.")
        try:
            return await self._show(entry, side, chat, chat.contact_id, channel)
        except PeerError as error:
            if error.remedy is Remedy.NOTHING:
                return Ignored(rule="profile.refused", reason=str(error))
            # Nobody is blamed: a breaker that opened for this would keep messages waiting.
            return Again(due_at=self._clock.ms() + PAUSE, why=str(error))
        except BridgeError as error:  # an address that may not be called
            return Ignored(rule="profile.refused", reason=str(error))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _show(
        self, entry: Entry, side: Side, chat: ChatRow, contact_id: int, channel: Describes | None
    ) -> Outcome:
        # What is known of a person does not wait for WhatsApp; a group is known by what it says.
        contact = None
        if not chat.party.group:
            contact = await self._contacts.complete(side, chat, contact_id)
        profile = Profile() if channel is None else await channel.profile(chat.party)
        party = merge(chat.party, replace(chat.party, name=profile.name))
        if contact is None:
            named = replace(chat, party=party)
            contact = await self._contacts.complete(side, named, contact_id)
        shown = await self._picture(entry, side, contact, profile.picture_url)
        log.debug("profile.shown", chat=chat.id, picture=shown is not None)

        def write(unit: Unit) -> None:
            if party != chat.party:
                chats.seen_party(unit.db, chat.id, party, 0)
            if shown is not None:
                seen.replace(unit.db, _pictures_of(entry, contact.id), shown, self._clock.ms())

        return Delivered(write=write)

    async def _picture(
        self, entry: Entry, side: Side, contact: Contact, url: str | None
    ) -> str | None:
        """Give Chatwoot a picture that it does not have yet; gives what it is known by then.

        Where WhatsApp shows none, the one in Chatwoot stays, and so does what somebody chose there.
        """
        there = contact.thumbnail
        given = _GIVEN.fullmatch(filename(there)) if there else None
        if url is None or (there and given is None):
            return None
        body = await self._fetch(entry, url)
        kind = next((kind for start, kind in _KINDS.items() if body.startswith(start)), None)
        if kind is None:
            raise PeerRefused("The picture is of a kind that Chatwoot does not take.")
        digest = hashlib.sha256(body).hexdigest()[:32]
        if given is not None and given[1] == digest:  # perhaps by another number of the account
            return digest
        key = _pictures_of(entry, contact.id) + digest
        if await self._store.read(lambda db: seen.knows(db, key)):
            return None
        mime, suffix = kind
        picture = Held(data=body, filename=f"whatsapp-{digest}.{suffix}", mime=mime)
        await side.chatwoot.update_avatar(contact.id, picture)
        return digest

    async def _fetch(self, entry: Entry, url: str) -> bytes:
        """Through the number's own proxy: the address was given to the number."""
        answer = await self._http.through(entry.instance.options.proxy).request(
            "GET", url, timeout=SECONDS, limit=LARGEST, peer="WhatsApp"
        )
        if answer.status != HTTPStatus.OK:
            raise PeerGone(f"WhatsApp answered {answer.status} instead of a picture.")
        return answer.body


def _job(entry: Entry, chat_id: int, now: int, due_at: int, trace_id: str | None) -> NewJob:
    return NewJob(
        kind=PROFILE,
        lane=lanes.profiles(chat_id),
        road=Road.INTERNAL,
        peer=PICTURES,
        account=entry.channel_account,
        payload=b"{}",
        now=now,
        due_at=due_at,
        instance_id=entry.id,
        chat_id=chat_id,
        trace_id=trace_id,
    )


def _chat_of_group(unit: Unit, entry: Entry, group: str) -> ChatRow | None:
    """None: nobody of ours has written or read there."""
    (key,) = keys(Party(group=group)) or ("",)
    person = chats.persons(unit.db, entry.scope, [key]).get(key)
    return chats.of_person(unit.db, entry.id, person) if person is not None else None


def _known(party: Party) -> str:
    """What of a person is known, without saying it."""
    facts = (party.name, e164(party), party.lid)
    return "".join("1" if fact else "0" for fact in facts)


def _pictures_of(entry: Entry, contact_id: int) -> str:
    """What the keys of the pictures that we gave a contact begin with."""
    return f"picture:{entry.id}:{entry.scope}:{contact_id}:"
