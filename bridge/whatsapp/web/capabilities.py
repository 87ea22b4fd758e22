"""What WhatsApp Web can send (evolution-chatwoot.md 4.7, whatsapp-channels.md E.4)."""

from __future__ import annotations

from typing import Final

from bridge.core.content import MediaKind
from bridge.whatsapp.channel import Capabilities, MediaRule

__all__ = ("CAPABILITIES",)

MIB: Final = 1024 * 1024

#: What phones show of these kinds; a file of any other type goes as a document, as on the phone.
#: WhatsApp takes larger documents; a worker holds a file in memory while it encrypts it.
CAPABILITIES: Final = Capabilities(
    text_limit=65_536,
    caption_limit=1024,
    sendable={
        MediaKind.IMAGE: MediaRule(
            max_bytes=16 * MIB, mimes=frozenset({"image/jpeg", "image/png"})
        ),
        MediaKind.VIDEO: MediaRule(
            max_bytes=64 * MIB, mimes=frozenset({"video/mp4", "video/3gpp"})
        ),
        MediaKind.AUDIO: MediaRule(
            max_bytes=64 * MIB,
            mimes=frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
        ),
        MediaKind.DOCUMENT: MediaRule(max_bytes=100 * MIB),
        MediaKind.STICKER: MediaRule(max_bytes=MIB, mimes=frozenset({"image/webp"})),
    },
    unordered_sends=False,
    groups=True,
    locations=True,
    cards=True,
    edit_seconds=15 * 60,
)
