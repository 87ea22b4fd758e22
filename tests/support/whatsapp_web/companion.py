"""A linked device: the client under test, as the server knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from support.whatsapp_web import protocols
from support.whatsapp_web.nodes import SERVER, Jid, Node
from support.whatsapp_web.ratchet import Bundle

if TYPE_CHECKING:
    from support.whatsapp_web.connection import Connection
    from support.whatsapp_web.phone import Phone
    from support.whatsapp_web.receiving import Sent


class Companion:
    def __init__(self, phone: Phone, device: int, *, registration: Any, noise_key: bytes) -> None:
        self.phone = phone
        self.device = device
        self.noise_key = noise_key
        self.identity: bytes = registration.eIdent
        self.connection: Connection | None = None
        #: All messages that the server took from it, in order; repeated ones too.
        self.sent: list[Sent] = []
        #: The last of each id.
        self.sent_by_id: dict[str, Sent] = {}
        #: All stanzas that came from it, except questions and messages.
        self.said: list[Node] = []
        #: Ids of messages that it acknowledged, in order.
        self.acked: list[str] = []
        #: What it did not take, with the number that it gave, or "retry".
        self.refused: dict[str, str] = {}
        #: Its one-time keys, until each is used.
        self.one_time: list[tuple[int, bytes]] = []
        self.is_active = False
        self.logins = 0
        self._registration = registration
        self._signed_id = int.from_bytes(registration.eSkeyID, "big")
        self._signed: bytes = registration.eSkeyVal
        #: What goes out again at each login until it acknowledges it, by kind and id.
        self._kept: dict[tuple[str, str], list[Node]] = {}
        self._acked: set[str] = set()
        self._order = asyncio.Lock()
        self._told = 0
        self._logins_told = 1
        self._journal = phone.double.journal

    @property
    def pn(self) -> Jid:
        return self.phone.pn.on(self.device)

    @property
    def lid(self) -> Jid:
        return self.phone.lid.on(self.device)

    @property
    def name(self) -> str:
        """By which the devices of others know its sessions."""
        return f"{self.phone.pn.user}:{self.device}"

    @property
    def device_name(self) -> str:
        """What stands in the phone's list of linked devices."""
        told = protocols.registration.DeviceProps.FromString(self._registration.deviceProps)
        return str(told.os)

    @property
    def is_linked(self) -> bool:
        return self.phone.companions.get(self.device) is self

    @property
    def waiting(self) -> list[str]:
        """Ids of messages that it has not acknowledged."""
        return [number for kind, number in self._kept if kind == "message"]

    def bundle(self) -> Bundle:
        """What opens a session to it; each one-time key is given once."""
        number, key = self.one_time.pop(0) if self.one_time else (None, None)
        return Bundle(
            identity=self.identity,
            signed_id=self._signed_id,
            signed=self._signed,
            one_time_id=number,
            one_time=key,
        )

    def offer(self) -> list[Node]:
        """The same, as the server tells it to others."""
        found = self.bundle()
        nodes = [
            Node("registration", {}, self._registration.eRegid),
            Node("type", {}, b"\x05"),
            Node("identity", {}, self.identity),
            Node(
                "skey",
                {},
                [
                    Node("id", {}, self._registration.eSkeyID),
                    Node("value", {}, found.signed),
                    Node("signature", {}, self._registration.eSkeySig),
                ],
            ),
        ]
        if found.one_time is not None and found.one_time_id is not None:
            number = Node("id", {}, found.one_time_id.to_bytes(3, "big"))
            nodes.append(Node("key", {}, [number, Node("value", {}, found.one_time)]))
        return nodes

    async def connected(self) -> None:
        """Wait until it is logged in and takes messages."""
        await self._journal.until(lambda: self.is_active, "the client logs in")

    async def gone(self) -> None:
        """Wait until it has no connection."""
        await self._journal.until(lambda: self.connection is None, "the client goes")

    async def unlinked(self) -> None:
        """Wait until it is no device of the account any more, because it logged out."""
        await self._journal.until(lambda: not self.is_linked, "the client logs out")

    async def next_sent(self) -> Sent:
        """The next message of it; what it sent before is given first, each once."""
        await self._journal.until(lambda: len(self.sent) > self._told, "the client sends a message")
        self._told += 1
        return self.sent[self._told - 1]

    async def acks(self, *ids: str) -> None:
        """Wait until it has acknowledged all these messages."""
        await self._journal.until(
            lambda: self._acked.issuperset(ids), "the client acknowledges messages"
        )

    async def settled(self) -> None:
        """Wait until it has acknowledged all that was kept for it, of every kind."""
        await self._journal.until(lambda: not self._kept, "the client acknowledges everything")

    async def says(self, what: str, predicate: Callable[[Node], bool]) -> Node:
        """The first stanza that is so, of all that came and will come."""
        found: list[Node] = []

        def seen() -> bool:
            found[:] = [node for node in self.said if predicate(node)]
            return bool(found)

        await self._journal.until(seen, what)
        return found[0]

    async def confirms(self, message: str, kind: str = "") -> Node:
        """Its receipt for a message: "" delivered, "inactive", "read", "played", "retry", ..."""
        return await self.says(
            f"the client confirms ({kind or 'delivered'})",
            lambda node: (
                node.tag == "receipt" and node.get("type") == kind and message in receipt_ids(node)
            ),
        )

    async def types(self, state: str = "composing") -> Node:
        return await self.says(
            f"the client shows {state}",
            lambda node: node.tag == "chatstate" and node.child(state) is not None,
        )

    async def again(self) -> None:
        """Wait until it has logged in once more than at the last such wait."""
        before = self._logins_told
        await self._journal.until(lambda: self.logins > before, "the client logs in again")
        self._logins_told = self.logins

    async def replaced(self) -> None:
        """As if the same device had logged in somewhere else."""
        conflict = Node("conflict", {"type": "replaced"})
        await self._end(Node("stream:error", {}, [conflict]))

    async def stream_error(self, code: int) -> None:
        """515 asks the client to come back, others come of trouble."""
        if code == 515 and self.connection is not None:
            await self.connection.restart()
            return
        await self._end(Node("stream:error", {"code": str(code)}))

    async def garbage(self) -> None:
        """Something that is no frame."""
        if self.connection is not None:
            await self.connection.send_garbage()

    async def _end(self, word: Node) -> None:
        if self.connection is not None:
            await self.connection.end_with(word)

    async def rejects(self, call: str) -> Node:
        return await self.says(
            "the client rejects the call",
            lambda node: (
                node.tag == "call"
                and any(one.tag == "reject" and one.get("call-id") == call for one in node.nodes)
            ),
        )

    async def push(self, node: Node, *, keep: bool = False) -> None:
        """Hand it over now, or with `keep` at its next login; kept until it is acknowledged."""
        async with self._order:
            if keep:
                self._kept.setdefault((node.tag, node.get("id")), []).append(node)
            if self.is_active and self.connection is not None:
                await self.connection.send(node)

    async def go_on(self, connection: Connection) -> None:
        """It is ready: what was kept for it goes out, in order and counted."""
        async with self._order:
            if self.connection is not connection:
                return
            nodes = [node for kept in self._kept.values() for node in kept]
            kinds = [node.tag for node in nodes]
            preview = {
                "count": str(len(kinds)),
                "message": str(kinds.count("message")),
                "receipt": str(kinds.count("receipt")),
                "notification": str(kinds.count("notification")),
                "appdata": "0",
            }
            if kinds:
                await _inform(connection, Node("offline_preview", preview))
            for number, node in enumerate(nodes):
                attrs = {**node.attrs, "offline": str(number)}
                await connection.send(replace(node, attrs=attrs))
            await _inform(connection, Node("offline", {"count": str(len(kinds))}))
            self.is_active = True
            self.logins += 1
        self._journal.changed()

    def logged_in(self, connection: Connection) -> None:
        self.connection = connection
        self.is_active = False
        connection.companion = self
        self._journal.changed()

    def lost(self, connection: Connection) -> None:
        if self.connection is connection:
            self.connection = None
            self.is_active = False

    def settle(self, kind: str, number: str, error: str = "") -> None:
        """It has answered for what was handed over."""
        if self.phone.double.faults.deaf:
            return
        self._kept.pop((kind, number), None)
        if kind == "message" and error:
            self.refused[number] = error
        elif kind == "message":
            self.acked.append(number)
            self._acked.add(number)


async def _inform(connection: Connection, node: Node) -> None:
    await connection.send(Node("ib", {"from": SERVER}, [node]))


def receipt_ids(receipt: Node) -> list[str]:
    """All messages of one receipt."""
    listed = receipt.child("list")
    more = [item.get("id") for item in listed.nodes] if listed is not None else []
    return [receipt.get("id"), *more]
