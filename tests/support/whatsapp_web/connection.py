"""One websocket of a client: the handshake, stanzas both ways, questions and their answers."""

from __future__ import annotations

import asyncio
import itertools
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web
from cryptography.exceptions import InvalidTag
from google.protobuf.message import DecodeError

from support.whatsapp_web import protocols
from support.whatsapp_web.binary_xml import decode, encode
from support.whatsapp_web.keys import KeyPair
from support.whatsapp_web.login import greet, log_in
from support.whatsapp_web.nodes import SERVER, Node
from support.whatsapp_web.noise import Direction, Handshake
from support.whatsapp_web.queries import answer
from support.whatsapp_web.receiving import receive
from support.whatsapp_web.stanza import message_id, now
from support.whatsapp_web.waiting import SECONDS

if TYPE_CHECKING:
    from support.whatsapp_web.companion import Companion
    from support.whatsapp_web.double import WhatsAppWeb
    from support.whatsapp_web.pairing import Linking

_GARBLED = (ValueError, IndexError, zlib.error, InvalidTag, DecodeError)


#: For what a client does in an instant, if it does it at all.
_GRACE = 2.0


class Ended(Exception):
    """The client has gone, or was cut off."""


class Connection:
    def __init__(self, double: WhatsAppWeb, socket: web.WebSocketResponse, cut: Any) -> None:
        self.double = double
        #: Who has logged in.
        self.companion: Companion | None = None
        #: What a new device says of itself, until it is linked.
        self.registration: Any = None
        self.linking: Linking | None = None
        self.noise_key = b""
        self.payload: Any = None
        self.ended = asyncio.Event()
        self._heard = asyncio.Event()
        self._last = ""
        self._socket = socket
        self._transport = cut
        self._held = bytearray()
        self._in = self._out = Direction(bytes(32))
        self._numbers = itertools.count(1)
        self._questions: dict[str, asyncio.Future[Node]] = {}
        self._sending = asyncio.Lock()

    async def run(self) -> None:
        """Serve until the connection ends."""
        greeting: asyncio.Future[None] | None = None
        try:
            await self._shake_hands()
            if not await log_in(self):
                greeting = asyncio.ensure_future(greet(self))
            while True:
                await self._take(decode(self._in.decrypt(await self._frame())))
        except Ended:
            pass
        except _GARBLED as error:
            self.double.journal.problems.append(f"not understood: {error!r}")
        finally:
            self._end()
            if greeting is not None:
                greeting.cancel()
                (failed,) = await asyncio.gather(greeting, return_exceptions=True)
                if isinstance(failed, Exception):
                    self.double.journal.problems.append(f"the greeting failed: {failed!r}")

    def _end(self) -> None:
        self.ended.set()
        self._heard.set()
        for question in self._questions.values():
            question.cancel()
        if self.companion is not None:
            self.companion.lost(self)
        self.double.journal.changed()

    async def send(self, node: Node) -> None:
        """Say it now; to a client that has gone it is lost."""
        if self.double.faults.delay:
            await asyncio.sleep(self.double.faults.delay)
        async with self._sending:
            if self.ended.is_set() or self._socket.closed or self.double.faults.silent:
                return
            self.double.journal.add(">", node)
            await self._put(self._out.encrypt(encode(node)))

    async def send_garbage(self) -> None:
        """A frame that does not decrypt, and one that is no stanza."""
        self._out.skip()
        await self._put(bytes(40))
        await self._put(self._out.encrypt(b"\x00\xf8\xff\xff"))

    async def ask(self, kind: str, xmlns: str, content: Sequence[Node] = (), **more: str) -> Node:
        """The answer of the client, a result or an error."""
        number = f"m{next(self._numbers)}"
        question: asyncio.Future[Node] = asyncio.get_running_loop().create_future()
        self._questions[number] = question
        attrs = {"from": SERVER, "type": kind, "id": number, "xmlns": xmlns, **more}
        try:
            await self.send(Node("iq", attrs, content or None))
            async with asyncio.timeout(SECONDS):
                return await question
        finally:
            del self._questions[number]

    async def fail(self, reason: int, **more: str) -> None:
        """Refuse a login, as the server does it: a word, and then nothing."""
        attrs = {"reason": str(reason), "location": "vll", **more}
        await self.end_with(Node("failure", attrs))

    async def restart(self) -> None:
        """Have the client connect anew; its own end of this one must not be overtaken."""
        await self.send(Node("stream:error", {"code": "515"}))
        await self.hang_up()

    async def end_with(self, word: Node) -> None:
        """Say this last. The client must have heard it before it sees the end of the connection.

        A notification follows, since it acknowledges each when it is through with all before.
        """
        await self.send(word)
        self._last = message_id()
        attrs = {"from": SERVER, "type": "psa", "id": self._last, "t": now()}
        await self.send(Node("notification", attrs))
        await self._wait(self._heard)
        await self._socket.close()

    async def hang_up(self) -> None:
        """Let the client end the connection, which it takes some words as an order to."""
        await self._wait(self.ended)
        self.cut()

    async def _wait(self, event: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(_GRACE):
                await event.wait()
        except TimeoutError:
            return

    def cut(self) -> None:
        """End the connection without a word."""
        self._transport.abort()

    async def _shake_hands(self) -> None:
        prologue = await self._need(4)
        hands = Handshake(prologue)
        hello = protocols.wa6.HandshakeMessage.FromString(await self._frame()).clientHello
        hands.note(hello.ephemeral)
        mine = KeyPair()
        hands.note(mine.public)
        hands.mix(mine.agree(hello.ephemeral))
        static = hands.encrypt(self.double.static.public)
        hands.mix(self.double.static.agree(hello.ephemeral))
        said = protocols.wa6.HandshakeMessage.ServerHello(
            ephemeral=mine.public, static=static, payload=hands.encrypt(self.double.certificates)
        )
        if self.double.faults.silent:
            await self._need(1)
        await self._put(protocols.wa6.HandshakeMessage(serverHello=said).SerializeToString())
        last = protocols.wa6.HandshakeMessage.FromString(await self._frame()).clientFinish
        self.noise_key = hands.decrypt(last.static)
        hands.mix(mine.agree(self.noise_key))
        self.payload = protocols.wa6.ClientPayload.FromString(hands.decrypt(last.payload))
        self._in, self._out = hands.finish()

    async def _take(self, node: Node) -> None:
        self.double.journal.add("<", node)
        question = self._questions.get(node.get("id")) if node.tag == "iq" else None
        if question is not None and node.get("type") in {"result", "error"}:
            if not question.done():
                question.set_result(node)
        elif node.tag == "iq":
            await self._answer(node)
        elif node.tag == "ack" and node.get("id") == self._last:
            self._heard.set()
        elif self.companion is not None:
            await receive(self.companion, self, node)
        self.double.journal.changed()

    async def _answer(self, node: Node) -> None:
        found = await answer(self, node)
        attrs = {"from": node.get("to") or SERVER, "id": node.get("id")}
        if isinstance(found, int):
            error = Node("error", {"code": str(found), "text": "refused"})
            await self.send(Node("iq", attrs | {"type": "error"}, [error]))
        else:
            await self.send(Node("iq", attrs | {"type": "result"}, found))

    async def _put(self, data: bytes) -> None:
        try:
            await self._socket.send_bytes(len(data).to_bytes(3, "big") + data)
        except (ConnectionError, RuntimeError):
            return  # the reading side finds out

    async def _frame(self) -> bytes:
        return await self._need(int.from_bytes(await self._need(3), "big"))

    async def _need(self, length: int) -> bytes:
        while len(self._held) < length:
            message = await self._socket.receive()
            if message.type is not WSMsgType.BINARY:
                raise Ended
            self._held += message.data
        found = bytes(self._held[:length])
        del self._held[:length]
        return found
