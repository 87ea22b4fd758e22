"""What an agent recorded or attached as sound goes out as a voice note, where that can be made.

Everything else stays what it is: a file with sound, or a document where WhatsApp does not play it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from bridge.core.content import MediaKind
from bridge.relay.filetypes import opus_channels
from bridge.voice.notes import INSTALL, Measured, NotMade, VoiceNotes, installed
from bridge.whatsapp.channel import Capabilities

log = structlog.get_logger(__name__)

MIME: Final = "audio/ogg"
#: Bytes; about 80 minutes. What is longer is no voice note.
_LONGEST: Final = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceNote:
    """It lies where the sound lay. Of one that is passed on as it came nothing may be known."""

    size: int
    seconds: int | None = None
    waveform: bytes | None = None


class Recordings:
    """`notes` is None where the optional part is missing; `wanted` is what the settings say."""

    def __init__(self, notes: VoiceNotes | None, *, wanted: bool) -> None:
        self._notes = notes
        self._wanted = wanted
        self._has_told = False

    @classmethod
    def here(cls, *, wanted: bool) -> Recordings:
        """With the optional part, if it is installed."""
        return cls(VoiceNotes() if installed() else None, wanted=wanted)

    async def voice_note(
        self, path: Path, mime: str, head: bytes, able: Capabilities
    ) -> VoiceNote | None:
        """Make the sound at `path` a voice note; None: it stays as it is."""
        limit = _room(able)
        if not self._wanted or not mime.startswith("audio/") or not limit:
            return None
        is_one = opus_channels(head) == 1
        try:
            known = await self._known(path, limit=None if is_one else limit)
        except NotMade as error:
            log.warning("voice.not_made", why=str(error), mime=mime)
            known = None
        if known is None and not is_one:
            return None
        size = (await asyncio.to_thread(path.stat)).st_size
        if known is None:
            return VoiceNote(size=size)
        return VoiceNote(size=size, seconds=known.seconds, waveform=known.waveform)

    async def _known(self, path: Path, *, limit: int | None) -> Measured | None:
        """Convert, or without a limit only measure; None without the optional part."""
        if self._notes is None:
            if not self._has_told:
                log.warning("voice.not_installed", remedy=INSTALL)
            self._has_told = True
            return None
        if limit is None:
            return await self._notes.measure(path)
        note = path.with_name(f".{path.name}.part")
        made = await self._notes.make(path, note, limit=limit)
        await asyncio.to_thread(note.replace, path)
        return made


def _room(able: Capabilities) -> int:
    """Bytes that a voice note may have on this channel; 0: it has none."""
    rule = able.sendable.get(MediaKind.AUDIO)
    if rule is None or (rule.mimes is not None and MIME not in rule.mimes):
        return 0
    return min(rule.max_bytes, _LONGEST)
