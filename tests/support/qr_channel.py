"""A channel that is connected by QR code, as tests steer it: nothing happens by itself.

One `QrPhone` is what lives outside our process: the session on the phone. It outlives a restart of
the service; the `QrChannel` objects, which the service makes, do not.
"""

from __future__ import annotations

import asyncio
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
from bridge.core.instance import BAILEYS, Behaviour, InstanceConfig
from bridge.core.message import Media, MediaKind, Outgoing, OutgoingText, Party
from bridge.errors import BridgeError, PeerBroke, PeerDown, PeerGone
from bridge.whatsapp.channel import (
    Accepted,
    Capabilities,
    Channel,
    Fetched,
    Hear,
    Link,
    MediaRule,
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

    # -- what the test waits for ------------------------------------------------------------

    @property
    def texts(self) -> list[str]:
        return [one.body for _, one in self.sent if isinstance(one, OutgoingText)]

    async def called(self, call: str, times: int = 1) -> None:
        """Wait until the service has done this so often."""
        await self._until(lambda: self.calls.count(call) >= times)

    async def has_sent(self, count: int) -> None:
        await self._until(lambda: len(self.sent) >= count)

    async def _until(self, is_so: object) -> None:
        assert callable(is_so)
        async with asyncio.timeout(10):
            while not is_so():
                self._moved.clear()
                await self._moved.wait()

    async def at_gate(self, call: str) -> None:
        self.note(call)
        if call in self.gates:
            await self.gates[call].wait()

    def note(self, call: str) -> None:
        self.calls.append(call)
        self._moved.set()


def _deaf(signal: Signal) -> None:
    """Nobody watches yet."""


class QrChannel:
    """`Channel` and `Session`."""

    def __init__(self, phone: QrPhone) -> None:
        self._phone = phone
        self.hear: Hear = _deaf
        phone.channel = self

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            text_limit=65536,
            caption_limit=1024,
            sendable={kind: MediaRule(max_bytes=16 * 1024 * 1024) for kind in MediaKind},
        )

    async def link(self) -> Link:
        return Link(state=LinkState.OPEN if self._phone.is_open else LinkState.CLOSED)

    async def send(
        self,
        to: Party,
        content: Outgoing,
        *,
        key: str,  # noqa: ARG002
        reply_to: str | None = None,  # noqa: ARG002
    ) -> Accepted:
        if not self._phone.is_open:
            raise PeerDown("The websocket is not connected.", code="whatsapp.disconnected")
        if "sending" in self._phone.gates:
            await self._phone.at_gate("sending")
            if self not in self._phone.live:
                raise PeerBroke("The connection went in the middle.", code="whatsapp.broke")
        self._phone.sent.append((to, content))
        self._phone.note("send")
        return Accepted(id=f"3EB0{len(self._phone.sent):016X}", wa_id=to.wa_id)

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:  # noqa: ARG002
        raise PeerGone("There is no such file.")

    def watch(self, hear: Hear) -> None:
        self.hear = hear

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

    async def behave(self, behaviour: Behaviour) -> None:
        self._phone.behaviours.append(behaviour)
        self._phone.note("behave")


@dataclass(slots=True)
class QrPhones:
    """All phones of a house, by the name of the instance."""

    integration: str = BAILEYS
    phones: dict[str, QrPhone] = field(default_factory=dict)

    def __getitem__(self, name: str) -> QrPhone:
        return self.phones.setdefault(name, QrPhone())

    def make(self, instance: InstanceConfig) -> tuple[Channel, str]:
        return QrChannel(self[instance.name]), f"phone {instance.name}"

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
