"""An agent's file on its way: from Chatwoot into the spool, checked against what WhatsApp takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.chatwoot.attachments import rewrite
from bridge.clock import Clock
from bridge.core.content import Card, MediaKind
from bridge.core.outgoing import OutgoingMedia
from bridge.core.vcard_reader import LARGEST, read_cards
from bridge.engine.queue import Job
from bridge.errors import (
    BridgeError,
    Certainty,
    ForbiddenAddress,
    PeerGone,
    PeerRefused,
    Remedy,
    Scope,
    TooBig,
)
from bridge.locale import say
from bridge.net.http import Downloaded, Http
from bridge.relay.directory import Entry
from bridge.relay.filetypes import HEAD, content_type, sticker
from bridge.relay.outgoing import AgentFile
from bridge.relay.recordings import MIME, Recordings
from bridge.whatsapp.channel import Capabilities

MIB: Final = 1024 * 1024
_KINDS = {"image": MediaKind.IMAGE, "video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}
#: Pictures that phones open neither as such nor as documents (typebot-api.md 2).
_NOT_SHOWN = frozenset({"image/svg+xml"})
#: Milliseconds before Chatwoot is asked again for a file that is not there yet; then twice as long.
_FIRST_WAIT: Final = 250


class Unsendable(BridgeError):
    """A file that can never be sent as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLimits:
    """`most` is the largest file of an agent, in bytes. The others are seconds.

    `readable`: how long after an agent's message was accepted its file may still be on its way
    into Chatwoot's storage, which takes it only after the webhook was sent.
    """

    most: int
    timeout: float
    readable: float


class Uploads:
    def __init__(
        self,
        http: Http,
        spool: Path,
        *,
        limits: UploadLimits,
        recordings: Recordings,
        clock: Clock,
    ) -> None:
        self._http = http
        self._spool = spool
        self._limits = limits
        self._recordings = recordings
        self._clock = clock

    async def fetch(
        self, job: Job, number: int, entry: Entry, file: AgentFile, *, caption: str | None
    ) -> OutgoingMedia:
        """Bring the file into the spool. Raises `Unsendable`, or a `PeerError` to retry."""
        path = self._path(job, number)
        able = entry.channel.capabilities
        if file.elsewhere:
            got = await self._download(file.url, path, entry, peer="The file's server")
        else:
            base = entry.inbox.url if entry.inbox else file.url
            got = await self._readable(job, entry, rewrite(file.url, base), path)
        head = await asyncio.to_thread(_head, path)
        mime = content_type(head, told=got.mime, kind=file.kind, name=file.name)
        note = None
        if not caption:  # sound with a text: better a file than no text
            note = await self._recordings.voice_note(path, mime, head, able)
        if note is not None:
            mime = MIME
        size = got.size if note is None else note.size
        picture = sticker(head) if mime == "image/webp" and not caption else None
        kind = kind_for(mime, size, file.kind, able, is_sticker=picture is not None)
        if kind is not None and caption and kind not in able.captioned:
            kind = MediaKind.DOCUMENT
        if kind is None or (file.elsewhere and not _is_shown(kind, mime, got.size)):
            raise _unsendable(mime, size, entry)
        return OutgoingMedia(
            media=kind,
            path=str(path),
            mime=mime,
            filename=file.name,
            caption=caption,
            voice=note is not None and kind is MediaKind.AUDIO,
            seconds=note.seconds if note else None,
            waveform=note.waveform if note else None,
            animated=picture is not None and picture.animated,
        )

    async def cards(self, job: Job, number: int) -> tuple[Card, ...]:
        """The contact cards in a file that `fetch` brought; empty when it is something else."""

        def read() -> bytes:
            path = self._path(job, number)
            if not path.exists():
                return b""
            with path.open("rb") as file:
                return file.read(LARGEST + 1)

        return read_cards(await asyncio.to_thread(read))

    async def forget(self, job: Job, count: int) -> None:
        """Remove the files that a finished job left in the spool."""
        for number in range(count):
            await asyncio.to_thread(self._path(job, number).unlink, missing_ok=True)

    async def _readable(self, job: Job, entry: Entry, url: str, path: Path) -> Downloaded:
        """Download the file. Just after the message was written it is waited for."""
        until = job.accepted_at + round(self._limits.readable * 1000)
        wait = _FIRST_WAIT
        while True:
            try:
                got = await self._download(url, path, entry)
            except Unsendable as error:
                if error.cause != "attachment.gone" or self._clock.ms() >= until:
                    raise
            else:
                if got.size:
                    return got
                if self._clock.ms() >= until:
                    raise Unsendable("The file is empty.", code="attachment.empty")
            await self._clock.wait(asyncio.Event(), min(self._clock.ms() + wait, until))
            wait *= 2

    async def _download(
        self, url: str, path: Path, entry: Entry, *, peer: str = "Chatwoot"
    ) -> Downloaded:
        rules = entry.channel.capabilities.sendable.values()
        accepted = max((rule.max_bytes for rule in rules), default=0)
        limit = min(self._limits.most, accepted)
        try:
            return await self._http.download(
                url, path, limit=limit, timeout=self._limits.timeout, peer=peer
            )
        except TooBig as error:
            raise _too_big(limit, entry.language, here=limit < accepted) from error
        except (PeerGone, PeerRefused) as error:
            raise Unsendable(str(error), code="attachment.gone") from error
        except ForbiddenAddress as error:
            raise Unsendable(str(error), code="attachment.address") from error
        except BridgeError as error:
            if error.remedy is Remedy.RETRY:  # that server's fault, not WhatsApp's
                error.scope = Scope.ONE
                error.certainty = Certainty.NOT_DONE
            raise

    def _path(self, job: Job, number: int) -> Path:
        return self._spool / f"out-{job.id}-{number}"


def _unsendable(mime: str, size: int, entry: Entry) -> Unsendable:
    document = entry.channel.capabilities.sendable.get(MediaKind.DOCUMENT)
    if document is not None and size > document.max_bytes:
        return _too_big(document.max_bytes, entry.language)
    return Unsendable(say(entry.language, "file.type", type=mime), code="attachment.type")


def _too_big(limit: int, language: str, *, here: bool = False) -> Unsendable:
    """In the agent's language, since it names the limit."""
    key = "file.too_big_here" if here else "file.too_big"
    return Unsendable(say(language, key, limit=f"{limit / MIB:.0f} MB"), code="attachment.too_big")


def _is_shown(kind: MediaKind, mime: str, size: int) -> bool:
    """Whether people see it; of pictures that no phone shows as a document a link helps more."""
    return size > 0 and not (kind is MediaKind.DOCUMENT and mime in _NOT_SHOWN)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def kind_for(
    mime: str, size: int, said: str | None, able: Capabilities, *, is_sticker: bool = False
) -> MediaKind | None:
    """As what a file is sent: as itself when the channel takes it so, else as a document.

    None when the channel takes it not even so.
    """
    bare = mime.partition(";")[0].strip().lower()
    wanted = _KINDS.get(bare.partition("/")[0]) or _KINDS.get(said or "", MediaKind.DOCUMENT)
    kinds: tuple[MediaKind, ...] = (wanted, MediaKind.DOCUMENT)
    for kind in (MediaKind.STICKER, *kinds) if is_sticker else kinds:
        rule = able.sendable.get(kind)
        if rule is None or (rule.mimes is not None and bare not in rule.mimes):
            continue
        if size <= rule.max_bytes:
            return kind
    return None
