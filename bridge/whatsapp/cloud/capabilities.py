"""What the Cloud API can send, and how much of it (whatsapp-channels.md A.8)."""

from __future__ import annotations

from bridge.core.content import MediaKind
from bridge.whatsapp.channel import Capabilities, MediaRule

__all__ = ("CAPABILITIES",)

MIB = 1024 * 1024

#: The mime types are without parameters.
CAPABILITIES = Capabilities(
    text_limit=4096,
    caption_limit=1024,
    sendable={
        MediaKind.IMAGE: MediaRule(max_bytes=5 * MIB, mimes=frozenset({"image/jpeg", "image/png"})),
        MediaKind.VIDEO: MediaRule(
            max_bytes=16 * MIB, mimes=frozenset({"video/mp4", "video/3gpp"})
        ),
        MediaKind.AUDIO: MediaRule(
            max_bytes=16 * MIB,
            mimes=frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}),
        ),
        MediaKind.DOCUMENT: MediaRule(max_bytes=100 * MIB),
        MediaKind.STICKER: MediaRule(max_bytes=500 * 1024, mimes=frozenset({"image/webp"})),
    },
    unordered_sends=True,
    # Meta tells of the phone's messages alone; gateways that speak its API tell of ours too (A.14).
    echoes_sends=True,
    buttons=3,
    button_title=20,
    list_rows=10,
    row_title=24,
    row_description=72,
    menu_body=1024,
    templates=True,
    window_hours=24,
    locations=True,
    cards=True,
)
