"""The server and all who use it: what a test starts."""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from support.certificates import trusted_pair
from support.whatsapp_web.companion import Companion
from support.whatsapp_web.connection import Connection
from support.whatsapp_web.faults import Faults, Refusal
from support.whatsapp_web.groups import Group
from support.whatsapp_web.keys import KeyPair
from support.whatsapp_web.letters import Letters
from support.whatsapp_web.login import certificates
from support.whatsapp_web.media import Media
from support.whatsapp_web.nodes import Jid, Node
from support.whatsapp_web.person import Person
from support.whatsapp_web.phone import Phone
from support.whatsapp_web.receiving import Sent
from support.whatsapp_web.tunnel import Tunnel
from support.whatsapp_web.waiting import Journal
from support.whatsapp_web.wheel import copy_with_root

_NAMES = ("web.whatsapp.com", "mmg.whatsapp.net", "pps.whatsapp.net", "localhost")
_LARGEST = 128 * 1024 * 1024


class WhatsAppWeb:
    """`async with WhatsAppWeb() as double:` stands in for WhatsApp meanwhile, on loopback.

    A client reaches it when its process is started with `environ`. Leaving raises when a client
    sent anything that could not be understood or decrypted, unless something else was raised.
    """

    def __init__(self) -> None:
        self.journal = Journal()
        self.faults = Faults()
        self.media = Media()
        self.letters = Letters()
        self.static = KeyPair()
        self.certificates = certificates(self.static)
        #: Everybody, by the number and by the LID.
        self.people: dict[str, Person] = {}
        #: Other ways to write a number that the server understands.
        self.spellings: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        #: Where people post their status; to write there is as in a group.
        self.statuses = Group(Jid("status@broadcast"), "", [])
        #: Who made a poll, and the secret of its votes.
        self.polls: dict[str, tuple[Jid, bytes]] = {}
        #: Devices that wait to be linked, by the code that they show.
        self.shown: dict[str, Connection] = {}
        self.connections: list[Connection] = []
        #: Answers that are held back.
        self.held: list[tuple[Connection, Node]] = []
        #: For the process of a client.
        self.environ: dict[str, str] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        copied = await asyncio.to_thread(copy_with_root)
        self._directory = tempfile.TemporaryDirectory(prefix="whatsapp-web-")
        directory = Path(self._directory.name)
        server, self.trust = trusted_pair(directory, *_NAMES)
        application = web.Application(client_max_size=_LARGEST)
        application.router.add_get("/ws/chat", self._accept)
        application.router.add_post("/{tail:.*}", self.media.take)
        application.router.add_get("/{tail:.*}", self.media.give)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=server)
        await site.start()
        port = self._runner.addresses[0][1]
        #: Where everything is that clients reach by other names.
        self.origin = f"https://localhost:{port}"
        self.tunnel = Tunnel(target=port)
        await self.tunnel.__aenter__()
        path = os.environ.get("PYTHONPATH")
        self.environ = {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.tunnel.port}",
            "SSL_CERT_FILE": str(directory / "trusted.pem"),
            "PYTHONPATH": os.pathsep.join([str(copied), *([path] if path else [])]),
        }
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.tunnel.__aexit__(None, None, None)
        await self._runner.cleanup()
        self._directory.cleanup()
        if error is None and self.journal.problems:
            raise AssertionError("\n".join(self.journal.problems))

    def phone(self, number: str, *, name: str = "", lid: str = "", business: str = "") -> Phone:
        """A new account with its phone."""
        phone = Phone(self, number, lid=lid or self._lid(), name=name, business=business)
        self._enter(phone)
        return phone

    def person(
        self,
        number: str,
        *,
        name: str = "",
        lid: str = "",
        also: Sequence[str] = (),
        devices: int = 1,
    ) -> Person:
        """Somebody new. `also`: other spellings of the number that the server understands."""
        person = Person(self, number, lid=lid or self._lid(), name=name, devices=devices)
        self._enter(person)
        self.spellings |= dict.fromkeys(also, person)
        return person

    def group(self, subject: str, members: Sequence[Person]) -> Group:
        jid = Jid(f"12036300000000{next(self._numbers):04}@g.us")
        group = Group(jid, subject, list(members))
        self.groups[group.jid] = group
        return group

    def hold_acks(self) -> None:
        """Take messages, and answer none of them until `release_acks`."""
        self.faults.acks_held = True

    async def release_acks(self) -> None:
        """Answer what was taken; a connection that has gone gets no answer."""
        self.faults.acks_held = False
        held, self.held = self.held, []
        for connection, ack in held:
            await connection.send(ack)

    def refuse_logins(self, reason: int, *, times: int | None = None, **fields: str) -> None:
        """Refuse logins and new devices; a `times` of None lasts until `accept_logins`."""
        self.faults.refusal = Refusal(reason=reason, fields=fields, times=times)

    def accept_logins(self) -> None:
        self.faults.refusal = None

    def drop(self) -> None:
        """End all connections without a word."""
        for connection in list(self.connections):
            connection.cut()

    def linked(self, number: str, device: int) -> Companion | None:
        person = self.people.get(number)
        return person.companions.get(device) if person is not None else None

    def arrived(self, sent: Sent) -> None:
        person = self.people.get(sent.to.user)
        if person is not None:
            person.inbox.append(sent)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside; it ends with the double at the latest."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.journal.problems.append(f"failed: {task.exception()!r}")

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=_LARGEST)
        await socket.prepare(request)
        connection = Connection(self, socket, request.transport)
        self.connections.append(connection)
        self.journal.changed()
        try:
            await connection.run()
        finally:
            self.connections.remove(connection)
        return socket

    def _enter(self, person: Person) -> None:
        taken = person.users & self.people.keys()
        if taken:
            raise ValueError(f"there already is somebody with {taken}")
        self.people |= dict.fromkeys(person.users, person)

    def _lid(self) -> str:
        return f"{next(self._numbers):03}00000000{next(self._numbers):04}"
