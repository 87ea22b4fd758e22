"""What a message from WhatsApp looks like in Chatwoot: text, files, or a placeholder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import structlog

from bridge.chatwoot.attachments import File, bare_mime, file_name
from bridge.core.content import Content, Media, MediaKind
from bridge.core.message import Received, SentByPhone
from bridge.engine.queue import Job
from bridge.errors import BridgeError, Certainty, PeerDown, PeerGone, Remedy, Scope, TooBig
from bridge.locale import failure, say
from bridge.net.http import Http
from bridge.relay.decorating import decorated, told
from bridge.relay.directory import Entry
from bridge.relay.filetypes import HEAD, content_type
from bridge.relay.targets import speaker
from bridge.relay.wording import Worded, worded
from bridge.relay.wording.sheet import address, blocks, lines, words
from bridge.relay.wording.unknown import kind_in_words
from bridge.text.convert import literal, neutralise_liquid

log = structlog.get_logger(__name__)

_MIB: Final = 1024 * 1024
#: Bytes of an event whose words hold nobody up: 64 KB of nothing but marks take half a second.
_LONG: Final = 8 * 1024
#: So often the server of a flow's file is asked again before its address is shown.
_TRIES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A file that cannot be had: the cause, and what agents are told of it."""

    cause: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    text: str | None
    files: Sequence[File] = ()
    #: The file was recorded with the microphone.
    voice: bool = False
    #: What machines are told, for `content_attributes`.
    attributes: dict[str, Any] = field(default_factory=dict)
    #: The text stands for a file that could not be had.
    missing: Missing | None = None


class Renderer:
    """Files wait in the spool, named after their job, until the job has ended.

    `limit` says how many bytes a file of an instance may have. `view_once`: whether files that are
    to be seen once are shown, or only said to be there. `http` fetches what a flow named by its
    address, within `timeout` seconds: once more, so that nothing of it waits in the spool while
    Chatwoot is away. What cannot be had any more is shown as its address.
    """

    def __init__(
        self,
        spool: Path,
        *,
        limit: Callable[[Entry], int],
        view_once: Literal["show", "placeholder"] = "show",
        http: Http | None = None,
        timeout: float = 60,
    ) -> None:
        self._spool = spool
        self._limit = limit
        self._view_once = view_once
        self._http = http
        self._timeout = timeout

    async def render(self, job: Job, entry: Entry, event: Received | SentByPhone) -> Rendered:
        """Raises a `PeerError` of scope ONE when a file cannot be fetched *now*.

        A file that can never be fetched becomes a placeholder: the message still arrives.
        """
        say_it = partial(worded, event.content, language=entry.language, mentions=event.mentions)
        is_long = len(job.payload) > _LONG
        said = await asyncio.to_thread(say_it) if is_long else say_it()
        if isinstance(event.content, Media):
            if isinstance(event, SentByPhone) and event.by_bot and not event.content.handle:
                rendered = await self._named(job, entry, event.content, said)
            else:
                rendered = await self._media(job, entry, event.content, said)
        else:
            rendered = Rendered(text=said.text)
        text = decorated(event, rendered.text, entry.language)
        if isinstance(event, Received) and event.group is not None:
            text = blocks(f"**{speaker(event.sender, entry.language)}:**", text or "")
        elif isinstance(event, SentByPhone) and text:
            text = neutralise_liquid(text)
        return replace(rendered, text=text, attributes=told(event, said.attributes))

    async def forget(self, job: Job, event: Received | SentByPhone) -> None:
        """Remove what the job left in the spool."""
        if isinstance(event.content, Media):
            await asyncio.to_thread(self.file(job.id).unlink, missing_ok=True)

    def withholds(self, content: Content) -> bool:
        """Whether the settings keep the file of this content from agents."""
        is_once = isinstance(content, Media) and content.view_once
        return is_once and self._view_once == "placeholder"

    def file(self, job_id: int) -> Path:
        return self._spool / f"in-{job_id}"

    async def _named(self, job: Job, entry: Entry, media: Media, said: Worded) -> Rendered:
        """A file that a flow named by its address, or the address."""
        path = self.file(job.id)
        mime = media.mime
        if self._http is None or not media.url:
            return _linked(media, said)
        if not await asyncio.to_thread(path.exists):
            try:
                got = await self._http.download(
                    media.url,
                    path,
                    limit=self._limit(entry),
                    timeout=self._timeout,
                    peer="The file's server",
                )
            except BridgeError as error:
                if error.remedy is Remedy.RETRY and job.attempts < _TRIES:
                    error.scope = Scope.ONE  # not Chatwoot's fault
                    error.certainty = Certainty.NOT_DONE
                    raise
                log.info("media.linked", cause=error.cause)
                return _linked(media, said)
            mime = got.mime
        return _with(await asyncio.to_thread(_file, path, media, mime), media, said, entry.language)

    async def _media(self, job: Job, entry: Entry, media: Media, said: Worded) -> Rendered:
        if self.withholds(media):
            kind = kind_in_words(media.media.value, entry.language)
            note = say(entry.language, "placeholder.view_once", kind=kind)
            return Rendered(text=blocks(note, said.text or ""))
        path = self.file(job.id)
        mime, limit = media.mime, self._limit(entry)
        if not await asyncio.to_thread(path.exists):
            try:
                fetched = await entry.channel.fetch(media, path, limit=limit)
            except BridgeError as error:
                if error.remedy is Remedy.NOTHING or isinstance(error, TooBig):
                    return _without(media, error, said, limit, entry.language)
                if error.remedy is Remedy.PERSON:
                    # WhatsApp's token, not Chatwoot's: the file can be had once it is mended.
                    raise PeerDown(str(error), code=error.cause, scope=Scope.ONE) from error
                error.scope = Scope.ONE  # not Chatwoot's fault
                error.certainty = Certainty.NOT_DONE
                raise
            mime = fetched.mime or media.mime
        file = await asyncio.to_thread(_file, path, media, mime)
        return _with(file, media, said, entry.language)


def _linked(media: Media, said: Worded) -> Rendered:
    link = address(media.url) or literal(words(media.filename, 80)) or media.media.value
    return Rendered(text=blocks(said.text or "", lines([link])))


def _with(file: File, media: Media, said: Worded, language: str) -> Rendered:
    text = said.text
    if media.media is MediaKind.STICKER and not file.mime.startswith("image/"):
        # Animations of WhatsApp's own (Lottie), which no browser shows.
        text = blocks(say(language, "shown.sticker_file"), text or "")
    voice = media.voice and file.mime.startswith("audio/")
    return Rendered(text=text, files=(file,), voice=voice)


def _without(media: Media, error: BridgeError, said: Worded, limit: int, language: str) -> Rendered:
    log.warning("media.not_fetched", cause=error.cause)
    if isinstance(error, TooBig):
        reason = say(language, "placeholder.too_big", limit=limit // _MIB)
    else:
        unknown = say(language, "placeholder.no_reason")
        reason = failure(language, _reason(error), unknown)
    kind = kind_in_words(media.media.value, language)
    name = literal(words(media.filename, 80))
    which = f"{kind}, {name}" if name else kind
    note = say(language, "placeholder.media_gone", kind=which, reason=reason)
    return Rendered(
        text=blocks(note, _how(error, language), said.text or ""),
        missing=Missing(cause=error.cause, reason=reason),
    )


def _how(error: BridgeError, language: str) -> str:
    """How to try again; a file does not become smaller."""
    if isinstance(error, TooBig):
        return ""
    command = say(language, "placeholder.retry_command")
    return say(language, "placeholder.retry", command=command)


def _file(path: Path, media: Media, mime: str) -> File:
    """A file of the spool as Chatwoot is to know it: what is in it counts.

    Chatwoot shows a file by the type that we tell (chatwoot-api.md 1.8).
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    kind = media.media.value
    name = media.filename or ""
    found = content_type(head, told=mime, kind=kind, name=name)
    # A parameter such as `codecs=opus` stays with the type that it belongs to.
    is_as_told = found == bare_mime(mime)
    filename = file_name(name or kind, found, told=is_as_told)
    return File(path=path, filename=filename, mime=mime if is_as_told else found)


def _reason(error: BridgeError) -> str:
    """Which text says why a file is missing."""
    return "whatsapp.media_gone" if isinstance(error, PeerGone) else error.cause
