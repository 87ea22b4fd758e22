"""The phone of an account: links clients under test, and writes to others by itself."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from support.whatsapp_web import contents, pairing, polls, protocols
from support.whatsapp_web.app_state import NEXT, Settings
from support.whatsapp_web.companion import Companion
from support.whatsapp_web.groups import Group
from support.whatsapp_web.keys import KeyPair
from support.whatsapp_web.letters import Letter
from support.whatsapp_web.nodes import Node
from support.whatsapp_web.person import Person, Via
from support.whatsapp_web.stanza import message_id, now

if TYPE_CHECKING:
    from support.whatsapp_web.double import WhatsAppWeb


class Phone(Person):
    def __init__(
        self, double: WhatsAppWeb, number: str, *, lid: str, name: str, business: str = ""
    ) -> None:
        super().__init__(double, number, lid=lid, name=name)
        self.business = business
        self.settings = Settings(name=name)
        #: What linked devices ask of this phone.
        self.asked: list[protocols.Message] = []
        self._linked = 0

    @property
    def identity(self) -> KeyPair:
        return self.devices[0].identity

    @property
    def companion(self) -> Companion:
        """The device that was linked last. Raises `LookupError` when there is none."""
        if not self.companions:
            raise LookupError("no device is linked")
        return self.companions[max(self.companions)]

    async def scan(self, shown: str) -> Companion:
        """Link the device that shows this QR code; see `Companion.connected`."""
        return await pairing.scan(self, shown)

    async def enter_code(self, code: str) -> Companion:
        """Link the device that shows these eight characters."""
        return await pairing.enter(self, code)

    async def unlink(self, companion: Companion | None = None) -> None:
        """Remove a linked device from the list on the phone."""
        whom = companion or self.companion
        self.companions.pop(whom.device)
        connection = whom.connection
        if connection is not None:
            conflict = Node("conflict", {"type": "device_removed"})
            await connection.end_with(Node("stream:error", {"code": "401"}, [conflict]))

    async def writes_to(
        self,
        whom: Person | Group,
        content: str | protocols.Message,
        *,
        id: str | None = None,  # noqa: A002  as everybody calls it
        via: Via = "lid",
        companion: Companion | None = None,
    ) -> str:
        """Type a message on the phone itself; the linked device gets a copy of it."""
        message = contents.text(content) if isinstance(content, str) else content
        linked = companion or self.companion
        if isinstance(whom, Group):
            return await self.writes(linked, message, id=id, group=whom, via=via)
        envelope = protocols.e2e.DeviceSentMessage(destinationJID=whom.jid(via), message=message)
        copy = protocols.e2e.Message(deviceSentMessage=envelope)
        if message.HasField("messageContextInfo"):
            copy.messageContextInfo.CopyFrom(message.messageContextInfo)
        attrs: dict[str, str | None] = {
            "from": self.jid(via),
            "recipient": whom.jid(via),
            "notify": self.name,
            "addressing_mode": via,
        }
        other = {"peer_recipient_pn": whom.pn} if via == "lid" else {"peer_recipient_lid": whom.lid}
        letter = Letter(
            device=self.devices[0],
            to=linked,
            message=copy,
            attrs=attrs | other,
            id=id or message_id(),
        )
        return await self.double.letters.send(letter)

    async def asks_in(self, whom: Person | Group, question: str, *options: str) -> str:
        """The id of a poll that is made on the phone itself."""
        secret = os.urandom(32)
        told = await self.writes_to(whom, polls.poll(question, options, secret=secret))
        self.double.polls[told] = self.lid, secret
        return told

    async def sends_history(
        self, history: protocols.Message, *, inline: bool = True, companion: Companion | None = None
    ) -> str:
        """A `protocols.history.HistorySync`, in the message itself or as a file."""
        packed = zlib.compress(history.SerializeToString())
        notice = protocols.e2e.HistorySyncNotification(
            syncType=history.syncType, chunkOrder=history.chunkOrder, progress=history.progress
        )
        if inline:
            notice.initialHistBootstrapInlinePayload = packed
        else:
            file = self.double.media.put(packed, kind="history", mime="")
            fields = file.fields()
            for name in ("directPath", "mediaKey", "fileLength", "fileSHA256", "fileEncSHA256"):
                setattr(notice, name, fields[name])
        protocol = protocols.e2e.ProtocolMessage
        message = protocols.e2e.Message(
            protocolMessage=protocol(
                type=protocol.HISTORY_SYNC_NOTIFICATION, historySyncNotification=notice
            )
        )
        return await self._tell(companion or self.companion, message)

    async def shares_settings(self, companion: Companion | None = None) -> None:
        """Give a device the name of the account; it cannot be shown as online before."""
        whom = companion or self.companion
        await self._tell(whom, self.settings.handed_on())
        await whom.says(
            "the client has read the settings",
            lambda node: (
                node.get("xmlns") == "w:sync:app:state"
                and any(one.get("name") == NEXT for one in node.need("sync").nodes)
            ),
        )

    async def _tell(self, companion: Companion, message: protocols.Message) -> str:
        """Something for the device itself, not for a person."""
        letter = Letter(
            device=self.devices[0],
            to=companion,
            message=message,
            attrs={
                "from": self.lid,
                "recipient": self.lid,
                "peer_recipient_pn": self.pn,
                "category": "peer",
            },
        )
        return await self.double.letters.send(letter)

    async def reads(self, whom: Person, *ids: str, companion: Companion | None = None) -> None:
        """Open a chat on the phone: the linked device is told which messages were read there."""
        items = [Node("item", {"id": one}) for one in ids[1:]]
        attrs = {
            "from": self.lid,
            "recipient": whom.lid,
            "id": ids[0],
            "type": "read-self",
            "t": now(),
        }
        content = [Node("list", {}, items)] if items else None
        await (companion or self.companion).push(Node("receipt", attrs, content), keep=True)

    def next_device(self) -> int:
        self._linked += 1
        return self._linked

    def adopt(self, companion: Companion) -> None:
        self.companions[companion.device] = companion
        self.double.journal.changed()
