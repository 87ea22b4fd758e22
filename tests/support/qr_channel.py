"""A channel that is connected by QR code, as tests steer it: nothing happens by itself.

One `QrPhone` is what lives outside our process: the session on the phone. It outlives a restart of
the service; the `QrChannel` objects, which the service makes, do not.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge.core.connection import (
    Closed,
    LinkState,
    Opened,
    Presence,
    QrLimit,
    QrShown,
    Signal,
)
from bridge.core.content import Media, MediaKind
from bridge.core.instance import BAILEYS, Behaviour, InstanceConfig
from bridge.core.message import Called, Event, Received
from bridge.core.outgoing import Outgoing, OutgoingText
from bridge.core.party import Party
from bridge.errors import BridgeError, PeerBroke, PeerDown, PeerGone
from bridge.whatsapp.channel import (
    Accepted,
    Capabilities,
    Channel,
    Fetched,
    Link,
    Listener,
    MediaRule,
    Profile,
    Quote,
    Remembered,
)
from bridge.whatsapp.registry import ChannelKind

OWNER = "5511987650009@s.whatsapp.net"


@dataclass(slots=True)
class QrPhone:
    """The session of one instance, and what a test lets happen to it."""

    paired: bool = False
    #: Raised by the next calls of `connect`, one each.
    connect_fails: list[BridgeError] = field(default_factory=list)
    #: `connect` begins, but no code comes by itself.
    is_silent: bool = False
    #: `connect` begins when this is set; None: at once.
    gate: asyncio.Event | None = None
    #: The same for "sending", and for what ends a session: "leave", "logout", "forget".
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    logout_fails: BridgeError | None = None
    forget_fails: BridgeError | None = None
    #: The session objects that are connected, or about to be: WhatsApp bears one.
    live: list[QrChannel] = field(default_factory=list)
    #: How many there were at once.
    most: int = 0
    channel: QrChannel | None = None
    #: What the service did: "connect", "connect 55119...", "restart", "leave" ...
    calls: list[str] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    sent: list[tuple[Party, Outgoing]] = field(default_factory=list)
    #: What was shown or told to people: who writes, which calls were declined, what was read.
    typed: list[tuple[Party, Presence]] = field(default_factory=list)
    declined: list[Called] = field(default_factory=list)
    read: list[Received] = field(default_factory=list)
    #: Who somebody is, as WhatsApp tells it.
    profile: Profile = field(default_factory=Profile)
    described: list[Party] = field(default_factory=list)
    #: Beside `sent`: our keys, and what was quoted.
    keys: list[str] = field(default_factory=list)
    quotes: list[Quote | None] = field(default_factory=list)
    #: Files that can be fetched, by their handle.
    files: dict[str, bytes] = field(default_factory=dict)
    #: Groups can be written to.
    groups: bool = False
    #: Our own sends are told as if the phone had written them.
    echoes_sends: bool = True
    #: Messages that we deleted for everyone: where, and which.
    revoked: list[tuple[Party, str]] = field(default_factory=list)
    #: Texts that we changed: where, which, and what they say now.
    edited: list[tuple[Party, str, str]] = field(default_factory=list)
    #: What the log of sends says, one answer each (the last again and again), and what was asked.
    remembers: list[Remembered | BridgeError] = field(default_factory=list)
    asked_about: list[tuple[str, int]] = field(default_factory=list)
    #: Raised by the next calls of "send", "revoke", "edit", "typing", "decline",
    #: "read" and "describe", one each.
    refuses: dict[str, list[BridgeError]] = field(default_factory=dict)
    is_open: bool = False
    count: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    # -- what the test lets happen ----------------------------------------------------------

    def show_code(self, number: str | None = None) -> QrShown:
        """The next code of the rotation."""
        self.count += 1
        shown = QrShown(
            code=f"2@code-{self.count}",
            pairing_code=f"PAIR{number[-4:]}" if number else None,
            count=self.count,
        )
        self.tell(shown)
        return shown

    def scan(self, *, jid: str = OWNER) -> None:
        """Somebody scans the code, or types the pairing code."""
        self.paired = self.is_open = True
        self.tell(Opened(jid=jid, profile_name="Loja", picture_url="https://pps.example/loja.jpg"))

    def drop(self, code: int = 428, reason: str = "The connection broke.", **more: bool) -> None:
        self.is_open = False
        if code == 401:
            self.paired = False
        self.tell(Closed(code=code, reason=reason, **more))

    def give_up(self) -> None:
        """Nobody scanned the last code."""
        self.tell(QrLimit())

    def tell(self, signal: Signal) -> None:
        assert self.channel is not None, "no channel was made yet"
        self.channel.hear(signal)

    async def bring(self, *events: Event) -> None:
        """Something came over WhatsApp; returns when it is kept. Raises `Unavailable`."""
        assert self.channel is not None, "no channel was made yet"
        assert self.channel.listener is not None, "nobody listens"
        await self.channel.listener.keep(events)

    def types(self, party: Party, presence: Presence = Presence.COMPOSING) -> None:
        assert self.channel is not None, "no channel was made yet"
        assert self.channel.listener is not None, "nobody listens"
        self.channel.listener.typing(party, presence)

    # -- what the test waits for ------------------------------------------------------------

    @property
    def texts(self) -> list[str]:
        return [one.body for _, one in self.sent if isinstance(one, OutgoingText)]

    async def called(self, call: str, times: int = 1) -> None:
        """Wait until the service has done this so often."""
        await self._until(lambda: self.calls.count(call) >= times)

    async def has_typed(self, count: int) -> None:
        await self._until(lambda: len(self.typed) >= count)

    async def has_sent(self, count: int) -> None:
        await self._until(lambda: len(self.sent) >= count)

    async def _until(self, is_so: object) -> None:
        assert callable(is_so)
        async with asyncio.timeout(30):
            while not is_so():
                self._moved.clear()
                await self._moved.wait()

    async def at_gate(self, call: str) -> None:
        self.note(call)
        if call in self.gates:
            await self.gates[call].wait()

    async def asked(self, call: str) -> None:
        """One of the small calls: waits at its gate, and fails when it is to."""
        await self.at_gate(call)
        if self.refuses.get(call):
            raise self.refuses[call].pop(0)

    def note(self, call: str) -> None:
        self.calls.append(call)
        self._moved.set()


class QrChannel:
    """`Channel`, `Session`, `MarksRead`, `ShowsTyping`, `Describes` and `RejectsCalls`."""

    def __init__(self, phone: QrPhone) -> None:
        self._phone = phone
        self.listener: Listener | None = None
        phone.channel = self

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            text_limit=65536,
            caption_limit=1024,
            groups=self._phone.groups,
            echoes_sends=self._phone.echoes_sends,
            sendable={kind: MediaRule(max_bytes=16 * 1024 * 1024) for kind in MediaKind},
        )

    async def link(self) -> Link:
        return Link(state=LinkState.OPEN if self._phone.is_open else LinkState.CLOSED)

    async def send(
        self,
        to: Party,
        content: Outgoing,
        *,
        key: str,
        reply_to: Quote | None = None,
    ) -> Accepted:
        if not self._phone.is_open:
            raise PeerDown("The websocket is not connected.", code="whatsapp.disconnected")
        if "sending" in self._phone.gates:
            await self._phone.at_gate("sending")
            if self not in self._phone.live:
                raise PeerBroke("The connection went in the middle.", code="whatsapp.broke")
        if self._phone.refuses.get("send"):
            self._phone.note("send")
            raise self._phone.refuses["send"].pop(0)
        self._phone.sent.append((to, content))
        self._phone.keys.append(key)
        self._phone.quotes.append(reply_to)
        self._phone.note("send")
        return Accepted(id=f"3EB0{len(self._phone.sent):016X}", wa_id=to.wa_id)

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:  # noqa: ARG002
        data = self._phone.files.get(media.handle)
        if data is None:
            raise PeerGone("There is no such file.")
        await asyncio.to_thread(into.write_bytes, data)
        digest = hashlib.sha256(data).hexdigest()
        return Fetched(path=into, size=len(data), mime=media.mime, sha256=digest)

    def watch(self, listener: Listener | None) -> None:
        self.listener = listener

    def hear(self, signal: Signal) -> None:
        if self.listener is not None:
            self.listener.hear(signal)

    async def connect(self, *, number: str | None = None) -> None:
        self._phone.note(f"connect {number}" if number else "connect")
        if self not in self._phone.live:
            self._phone.live.append(self)
            self._phone.most = max(self._phone.most, len(self._phone.live))
        if self._phone.gate is not None:
            await self._phone.gate.wait()
        if self._phone.connect_fails:
            raise self._phone.connect_fails.pop(0)
        if self._phone.paired:
            self._phone.scan()
        elif not self._phone.is_silent:
            self._phone.show_code(number)

    async def restart(self) -> None:
        self._phone.note("restart")
        self._phone.is_open = False
        self._phone.count = 0
        if self._phone.paired:
            self._phone.scan()
        elif not self._phone.is_silent:
            self._phone.show_code()

    async def leave(self) -> None:
        await self._phone.at_gate("leave")
        self._ended()

    async def logout(self) -> None:
        await self._phone.at_gate("logout")
        if self._phone.logout_fails is not None:
            raise self._phone.logout_fails
        self._phone.drop(401, "Logged out.")

    async def forget(self) -> None:
        await self._phone.at_gate("forget")
        if self._phone.forget_fails is not None:
            raise self._phone.forget_fails
        self._phone.paired = False
        self._ended()

    def _ended(self) -> None:
        if self in self._phone.live:
            self._phone.live.remove(self)
        self._phone.is_open = False

    async def set_presence(self, presence: Presence) -> None:
        self._phone.presences.append(presence)

    async def mark_read(self, message: Received) -> None:
        await self._phone.asked("read")
        self._phone.read.append(message)

    async def show_typing(self, chat: Party, presence: Presence) -> None:
        await self._phone.asked("typing")
        self._phone.typed.append((chat, presence))
        self._phone.note("typed")

    async def profile(self, party: Party) -> Profile:
        self._phone.described.append(party)
        await self._phone.asked("describe")
        return self._phone.profile

    async def reject_call(self, call: Called) -> None:
        await self._phone.asked("decline")
        self._phone.declined.append(call)

    async def behave(self, behaviour: Behaviour) -> None:
        self._phone.behaviours.append(behaviour)
        self._phone.note("behave")


class LoggingQrChannel(QrChannel):
    """Also `Revokes` and `Remembers`."""

    async def revoke(self, chat: Party, message_id: str, *, key: str) -> None:  # noqa: ARG002
        await self._phone.asked("revoke")
        if not self._phone.is_open:
            raise PeerDown("The websocket is not connected.", code="whatsapp.disconnected")
        self._phone.revoked.append((chat, message_id))
        self._phone.note("revoked")

    async def remembered(self, key: str, *, since: int) -> Remembered:
        self._phone.asked_about.append((key, since))
        await self._phone.at_gate("remembered")
        answers = self._phone.remembers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BridgeError):
            raise answer
        return answer


@dataclass(slots=True)
class QrPhones:
    """All phones of a house, by the name of the instance."""

    integration: str = BAILEYS
    #: How the names of their peers begin.
    peer: str = "phone"
    channel: type[QrChannel] = QrChannel
    phones: dict[str, QrPhone] = field(default_factory=dict)

    def __getitem__(self, name: str) -> QrPhone:
        return self.phones.setdefault(name, QrPhone())

    def make(self, instance: InstanceConfig) -> tuple[Channel, str]:
        return self.channel(self[instance.name]), f"{self.peer} {instance.name}"

    @property
    def kinds(self) -> Mapping[str, ChannelKind]:
        """For `bridge_house(..., channels=phones.kinds)`."""
        kind = ChannelKind(
            integration=self.integration,
            make=self.make,
            identity=lambda instance: instance.options.proxy,
            has_session=True,
        )
        return {self.integration: kind}
