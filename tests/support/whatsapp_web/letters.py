"""Messages to the client: encrypted for it, sent, and sent again when it could not open them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.whatsapp_web import protocols
from support.whatsapp_web.contents import edit_of, media_of, type_of
from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.ratchet import Bundle, pad
from support.whatsapp_web.sender_keys import SenderKey
from support.whatsapp_web.stanza import message_id, now

if TYPE_CHECKING:
    from support.whatsapp_web.companion import Companion
    from support.whatsapp_web.device import Device
    from support.whatsapp_web.groups import Group

_WRONG = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message on its way to one linked device."""

    device: Device
    to: Companion
    message: protocols.Message
    #: Who and where, as the stanza says it.
    attrs: dict[str, str | None]
    group: Group | None = None
    #: Encrypted so that the client cannot open it; the repetition is well.
    broken: bool = False
    id: str = field(default_factory=message_id)
    at: str = field(default_factory=now)


class Letters:
    def __init__(self) -> None:
        self._written: dict[str, Letter] = {}
        self._group_keys: dict[tuple[int, Jid, str], SenderKey] = {}
        #: How often each message was asked for again.
        self.retries: dict[str, int] = {}

    async def send(self, letter: Letter) -> str:
        """The id of the message."""
        self._written[letter.id] = letter
        await letter.to.push(self._stanza(letter), keep=True)
        return letter.id

    async def again(self, companion: Companion, receipt: Node) -> None:
        """The client could not open a message: encrypt it anew, for a session from its keys."""
        letter = self._written.get(receipt.get("id"))
        if letter is None:
            return
        number = self.retries[letter.id] = self.retries.get(letter.id, 0) + 1
        bundle = _bundle(receipt.child("keys")) or companion.bundle()
        letter.device.forget_sessions(companion.name)
        letter.device.open_session(companion.name, bundle)
        kind, data = letter.device.encrypt(companion.name, _plain(letter.message))
        enc = {"v": "2", "type": kind, "count": str(number), "mediatype": media_of(letter.message)}
        await companion.push(Node("message", _attrs(letter), [Node("enc", enc, data)]), keep=True)

    def _stanza(self, letter: Letter) -> Node:
        nodes: list[Node] = []
        if letter.group is not None:
            nodes = self._for_group(letter, letter.group)
        elif letter.broken:
            nodes = [Node("enc", {"v": "2", "type": "msg"}, b"\x33" + os.urandom(_WRONG))]
        else:
            nodes = [_enc(letter, letter.message)]
        return Node("message", _attrs(letter), nodes)

    def _for_group(self, letter: Letter, group: Group) -> list[Node]:
        name = (id(letter.device), group.jid, letter.to.name)
        nodes: list[Node] = []
        key = SenderKey.fresh() if letter.broken else self._group_keys.get(name)
        if key is None:
            key = self._group_keys[name] = SenderKey.fresh()
            handed = protocols.e2e.SenderKeyDistributionMessage(
                groupID=group.jid, axolotlSenderKeyDistributionMessage=key.handed_on()
            )
            nodes.append(_enc(letter, protocols.e2e.Message(senderKeyDistributionMessage=handed)))
        data = key.encrypt(pad(_plain(letter.message)))
        attrs = {"v": "2", "type": "skmsg", "mediatype": media_of(letter.message)}
        return [*nodes, Node("enc", attrs, data)]


def _plain(message: protocols.Message) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def _attrs(letter: Letter) -> dict[str, str | None]:
    kind, edit = type_of(letter.message), edit_of(letter.message)
    return {"id": letter.id, "t": letter.at, "type": kind, "edit": edit, **letter.attrs}


def _enc(letter: Letter, message: protocols.Message) -> Node:
    whom = letter.to.name
    if not letter.device.knows(whom):
        letter.device.open_session(whom, letter.to.bundle())
    kind, data = letter.device.encrypt(whom, _plain(message))
    return Node("enc", {"v": "2", "type": kind, "mediatype": media_of(message)}, data)


def _bundle(keys: Node | None) -> Bundle | None:
    """The keys that come with a second receipt of this kind."""
    if keys is None:
        return None
    one_time = keys.child("key")
    return Bundle(
        identity=keys.need("identity").data,
        signed_id=int.from_bytes(keys.need("skey", "id").data, "big"),
        signed=keys.need("skey", "value").data,
        one_time_id=int.from_bytes(one_time.need("id").data, "big") if one_time else None,
        one_time=one_time.need("value").data if one_time else None,
    )
