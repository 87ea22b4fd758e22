"""Files that people send to a flow: put into Typebot's storage, else lent by us at an address.

Such an address is signed, ends with the file's extension, as Typebot demands (typebot-api.md 1.6),
and is good for some hours. Nothing is stored for it: it names the job that brought the message, and
the file is fetched from the channel when somebody asks. So it works after a restart as before.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog
from pydantic import ValidationError

from bridge.chatwoot.attachments import file_name
from bridge.clock import Clock
from bridge.core.content import Media
from bridge.core.flow import FileRef
from bridge.core.message import EVENT, Received, SentByPhone
from bridge.errors import BridgeError, PeerError
from bridge.relay.bot.memory import memory_of
from bridge.relay.directory import Directory, Entry
from bridge.relay.filetypes import HEAD, content_type
from bridge.relay.incoming import INBOUND
from bridge.relay.turns import Turns
from bridge.store.engine import Store
from bridge.store.queries import jobs
from bridge.store.queries.chats import ChatRow
from bridge.store.queries.talks import TalkRow
from bridge.typebot.client import Typebot
from bridge.typebot.faults import SessionGone

log = structlog.get_logger(__name__)

#: Where the addresses are served.
PATH: Final = "/media"
HOUR_MS: Final = 3_600_000
#: Files that are fetched from channels at once for those who ask.
FETCHES: Final = 8
#: A viewer without storage is not asked again for so long.
_NO_STORAGE_MS: Final = 600_000
_MOST_VIEWERS: Final = 1000
_PURPOSE: Final = "flow media"
_TOKEN: Final = re.compile(r"([0-9a-f]{1,15})-([0-9a-f]{1,12})-([0-9a-f]{20})")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_STEM: Final = 60


class NotPublished(BridgeError):
    """A file cannot be given to a flow; the text says why."""

    code = "typebot.file_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """A file that an address names, in the spool. `name` is harmless."""

    path: Path
    name: str
    mime: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    job_id: int
    media: Media = field(repr=False)


class FlowMedia:
    """`base` is our address as others reach it; None: nobody has said it.

    `limit` says how many bytes a file of an instance may have, `tag` signs
    (`store.secrets.Vault.tag`), `hours` is how long an address is good. `show_once`: files that
    are to be seen once may be lent.
    """

    def __init__(
        self,
        *,
        store: Store,
        directory: Directory,
        clock: Clock,
        typebot: Callable[[str], Typebot],
        tag: Callable[..., str],
        spool: Path,
        limit: Callable[[Entry], int],
        base: str | None,
        hours: float,
        show_once: bool = True,
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._typebot = typebot
        self._tag = tag
        self._spool = spool
        self._limit = limit
        self._base = base.rstrip("/") if base else None
        self._lasts = round(hours * HOUR_MS)
        self._show_once = show_once
        self._turns = Turns()
        self._fetches = asyncio.Semaphore(FETCHES)
        self._without_storage: dict[str, int] = {}

    async def publish(
        self,
        entry: Entry,
        chat: ChatRow,  # noqa: ARG002  (part of the contract of who publishes)
        talk: TalkRow,
        file: FileRef,
    ) -> str:
        """An address of the file that Typebot can read.

        Raises `NotPublished`, and `SessionGone` when Typebot does not know the session any more.
        """
        found = await self._store.read(
            lambda db: _of_message(jobs.newest_about(db, entry.id, INBOUND, file.message_id))
        )
        if found is None:
            raise NotPublished("The message with the file is not known any more.")
        if found.media.view_once and not self._show_once:
            raise NotPublished(
                "The file is to be seen once, and relay.view_once keeps it.",
                code="typebot.file_once",
            )
        stored = await self._in_storage(entry, talk, found)
        if stored is not None:
            return stored
        if self._base is None or not _is_taken(self._base):
            raise NotPublished(
                "Typebot has no storage for files, and server.public_url is not set to an address "
                "at which it reaches Ponte.",
                code="typebot.file_no_address",
            )
        return f"{self._base}{PATH}/{self.token(found.job_id)}/{_shown(_name(found.media))}"

    def token(self, job_id: int) -> str:
        """What names a message's file from now on, for as long as addresses are good."""
        until = (self._clock.ms() + self._lasts) // 1000
        return f"{job_id:x}-{until:x}-{self._signed(job_id, until)}"

    def knows(self, token: str) -> bool:
        """Whether a token is one of ours whose time is not over."""
        return self._job_of(token) is not None

    async def lend(self, token: str) -> Lent | None:
        """The file that a token names; None: it is no token, its time is over, or it is gone."""
        job_id = self._job_of(token)
        if job_id is None:
            return None
        row = await self._store.read(lambda db: jobs.kept(db, job_id))
        found = _of_message(row)
        entry = self._directory.by_id(row["instance_id"] or "") if row is not None else None
        if found is None or entry is None or not entry.instance.ready:
            return None
        if found.media.view_once and not self._show_once:
            return None
        try:
            path = await self._fetched(entry, found)
        except BridgeError as error:
            log.warning("flow_media.not_fetched", cause=error.cause, instance_id=entry.id)
            return None
        return await asyncio.to_thread(_lent, path, found.media)

    def _job_of(self, token: str) -> int | None:
        read = _TOKEN.fullmatch(token)
        if read is None:
            return None
        job_id, until = int(read[1], 16), int(read[2], 16)
        is_right = hmac.compare_digest(self._signed(job_id, until), read[3])
        return job_id if is_right and until * 1000 > self._clock.ms() else None

    def _signed(self, job_id: int, until: int) -> str:
        return self._tag(_PURPOSE, str(job_id), str(until))

    async def _fetched(self, entry: Entry, found: _Found) -> Path:
        """Bring the file into the spool, where retention takes it when it has lain for a while."""
        path = self._spool / f"media-{found.job_id}"
        async with self._turns.of(str(found.job_id)), self._fetches:
            if not await asyncio.to_thread(path.exists):
                await entry.channel.fetch(found.media, path, limit=self._limit(entry))
        return path

    async def _in_storage(self, entry: Entry, talk: TalkRow, found: _Found) -> str | None:
        """Put the file into Typebot's storage; None: it has none for it, or it does not work."""
        asked = memory_of(talk).asked
        now = self._clock.ms()
        if talk.session_id is None or talk.url is None or asked is None:
            return None
        if self._without_storage.get(talk.url, 0) > now:
            return None
        try:
            path = await self._fetched(entry, found)
        except BridgeError as error:
            raise NotPublished(str(error), code=error.cause) from error
        lent = await asyncio.to_thread(_lent, path, found.media)
        if lent is None:
            raise NotPublished("The file cannot be read.")
        try:
            return await self._upload(talk.url, talk.session_id, str(asked.get("id") or "-"), lent)
        except SessionGone:
            raise
        except PeerError as error:
            log.info("flow_media.not_stored", cause=error.cause, instance_id=entry.id)
            if error.cause == "typebot.no_storage":
                if len(self._without_storage) >= _MOST_VIEWERS:
                    self._without_storage.clear()
                self._without_storage[talk.url] = now + _NO_STORAGE_MS
            return None

    async def _upload(self, url: str, session_id: str, block_id: str, lent: Lent) -> str:
        typebot = self._typebot(url)
        size = (await asyncio.to_thread(lent.path.stat)).st_size
        slot = await typebot.upload_slot(
            session_id, block_id, name=lent.name, mime=lent.mime, size=size
        )
        with await asyncio.to_thread(lent.path.open, "rb") as content:
            await typebot.upload(slot, content, name=lent.name, mime=lent.mime, size=size)
        return slot.file_url


def _of_message(row: jobs.Row | None) -> _Found | None:
    """The file that a job's message holds, if it holds one."""
    if row is None or row["kind"] != INBOUND:
        return None
    try:
        event = EVENT.validate_json(row["payload"])
    except ValidationError:
        return None
    if not isinstance(event, Received | SentByPhone) or not isinstance(event.content, Media):
        return None
    return _Found(job_id=row["id"], media=event.content)


def _lent(path: Path, media: Media) -> Lent | None:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    kind = media.media.value
    mime = content_type(head, told=media.mime, kind=kind, name=media.filename or "")
    return Lent(
        path=path, name=_shown(file_name(media.filename or kind, mime, told=False)), mime=mime
    )


def _name(media: Media) -> str:
    """What the file will be called as far as its message tells: it is not fetched yet."""
    return file_name(media.filename or media.media.value, media.mime, told=True)


def _shown(name: str) -> str:
    """A name in plain letters, with its extension in lower case: it stands in an address."""
    stem, dot, suffix = name.rpartition(".")
    folded = unicodedata.normalize("NFKD", stem if dot else suffix)
    plain = _PLAIN.sub("-", folded.encode("ascii", "ignore").decode()).strip("-")
    ending = _PLAIN.sub("", suffix.encode("ascii", "ignore").decode()).lower() if dot else ""
    return f"{plain[:_LONGEST_STEM] or 'file'}.{ending or 'bin'}"


def _is_taken(base: str) -> bool:
    """Whether Typebot takes addresses that begin so: it wants a dot in the host's name (1.6)."""
    host = urlsplit(base).hostname or ""
    return "." in host or ":" in host or host == "localhost"
