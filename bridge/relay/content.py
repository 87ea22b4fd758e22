"""What a customer's message looks like in Chatwoot: text, files, or a placeholder."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from bridge.chatwoot.attachments import File, upload_name
from bridge.core.identity import display_name, e164
from bridge.core.message import Media, Received, Text, Unsupported
from bridge.engine.queue import Job
from bridge.errors import BridgeError, Certainty, PeerDown, Remedy, Scope, TooBig
from bridge.locale import say
from bridge.relay.directory import Entry
from bridge.text.convert import to_chatwoot

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    text: str | None
    files: Sequence[File] = ()


class Renderer:
    """Files wait in the spool, named after their job, until the job has ended."""

    def __init__(self, spool: Path, *, limit: int, language: str) -> None:
        self._spool = spool
        self._limit = limit
        self._language = language

    async def render(self, job: Job, entry: Entry, event: Received) -> Rendered:
        """Raises a `PeerError` of scope ONE when a file cannot be fetched *now*.

        A file that can never be fetched becomes a placeholder: the message still arrives.
        """
        content = event.content
        if isinstance(content, Media):
            rendered = await self._media(job, entry, content)
        else:
            rendered = Rendered(text=self._text(content))
        if event.group is None:
            return rendered
        speaker = say(
            self._language,
            "group.sender",
            name=display_name(event.sender),
            number=e164(event.sender) or "-",
        )
        return Rendered(text=f"**{speaker}:**\n\n{rendered.text or ''}", files=rendered.files)

    async def forget(self, job: Job, event: Received) -> None:
        """Remove what the job left in the spool."""
        if isinstance(event.content, Media):
            await asyncio.to_thread(self.file(job.id).unlink, missing_ok=True)

    def file(self, job_id: int) -> Path:
        return self._spool / f"in-{job_id}"

    def _text(self, content: Text | Unsupported) -> str:
        if isinstance(content, Text):
            return to_chatwoot(content.body) if content.body.strip() else self._empty()
        if content.detail:
            return say(
                self._language,
                "placeholder.unsupported_detail",
                kind=content.upstream,
                detail=content.detail,
            )
        return say(self._language, "placeholder.unsupported", kind=content.upstream)

    def _empty(self) -> str:
        return say(self._language, "placeholder.empty")

    async def _media(self, job: Job, entry: Entry, media: Media) -> Rendered:
        path = self.file(job.id)
        caption = to_chatwoot(media.caption) if media.caption else None
        mime = media.mime
        if not await asyncio.to_thread(path.exists):
            try:
                fetched = await entry.channel.fetch(media, path, limit=self._limit)
            except BridgeError as error:
                if error.remedy is Remedy.NOTHING or isinstance(error, TooBig):
                    return Rendered(text=self._missing(media, error, caption))
                if error.remedy is Remedy.PERSON:
                    # WhatsApp's token, not Chatwoot's: the file can be had once it is mended.
                    raise PeerDown(str(error), code=error.cause, scope=Scope.ONE) from error
                error.scope = Scope.ONE  # not Chatwoot's fault
                error.certainty = Certainty.NOT_DONE
                raise
            mime = fetched.mime or media.mime
        name = upload_name(media.filename or media.media.value, mime)
        return Rendered(text=caption, files=(File(path=path, filename=name, mime=mime),))

    def _missing(self, media: Media, error: BridgeError, caption: str | None) -> str:
        log.warning("media.not_fetched", cause=error.cause)
        note = say(
            self._language, "placeholder.media_gone", kind=media.media.value, reason=error.message
        )
        return f"{note}\n\n{caption}" if caption else note
