"""What a message from WhatsApp looks like in Chatwoot: text, files, or a placeholder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from bridge.chatwoot.attachments import File, upload_name
from bridge.core.content import Content, Media, Text, Unsupported
from bridge.core.identity import display_name, e164
from bridge.core.message import Received, SentByPhone
from bridge.core.party import Party
from bridge.engine.queue import Job
from bridge.errors import BridgeError, Certainty, PeerDown, PeerGone, Remedy, Scope, TooBig
from bridge.locale import failure, say, texts
from bridge.relay.directory import Entry
from bridge.text.convert import literal, neutralise_liquid, to_chatwoot

log = structlog.get_logger(__name__)


#: A message that the number's session could not open; the phone may send it again.
_UNDECRYPTABLE: Final = "undecryptable"
#: What WhatsApp Web's names of kinds end with.
_ENDING: Final = re.compile(r"Message(V\d)?$")


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

    async def render(self, job: Job, entry: Entry, event: Received | SentByPhone) -> Rendered:
        """Raises a `PeerError` of scope ONE when a file cannot be fetched *now*.

        A file that can never be fetched becomes a placeholder: the message still arrives.
        """
        content = event.content
        if isinstance(content, Media):
            rendered = await self._media(job, entry, content)
        else:
            rendered = Rendered(text=self._text(content))
        if isinstance(event, SentByPhone):
            text = rendered.text
            return replace(rendered, text=neutralise_liquid(text) if text else None)
        if event.group is None:
            return rendered
        speaker = self._speaker(event.sender)
        return Rendered(text=f"**{speaker}:**\n\n{rendered.text or ''}", files=rendered.files)

    async def forget(self, job: Job, event: Received | SentByPhone) -> None:
        """Remove what the job left in the spool."""
        if isinstance(event.content, Media):
            await asyncio.to_thread(self.file(job.id).unlink, missing_ok=True)

    def file(self, job_id: int) -> Path:
        return self._spool / f"in-{job_id}"

    def _speaker(self, member: Party) -> str:
        """Who speaks in a group, with the number where that is known and is not the name."""
        shown, number = display_name(member), e164(member)
        name = literal(shown)
        if number is None or number == shown:
            return name
        return say(self._language, "group.sender", name=name, number=number)

    def _text(self, content: Content) -> str:
        if isinstance(content, Text):
            return to_chatwoot(content.body) if content.body.strip() else self._empty()
        if not isinstance(content, Unsupported):
            return say(self._language, "placeholder.unsupported", kind=self._kind(content.kind))
        if content.upstream == _UNDECRYPTABLE:
            return say(self._language, "placeholder.undecryptable")
        kind = self._kind(content.upstream)
        if content.detail:
            return say(
                self._language,
                "placeholder.unsupported_detail",
                kind=kind,
                detail=literal(content.detail),
            )
        return say(self._language, "placeholder.unsupported", kind=kind)

    def _kind(self, upstream: str) -> str:
        """The channel's word for a kind in the agents' language, where there is one."""
        known = texts(self._language).get(f"kind.{_ENDING.sub('', upstream)}")
        return literal(upstream) if known is None else known

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
            self._language,
            "placeholder.media_gone",
            kind=self._kind(media.media.value),
            reason=failure(self._language, _reason(error), error.message),
        )
        return f"{note}\n\n{caption}" if caption else note


def _reason(error: BridgeError) -> str:
    """Which text says why a file is missing."""
    return "whatsapp.media_gone" if isinstance(error, PeerGone) else error.cause
