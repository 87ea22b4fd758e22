"""The state of one Chatwoot account, with the indexes that keep every look-up constant."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from bridge.sim.chatwoot.profile import Profile
from bridge.sim.chatwoot.records import (
    AgentBot,
    Attachment,
    Author,
    Blob,
    Contact,
    ContactInbox,
    Conversation,
    Inbox,
    Json,
    Message,
    Team,
    Upload,
    User,
    Webhook,
)
from bridge.sim.chatwoot.texts import Locale, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that webhooks are told. The payload is built at delivery, not here (3.6)."""

    name: str
    message: Message | None = None
    conversation: Conversation | None = None
    contact: Contact | None = None
    inbox: Inbox | None = None
    changed: list[Json] | None = None
    #: Whoever types, for typing events.
    user: User | AgentBot | Contact | None = None
    is_private: bool = False
    performed_by: Author = None


#: What a backup holds, and the ids that are given again after it.
_RESTORED = (
    *("contacts", "contact_inboxes", "conversations", "messages"),
    *("by_phone", "by_email", "by_identifier", "by_lower_identifier", "by_source"),
)
_RESTORED_IDS = ("contact", "contact_inbox", "conversation", "message", "attachment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What Chatwoot was at a moment."""

    rows: dict[str, Any]
    ids: dict[str, int]


class World:
    """The database. Ids start apart, so that no two kinds are mistaken for each other."""

    def __init__(
        self,
        *,
        account_id: int,
        account_name: str,
        profile: Profile,
        locale: Locale,
        account_locale: str | None,
        clock: Callable[[], float],
    ) -> None:
        self.account_id = account_id
        self.account_name = account_name
        self.profile = profile
        self.locale: Locale = locale
        self.account_locale = account_locale
        self.clock = clock
        self.created_at = clock()
        self.base_url: str | None = None
        #: Messages per conversation and minute before 422; None: no limit.
        self.flood_limit: int | None = None
        self.inbox_events = False
        self.emit: Callable[[Event], None] = lambda _event: None
        self.changed: Callable[[], None] = lambda: None

        self.users: dict[int, User] = {}
        self.bots: dict[int, AgentBot] = {}
        self.tokens: dict[str, User | AgentBot] = {}
        self.teams: dict[int, Team] = {}
        self.inboxes: dict[int, Inbox] = {}
        self.contacts: dict[int, Contact] = {}
        self.contact_inboxes: dict[int, ContactInbox] = {}
        self.conversations: dict[int, Conversation] = {}
        self.messages: dict[int, Message] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.blobs: dict[str, Blob] = {}

        self.by_phone: dict[str, dict[int, Contact]] = {}
        self.by_email: dict[str, dict[int, Contact]] = {}
        self.by_identifier: dict[str, dict[int, Contact]] = {}
        self.by_lower_identifier: dict[str, dict[int, Contact]] = {}
        self.by_source: dict[tuple[int, str], ContactInbox] = {}
        self.by_inbox_identifier: dict[str, Inbox] = {}

        #: The next id of each kind.
        self.ids = {
            "user": 3,
            "bot": 9,
            "team": 2,
            "inbox": 7,
            "channel": 4,
            "contact": 41,
            "contact_inbox": 801,
            "conversation": 112,
            "message": 9001,
            "attachment": 50001,
            "webhook": 12,
            "hours": 40,
        }

    def new_id(self, kind: str) -> int:
        id_ = self.ids[kind]
        self.ids[kind] = id_ + 1
        return id_

    def backup(self) -> Backup:
        """Contacts, conversations and messages as they are now, for `restore`."""
        rows = self._copied({name: getattr(self, name) for name in _RESTORED})
        return Backup(rows=rows, ids={kind: self.ids[kind] for kind in _RESTORED_IDS})

    def restore(self, backup: Backup) -> None:
        """Put a backup in place: what came later is not there, and its ids are given again.

        Rows that somebody holds are those of before; look them up anew.
        """
        for name, value in self._copied(backup.rows).items():
            setattr(self, name, value)
        self.ids |= backup.ids

    def _copied(self, rows: dict[str, Any]) -> dict[str, Any]:
        """A copy whose rows name each other; users, teams and inboxes are those that there are."""
        stay = (*self.users.values(), *self.bots.values(), *self.teams.values())
        return deepcopy(rows, {id(one): one for one in (*stay, *self.inboxes.values())})

    def now(self) -> float:
        return self.clock()

    def say(self, key: str, **values: object) -> str:
        return say(self.locale, key, **values)

    # contacts

    def index_contact(self, contact: Contact) -> None:
        for index, value in self._contact_keys(contact):
            index.setdefault(value, {})[contact.id] = contact

    def unindex_contact(self, contact: Contact) -> None:
        for index, value in self._contact_keys(contact):
            held = index.get(value, {})
            held.pop(contact.id, None)
            if not held:
                index.pop(value, None)

    def _contact_keys(
        self, contact: Contact
    ) -> Iterable[tuple[dict[str, dict[int, Contact]], str]]:
        if contact.phone_number:
            yield self.by_phone, contact.phone_number
        if contact.email:
            yield self.by_email, contact.email
        if contact.identifier is not None:
            yield self.by_identifier, contact.identifier
            yield self.by_lower_identifier, contact.identifier.lower()

    # files

    def keep(self, upload: Upload) -> Blob:
        blob = Blob(
            key=secrets.token_urlsafe(24),
            filename=upload.filename or "file",
            mime=upload.mime,
            data=upload.data,
        )
        self.blobs[blob.key] = blob
        return blob

    def blob_url(self, blob: Blob) -> str:
        """The public address; it answers 302 to where the bytes are."""
        name = quote(blob.filename)
        return f"{self.base_url or ''}/rails/active_storage/blobs/redirect/{blob.key}/{name}"

    def picture_url(self, blob: Blob | None) -> str:
        if blob is None:
            return ""
        name = quote(blob.filename)
        base = f"{self.base_url or ''}/rails/active_storage/representations/redirect"
        return f"{base}/{blob.key}/resized/{name}"

    def attach(self, message: Message, blob: Blob, *, meta: Json | None = None) -> None:
        message.attachments.append(
            Attachment(
                id=self.new_id("attachment"),
                message_id=message.id,
                file_type=file_type(blob.mime),
                blob=blob,
                meta=meta or {},
            )
        )

    def share(self, message: Message, row: Json) -> None:
        """Attach a place or a contact, which no client of the API can: `row` as in webhooks."""
        facts = dict(row)
        message.attachments.append(
            Attachment(
                id=self.new_id("attachment"),
                message_id=message.id,
                file_type=str(facts.pop("file_type")),
                blob=Blob(key="", filename="", mime="", data=b""),
                meta=facts.pop("meta", {}),
                shared=facts,
            )
        )

    # accounts

    def add_user(self, user: User) -> User:
        self.users[user.id] = user
        self.tokens[user.token] = user
        return user

    def add_bot(self, bot: AgentBot) -> AgentBot:
        self.bots[bot.id] = bot
        self.tokens[bot.token] = bot
        return bot


_IMAGES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "gif", "bmp", "webp"))
_VIDEOS = frozenset(f"video/{kind}" for kind in ("ogg", "mp4", "webm", "quicktime"))


def file_type(mime: str) -> str:
    """What Chatwoot calls a file of this Content-Type (chatwoot-api.md 1.8)."""
    bare = mime.partition(";")[0].strip().lower()
    if bare in _IMAGES:
        return "image"
    if bare in _VIDEOS:
        return "video"
    return "audio" if "audio/" in bare else "file"


def new_source() -> str:
    """The random source id that an API inbox gives when it is not told one."""
    return str(uuid.uuid4())


def new_token() -> str:
    return secrets.token_urlsafe(18)


def iso(at: float) -> str:
    """Seconds as Rails writes a time: UTC with milliseconds."""
    when = datetime.fromtimestamp(at, UTC)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def iso_or_none(at: float | None) -> str | None:
    return None if at is None else iso(at)


def whole(at: float | None) -> int:
    """Seconds as an int; a missing time is 0, as Ruby's `nil.to_i` has it."""
    return 0 if at is None else int(at)


def truthy(value: Any) -> bool:
    """Rails' idea of a boolean parameter."""
    return value not in (None, False, "", 0, "0", "f", "F", "false", "FALSE", "off", "OFF")


def text_or_none(value: Any) -> str | None:
    """A parameter as a string column takes it; structures are dropped."""
    if value is None or isinstance(value, dict | list | Upload):
        return None
    if isinstance(value, bool):
        return "t" if value else "f"
    return value if isinstance(value, str) else str(value)


def mapping(value: Any) -> Json:
    return dict(value) if isinstance(value, dict) else {}


def change(name: str, before: Any, after: Any) -> Json:
    """One entry of `changed_attributes`."""
    return {name: {"previous_value": before, "current_value": after}}
