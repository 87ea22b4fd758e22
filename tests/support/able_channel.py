"""A number connected by QR code whose phone shows more: places, cards, buttons; and takes edits."""

from __future__ import annotations

from dataclasses import replace

from bridge.core.outgoing import OutgoingText
from bridge.core.party import Party
from bridge.errors import PeerDown
from bridge.whatsapp.channel import Capabilities
from support.qr_channel import LoggingQrChannel

#: Seconds in which a text may be changed.
EDITABLE = 900


class AbleChannel(LoggingQrChannel):
    """Also `Edits`. `edited` is shared by all channels of one phone."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(
            super().capabilities,
            locations=True,
            cards=True,
            buttons=3,
            list_rows=10,
            edit_seconds=EDITABLE,
        )

    async def edit(self, chat: Party, message_id: str, content: OutgoingText, *, key: str) -> None:
        assert key
        await self._phone.asked("edit")
        if not self._phone.is_open:
            raise PeerDown("The websocket is not connected.", code="whatsapp.disconnected")
        self._phone.edited.append((chat, message_id, content.body))
        self._phone.note("edited")
