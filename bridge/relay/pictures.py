"""Who somebody is: agents see face, name and number of a customer, and the subject of a group.

Best effort, for each chat that writes: when something becomes known or changes, and once a day
where WhatsApp can be asked. Nothing waits for it, and what fails ends without a word to anybody.
WhatsApp's picture addresses live for a short time and are meant for us alone, so the file itself is
given to Chatwoot, under a name by which it is recognised there: a picture that somebody chose in
Chatwoot stays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus

import structlog

from bridge.chatwoot.attachments import Held, filename
from bridge.chatwoot.models import Contact
from bridge.clock import Clock
from bridge.core.identity import keys, merge
from bridge.core.message import GroupChanged
from bridge.core.party import Party
from bridge.engine.queue import Again, Dead, Delivered, Ignored, Job, NewJob, Outcome, Queue, Road
from bridge.errors import BridgeError, PeerError, PeerGone, PeerRefused, Remedy
from bridge.net.http import Http
from bridge.relay import lanes
from bridge.relay.completing import improve, known_of
from bridge.relay.contacts import Contacts
from bridge.relay.directory import Directory, Entry, Side
from bridge.store.engine import Store, Unit
from bridge.store.queries import chats, contacts, people_keys
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.contacts import Given
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
KINDS = {
    b"\xff\xd8\xff": ("image/jpeg", "jpg"),
    b"\x89PNG\r\n\x1a\n": ("image/png", "png"),
    b"GIF8": ("image/gif", "gif"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What a contact was given, and of what."""

    contact_id: int
    profile: Profile
    #: None: no other picture.
    given: Given | None
    #: As `known_of` has it.
    known: str


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
        chat = chats.surviving(unit.db, job.chat_id or 0)
        if chat is not None:
            self.look(unit, entry, chat, job.trace_id)

    def look(self, unit: Unit, entry: Entry, chat: ChatRow, trace_id: str | None) -> None:
        """Have a chat looked at, if that was not done since what is known became known."""
        now = self._clock.ms()
        profile = self._profile(entry, chat, now)
        if chat.profile != profile:
            contacts.set_profile(unit.db, chat.id, profile)
            self._queue.add(unit, _job(entry, chat.id, now, now, trace_id))

    def _profile(self, entry: Entry, chat: ChatRow, now: int) -> str:
        """What `Chat.profile` says once this has been looked at: pictures may be new every day."""
        return f"{now // DAY}:{known_of(chat)}" if _describes(entry) else known_of(chat)

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
        if side is None or chat.contact_id is None:
            return Ignored(rule="profile.impossible", reason="There is nothing to describe.")
        if self._clock.ms() - job.accepted_at > TOO_LATE:
            return Ignored(
                rule="profile.late",
                reason="It could not be asked for in time.",
                # Where no day brings another look, the next message does.
                write=None if _describes(entry) else lambda unit: _untold(unit, chat),
            )
        try:
            return await self._show(entry, side, chat, chat.contact_id)
        except PeerError as error:
            if error.remedy is Remedy.NOTHING:
                return Ignored(rule="profile.refused", reason=str(error))
            # Nobody is blamed: a breaker that opened for this would keep messages waiting.
            return Again(due_at=self._clock.ms() + PAUSE, why=str(error))
        except BridgeError as error:  # an address that may not be called
            return Ignored(rule="profile.refused", reason=str(error))

    def died(self, job: Job, dead: Dead) -> Callable[[Unit], None] | None:  # noqa: ARG002
        return None

    async def _show(self, entry: Entry, side: Side, chat: ChatRow, contact_id: int) -> Outcome:
        # What is known of a person does not wait for WhatsApp; a group is known by what it says.
        is_group = chat.party.group is not None
        contact = None
        if not is_group:
            contact = await self._contacts.complete(side, chat, contact_id)
        channel = _describes(entry)
        profile = Profile() if channel is None else await channel.profile(chat.party)
        named = replace(
            chat,
            party=replace(chat.party, name=profile.name or chat.party.name),
            address_name=profile.address_name or chat.address_name,
        )
        if contact is None:
            contact = await self._contacts.complete(side, named, contact_id)
        elif named != chat:
            contact = await improve(self._store, side, named, contact)
        given = await self._picture(entry, side, chat, contact, profile)
        log.debug("profile.shown", chat=chat.id, picture=given is not None)
        shown = _Shown(contact_id=contact.id, profile=profile, given=given, known=known_of(named))
        return Delivered(write=lambda unit: self._keep(unit, entry, side, chat.id, shown))

    def _keep(self, unit: Unit, entry: Entry, side: Side, chat_id: int, shown: _Shown) -> None:
        now, name = self._clock.ms(), shown.profile.name
        chat = chats.get(unit.db, chat_id)
        if chat is None:
            return
        if name is not None and name != chat.party.name:
            chat = replace(chat, party=replace(chat.party, name=name))
            chats.seen_party(unit.db, chat.id, chat.party, 0)
        address_name = shown.profile.address_name
        if address_name is not None and address_name != chat.address_name:
            chat = replace(chat, address_name=address_name)
            contacts.address_told(unit.db, side.scope, chat.person_id, address_name, now)
        if shown.given is not None:
            contacts.set_picture(unit.db, side.scope, chat.person_id, shown.contact_id, shown.given)
        if known_of(chat) == shown.known:  # else more became known meanwhile
            contacts.set_profile(unit.db, chat.id, self._profile(entry, chat, now))

    async def _picture(
        self, entry: Entry, side: Side, chat: ChatRow, contact: Contact, profile: Profile
    ) -> Given | None:
        """Give Chatwoot a picture that it does not have yet; gives what it has by then.

        Where WhatsApp shows none, the one in Chatwoot stays, and so does what somebody chose there.
        """
        url, there = profile.picture_url, contact.thumbnail
        shown = _GIVEN.fullmatch(filename(there)) if there else None
        if url is None or (there and shown is None):
            return None
        before = await self._store.read(
            lambda db: contacts.picture_of(db, side.scope, chat.person_id, contact.id)
        )
        if profile.picture_id is not None and before.picture_id == profile.picture_id:
            return None  # also when somebody took it away in Chatwoot
        body = await self._fetch(entry, url)
        kind = next((kind for start, kind in KINDS.items() if body.startswith(start)), None)
        if kind is None:
            raise PeerRefused("The picture is of a kind that Chatwoot does not take.")
        digest = hashlib.sha256(body).hexdigest()[:32]
        given = Given(picture=digest, picture_id=profile.picture_id)
        # Perhaps by another number of the account; Chatwoot may not show it yet.
        if digest not in (before.picture, shown[1] if shown is not None else None):
            mime, suffix = kind
            picture = Held(data=body, filename=f"whatsapp-{digest}.{suffix}", mime=mime)
            await side.chatwoot.update_avatar(contact.id, picture)
        return given if given != before else None

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
    person = people_keys.persons(unit.db, entry.scope, [key]).get(key)
    return chats.of_person(unit.db, entry.id, person) if person is not None else None


def _describes(entry: Entry) -> Describes | None:
    return entry.channel if isinstance(entry.channel, Describes) else None


def _untold(unit: Unit, chat: ChatRow) -> None:
    contacts.set_profile(unit.db, chat.id, None)
