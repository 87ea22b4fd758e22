"""An agent's file on its way: from Chatwoot into the spool, checked against what WhatsApp takes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bridge.chatwoot.attachments import rewrite
from bridge.core.content import MediaKind
from bridge.core.outgoing import OutgoingMedia
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
from bridge.net.http import Http
from bridge.relay.directory import Entry
from bridge.relay.outgoing import AgentFile
from bridge.whatsapp.channel import Capabilities

_KINDS = {"image": MediaKind.IMAGE, "video": MediaKind.VIDEO, "audio": MediaKind.AUDIO}

_VOICE_MIMES = frozenset({"audio/ogg", "audio/opus"})
#: The first page of an Ogg file names what is in it.
_FIRST_PAGE = 512


class Unsendable(BridgeError):
    """A file that can never be sent as it is."""


class Uploads:
    def __init__(self, http: Http, spool: Path, *, limit: int, timeout: float) -> None:
        self._http = http
        self._spool = spool
        self._limit = limit
        self._timeout = timeout

    async def fetch(
        self, job: Job, number: int, entry: Entry, file: AgentFile, *, caption: str | None
    ) -> OutgoingMedia:
        """Bring the file into the spool. Raises `Unsendable`, or a `PeerError` to retry."""
        path = self._path(job, number)
        base = entry.inbox.url if entry.inbox else file.url
        try:
            got = await self._http.download(
                rewrite(file.url, base),
                path,
                limit=self._limit,
                timeout=self._timeout,
                peer="Chatwoot",
            )
        except TooBig as error:
            raise Unsendable(str(error), code="attachment.too_big") from error
        except (PeerGone, PeerRefused, ForbiddenAddress) as error:
            raise Unsendable(str(error), code="attachment.gone") from error
        except BridgeError as error:
            if error.remedy is Remedy.RETRY:  # Chatwoot's fault, not WhatsApp's
                error.scope = Scope.ONE
                error.certainty = Certainty.NOT_DONE
            raise
        able = entry.channel.capabilities
        kind = kind_for(got.mime, got.size, file.kind, able)
        if caption and kind not in able.captioned:
            kind = MediaKind.DOCUMENT  # sound with a text: better a file than no text
        voice = kind is MediaKind.AUDIO and await asyncio.to_thread(_is_voice, path, got.mime)
        return OutgoingMedia(
            media=kind,
            path=str(path),
            mime=got.mime,
            filename=file.name,
            caption=caption,
            voice=voice,
        )

    async def forget(self, job: Job, count: int) -> None:
        """Remove what a finished job left in the spool."""
        if b'"files":[]' not in job.payload:
            for number in range(count):
                await asyncio.to_thread(self._path(job, number).unlink, missing_ok=True)

    def _path(self, job: Job, number: int) -> Path:
        return self._spool / f"out-{job.id}-{number}"


def _is_voice(path: Path, mime: str) -> bool:
    """True for Ogg with Opus in it: what WhatsApp shows as a voice note; other sound stays a file.

    An Ogg file may hold other sound (Vorbis), which phones do not play as a voice note.
    """
    if mime.partition(";")[0].strip().lower() not in _VOICE_MIMES:
        return False
    with path.open("rb") as file:
        return b"OpusHead" in file.read(_FIRST_PAGE)


def kind_for(mime: str, size: int, said: str | None, able: Capabilities) -> MediaKind:
    """As what a file is sent: as itself when the channel takes it so, else as a document.

    Raises `Unsendable` when it fits not even there.
    """
    bare = mime.partition(";")[0].strip().lower()
    wanted = _KINDS.get(bare.partition("/")[0]) or _KINDS.get(said or "", MediaKind.DOCUMENT)
    for kind in (wanted, MediaKind.DOCUMENT):
        rule = able.sendable.get(kind)
        if rule is None or (rule.mimes is not None and bare not in rule.mimes):
            continue
        if size <= rule.max_bytes:
            return kind
    document = able.sendable.get(MediaKind.DOCUMENT)
    if document is not None and size > document.max_bytes:
        raise Unsendable(
            f"The file has {size} bytes, WhatsApp takes {document.max_bytes}.",
            code="attachment.too_big",
        )
    raise Unsendable(f"WhatsApp does not take files of type {bare}.", code="attachment.type")
