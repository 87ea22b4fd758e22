"""Somebody with WhatsApp: writes, types, confirms and calls, and reads what the client sends."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from support.whatsapp_web import contents, polls, protocols
from support.whatsapp_web.device import Device
from support.whatsapp_web.letters import Letter
from support.whatsapp_web.media import File
from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.stanza import message_id, now

if TYPE_CHECKING:
    from support.whatsapp_web.companion import Companion
    from support.whatsapp_web.double import WhatsAppWeb
    from support.whatsapp_web.groups import Group
    from support.whatsapp_web.receiving import Sent

#: The address under which somebody writes.
Via: TypeAlias = Literal["lid", "pn"]


class Person:
    def __init__(
        self, double: WhatsAppWeb, number: str, *, lid: str, name: str, devices: int = 1
    ) -> None:
        self.double = double
        self.pn: Jid = Jid(f"{number}@s.whatsapp.net")
        self.lid: Jid = Jid(f"{lid}@lid")
        self.name = name
        self.about: str = ""
        self.picture = b""
        self.picture_id: str = ""
        self.devices = {number: Device() for number in range(devices)}
        #: Linked devices that are clients under test, by number: only a phone has some.
        self.companions: dict[int, Companion] = {}
        #: What the client sent to this person (not to groups), each message once.
        self.inbox: list[Sent] = []
        self._read = 0

    @property
    def users(self) -> set[str]:
        return {self.pn.user, self.lid.user}

    @property
    def device_numbers(self) -> set[int]:
        return set(self.devices) | set(self.companions)

    def jid(self, via: Via = "lid") -> Jid:
        return self.lid if via == "lid" else self.pn

    async def next_message(self) -> Sent:
        """The next that arrives here from a client; what came before is given first."""
        await self.double.journal.until(
            lambda: len(self.inbox) > self._read, "a message arrives at the person"
        )
        self._read += 1
        return self.inbox[self._read - 1]

    async def writes(
        self,
        companion: Companion,
        content: str | protocols.Message,
        *,
        via: Via = "lid",
        id: str | None = None,  # noqa: A002  as everybody calls it
        group: Group | None = None,
        broken: bool = False,
        at: int | None = None,
        alternative: bool = True,
        notify: str | None = None,
        attrs: Mapping[str, str] | None = None,
    ) -> str:
        """The id of the message. `alternative`: the stanza also names the other address.

        `broken`: the client cannot open it, and gets it again when it asks. `attrs` are more
        words of the stanza, such as `verified_name`.
        """
        message = contents.text(content) if isinstance(content, str) else content
        letter = Letter(
            device=self.devices[0],
            to=companion,
            message=message,
            attrs=self._sender(via, group, alternative=alternative)
            | {"notify": self.name if notify is None else notify, **(attrs or {})},
            group=group,
            broken=broken,
            id=id or message_id(),
            at=str(at) if at is not None else now(),
        )
        return await self.double.letters.send(letter)

    def _sender(self, via: Via, group: Group | None, *, alternative: bool) -> dict[str, str | None]:
        other, which = (self.pn, "pn") if via == "lid" else (self.lid, "lid")
        prefix = "sender" if group is None else "participant"
        attrs: dict[str, str | None] = {"addressing_mode": via}
        if alternative:
            attrs[f"{prefix}_{which}"] = other
        if group is None:
            return {"from": self.jid(via), **attrs}
        return {"from": group.jid, "participant": self.jid(via), **attrs}

    async def withholds(
        self, companion: Companion, *, kind: str = "view_once", via: Via = "lid"
    ) -> str:
        """The id of a message that linked devices are told of and do not get."""
        told = message_id()
        attrs = {"id": told, "t": now(), "type": "media", "notify": self.name}
        node = Node(
            "message",
            self._sender(via, None, alternative=True) | attrs,
            [Node("unavailable", {"type": kind})],
        )
        await companion.push(node, keep=True)
        return told

    async def sends(
        self, companion: Companion, file: File, *, via: Via = "lid", **more: Any
    ) -> str:
        """A message with a file of `double.media`; `more` are fields such as `caption`."""
        return await self.writes(companion, contents.media(file, **more), via=via)

    async def answers(self, companion: Companion, body: str, *, to: Sent, via: Via = "lid") -> str:
        """Quote a message of the client."""
        author = companion.phone.jid(via)
        context = contents.quote(to.id, author=author, quoted=to.message)
        return await self.writes(companion, contents.text(body, quotes=context), via=via)

    async def revokes(self, companion: Companion, message: str, *, via: Via = "lid") -> str:
        of = contents.key(message, chat=companion.phone.jid(via))
        return await self.writes(companion, contents.revocation(of), via=via)

    async def edits(
        self, companion: Companion, message: str, body: str, *, via: Via = "lid"
    ) -> str:
        of = contents.key(message, chat=companion.phone.jid(via))
        return await self.writes(companion, contents.edit(of, contents.text(body)), via=via)

    async def reacts(
        self,
        companion: Companion,
        message: str,
        sign: str,
        *,
        own: bool = False,
        via: Via = "lid",
    ) -> str:
        """To a message of the client, or with `own` to one of this person."""
        of = contents.key(message, chat=companion.phone.jid(via), from_me=own)
        return await self.writes(companion, contents.reaction(of, sign), via=via)

    async def asks(
        self,
        companion: Companion,
        question: str,
        *options: str,
        most: int = 1,
        group: Group | None = None,
        via: Via = "lid",
    ) -> str:
        """The id of a poll."""
        secret = os.urandom(32)
        made = polls.poll(question, options, secret=secret, most=most)
        told = await self.writes(companion, made, group=group, via=via)
        self.double.polls[told] = self.jid(via), secret
        return told

    async def votes(
        self,
        companion: Companion,
        poll: str,
        *options: str,
        group: Group | None = None,
        via: Via = "lid",
    ) -> str:
        """In a poll of whomever; without options the vote is taken back."""
        asker, secret = self.double.polls[poll]
        mine = asker.user in self.users
        where = group.jid if group else companion.phone.jid(via)
        key = contents.key(poll, chat=where, from_me=mine, author=asker if group else "")
        said = polls.vote(key, options, asker=asker, voter=self.jid(via), secret=secret)
        return await self.writes(companion, said, group=group, via=via)

    async def types(
        self, companion: Companion, state: str = "composing", *, media: str = "", via: Via = "lid"
    ) -> None:
        """`media="audio"`: a voice message is being recorded."""
        told = Node(state, {"media": media})
        await companion.push(Node("chatstate", {"from": self.jid(via)}, [told]))

    async def appears(self, companion: Companion, *, via: Via = "lid") -> None:
        await companion.push(Node("presence", {"from": self.jid(via)}))

    async def leaves(
        self, companion: Companion, *, last: int | None = None, via: Via = "lid"
    ) -> None:
        seen = str(int(time.time()) if last is None else last)
        attrs = {"from": self.jid(via), "type": "unavailable", "last": seen}
        await companion.push(Node("presence", attrs))

    async def confirms(
        self,
        companion: Companion,
        *ids: str,
        kind: Literal["", "read", "played", "inactive"] = "",
        group: Group | None = None,
        via: Via = "lid",
    ) -> None:
        """The receipt of one or more messages of the client; "" says that they were delivered."""
        attrs: dict[str, str | None] = {"id": ids[0], "type": kind, "t": now()}
        attrs |= {"from": self.jid(via)}
        if group is not None:
            attrs |= {"from": group.jid, "participant": self.jid(via)}
        items = [Node("item", {"id": one}) for one in ids[1:]]
        content = [Node("list", {}, items)] if items else None
        await companion.push(Node("receipt", attrs, content), keep=True)

    async def retries(self, companion: Companion, sent: Sent, *, device: int = 0) -> None:
        """As if this device could not open a message: it asks for it once more."""
        phone = self.devices[device]
        phone.forget(companion.name)
        keys = phone.offer()
        registration, *bundle = keys
        attrs = {"from": self.lid.on(device), "id": sent.id, "type": "retry", "t": now()}
        count = Node("retry", {"count": "1", "id": sent.id, "t": now(), "v": "1"})
        await companion.push(
            Node("receipt", attrs, [count, registration, Node("keys", {}, bundle)]), keep=True
        )

    async def calls(self, companion: Companion, *, video: bool = False, via: Via = "lid") -> str:
        """The id of the call, which goes on until `hangs_up`."""
        call = os.urandom(16).hex().upper()
        content = [Node("audio", {"enc": "opus", "rate": "16000"})]
        if video:
            content.append(Node("video", {"enc": "vp8"}))
        await self._call(companion, "offer", call, content, via)
        return call

    async def hangs_up(self, companion: Companion, call: str, *, via: Via = "lid") -> None:
        await self._call(companion, "terminate", call, [], via)

    async def _call(
        self, companion: Companion, tag: str, call: str, content: list[Node], via: Via
    ) -> None:
        other = {"caller_pn": self.pn} if via == "lid" else {"caller_lid": self.lid}
        told = {"call-id": call, "call-creator": self.jid(via), **other}
        attrs = {"from": self.jid(via), "id": message_id(), "t": now(), "notify": self.name}
        attrs |= {"platform": "android", "version": "2.26.20"}
        await companion.push(Node("call", attrs, [Node(tag, told, content)]), keep=True)

    def shows(self, picture: bytes) -> None:
        """A profile picture, or none."""
        self.picture = picture
        self.picture_id = str(int.from_bytes(os.urandom(4), "big")) if picture else ""
        if picture:
            self.double.media.pictures[f"/pictures/{self.picture_id}.jpg"] = picture

    async def tells_picture(self, companion: Companion) -> None:
        """The picture has changed: what the server tells those who know this person."""
        told = Node("set" if self.picture else "delete", {"id": self.picture_id, "jid": self.lid})
        attrs = {"from": self.lid, "type": "picture", "id": message_id(), "t": now()}
        await companion.push(Node("notification", attrs, [told]), keep=True)
