"""The smallest client of the real library, for tests of the double itself."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bridge.sim.watch import Watch
from support.whatsapp_web import protocols
from support.whatsapp_web.waiting import SECONDS, Late

_CHILD = Path(__file__).with_name("child.py")
#: The database need not survive the machine; linking writes hundreds of keys (neonize.md 3).
_QUICK = "?_foreign_keys=on&_journal_mode=WAL&_synchronous=OFF&_busy_timeout=5000&_z=1"
#: The library repeats a message after five seconds when the connection was lost.
_CALL_SECONDS = 30.0
_LINE = 64 * 1024 * 1024

#: Events by their number, with the name of what is in them.
EVENTS = {
    2: "PairStatus",
    3: "Connected",
    6: "LoggedOut",
    7: "StreamReplaced",
    8: "TemporaryBan",
    9: "ConnectFailure",
    10: "ClientOutdated",
    11: "StreamError",
    12: "Disconnected",
    13: "HistorySync",
    17: "Message",
    18: "Receipt",
    19: "ChatPresence",
    20: "Presence",
    21: "JoinedGroup",
    22: "GroupInfoEvent",
    23: "Picture",
    26: "OfflineSyncPreview",
    27: "OfflineSyncCompleted",
    36: "CallOffer",
    42: "CallTerminate",
    44: "UndecryptableMessage",
}
_QR, _FAILED = -1, -2


class Client:
    """`async with Client(double.environ, database) as client:`; its process ends with it."""

    def __init__(self, environ: Mapping[str, str], database: Path) -> None:
        self._environ = {**os.environ, **environ, "NEONIZE_BOT_TAG": "off"}
        self._database = database
        #: QR codes, in order.
        self.codes: list[str] = []
        #: (name, protocol buffer), in order; "failed" is the end of a first connection.
        self.events: list[tuple[str, Any]] = []
        self._read: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._watch = Watch()

    async def __aenter__(self) -> Self:
        mine, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(_CHILD), str(theirs.fileno()), f"{self._database}{_QUICK}"),
                pass_fds=[theirs.fileno()],
                env=self._environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        reader, self._writer = await asyncio.open_connection(sock=mine, limit=_LINE)
        self._pump = asyncio.ensure_future(self._listen(reader))
        self._tell("connect", _properties())
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self.kill()
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def kill(self) -> None:
        """At once, as the kernel would."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def code(self) -> str:
        """The QR code that is shown."""
        await self._until(lambda: bool(self.codes), "a QR code")
        return self.codes[-1]

    async def next(self, name: str) -> Any:
        """The next event of this kind; what came before is given first, each once."""
        known = self._read.setdefault(name, 0)
        await self._until(lambda: len(self.all(name)) > known, f"an event {name}")
        self._read[name] += 1
        return self.all(name)[known]

    def all(self, name: str) -> list[Any]:
        return [data for kind, data in self.events if kind == name]

    async def send(self, to: str, message: str | protocols.Message) -> Any:
        """What the library says of a message that was sent. Raises `Refused`."""
        content = message
        if isinstance(message, str):
            content = protocols.e2e.Message(conversation=message)
        sent = await self.call("SendMessage", jid(to), content, answer="SendMessageReturnFunction")
        return sent.SendResponse

    async def download(self, message: protocols.Message) -> bytes:
        found = await self.call("DownloadAny", message, answer="DownloadReturnFunction")
        data: bytes = found.Binary
        return data

    async def upload(self, data: bytes, *, kind: int) -> Any:
        """`kind`: 0 image, 1 video, 2 audio, 3 document."""
        found = await self.call("Upload", data, kind, answer="UploadReturnFunction")
        return found.UploadResponse

    async def call(self, function: str, *args: Any, answer: str = "") -> Any:
        """`answer` names the protocol buffer of the answer. Raises `Refused`."""
        number = self._tell(function, *args)
        future = self._answers[number]
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                found = await future
        finally:
            del self._answers[number]
        if not answer:
            return base64.b64decode(found) if isinstance(found, str) else found
        read = getattr(protocols.neonize, answer).FromString(base64.b64decode(found))
        if read.Error:
            raise Refused(read.Error)
        return read

    def _tell(self, function: str, *args: Any) -> int:
        number = next(self._numbers)
        if function != "connect":
            self._answers[number] = asyncio.get_running_loop().create_future()
        packed = [
            one if isinstance(one, str | int) else {"b": base64.b64encode(_bytes(one)).decode()}
            for one in args
        ]
        asked = {"id": number, "call": function, "args": packed}
        self._writer.write(json.dumps(asked).encode() + b"\n")
        return number

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            said = json.loads(line)
            if "id" in said:
                if (future := self._answers.get(said["id"])) and not future.done():
                    if "failed" in said:
                        future.set_exception(TypeError(said["failed"]))
                    else:
                        future.set_result(said["result"])
                continue
            number, data = said["event"], base64.b64decode(said["data"])
            if number == _QR:
                self.codes.append(data.decode())
            elif number == _FAILED:
                self.events.append(("failed", data.decode()))
            elif number in EVENTS:
                kind = EVENTS[number]
                self.events.append((kind, getattr(protocols.neonize, kind).FromString(data)))
            self._watch.changed()

    async def _until(self, predicate: Any, what: str) -> None:
        try:
            await self._watch.wait_for(predicate, timeout=SECONDS)
        except TimeoutError:
            seen = [kind for kind, _ in self.events]
            raise Late(f"the client has no {what}; it had {seen}") from None


class Refused(Exception):
    """The library says that a call failed."""


def jid(address: str) -> Any:
    """`user@server`, as the library takes it."""
    user, _, server = address.partition("@")
    return protocols.neonize.JID(
        User=user, Server=server, RawAgent=0, Device=0, Integrator=0, IsEmpty=False
    )


def _bytes(value: Any) -> bytes:
    data: bytes = value if isinstance(value, bytes) else value.SerializeToString()
    return data


def _properties() -> Any:
    made = protocols.registration.DeviceProps
    return made(os="Test", platformType=made.CHROME)
