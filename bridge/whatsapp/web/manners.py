"""How a connected number behaves by itself: whether it shows as online, what it says of itself.

None of it is worth an error: what WhatsApp refuses is written to the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog

from bridge.clock import Clock
from bridge.core.connection import Opened
from bridge.core.instance import Behaviour
from bridge.errors import BridgeError
from bridge.whatsapp.shapes import word
from bridge.whatsapp.web.addresses import STATUS, bare

log = structlog.get_logger(__name__)

#: How often (ms) a number says that it is online: WhatsApp forgets it after a while.
ONLINE_MS: Final = 120_000
#: Statuses that are being marked as read at the same time; more are not.
_MOST: Final = 20


class Ask(Protocol):
    async def __call__(self, op: str, args: Mapping[str, Any], /) -> dict[str, Any]:
        """Raises `BridgeError`."""
        ...


class Manners:
    def __init__(self, ask: Ask, behaviour: Behaviour, clock: Clock) -> None:
        self._ask = ask
        self._behaviour = behaviour
        self._clock = clock
        self._is_open = False
        self._presence: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Future[None]] = set()

    def behave(self, behaviour: Behaviour) -> None:
        """Take over changed settings."""
        changed = behaviour.always_online != self._behaviour.always_online
        self._behaviour = behaviour
        if changed and self._is_open:
            self._show()

    def greet(self, opened: Opened, *, tell: Callable[[Opened], None]) -> None:
        """The connection is open: say whether we are online, and find our own picture."""
        self._is_open = True
        self._show()
        if opened.jid is not None:
            self._own(asyncio.ensure_future(self._picture(opened, opened.jid, tell)))

    def notice(self, event: str, data: Mapping[str, Any]) -> None:
        """Something came: somebody's status is marked as read, where that is wanted."""
        if event != "message" or bare(data.get("chat")) != STATUS or data.get("from_me") is True:
            return
        id_, sender = word(data.get("id"), 256), bare(data.get("sender"))
        wanted = self._behaviour.read_status and self._is_open and len(self._tasks) < _MOST
        if wanted and id_ is not None and sender is not None:
            self._own(asyncio.ensure_future(self._mark_read(id_, sender)))

    def part(self) -> None:
        """The connection is not open any more."""
        self._is_open = False
        for task in self._tasks:
            task.cancel()

    async def ended(self) -> None:
        """Wait until nothing is under way, after `part`."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _show(self) -> None:
        if self._presence is not None:
            self._presence.cancel()
        self._presence = asyncio.ensure_future(self._presences())
        self._own(self._presence)

    async def _presences(self) -> None:
        """Say again and again that we are online; or once that we are not.

        The phone tells its owner of messages only while no other device is online.
        """
        while True:
            args = {"available": self._behaviour.always_online}
            await self._tolerated("presence", args)
            if not self._behaviour.always_online:
                return
            await self._clock.wait(asyncio.Event(), self._clock.ms() + ONLINE_MS)

    async def _picture(self, opened: Opened, jid: str, tell: Callable[[Opened], None]) -> None:
        answer = await self._tolerated("profile", {"jid": jid})
        url = word((answer or {}).get("picture_url"), 2000)
        if url is not None and self._is_open:
            tell(replace(opened, picture_url=url))

    async def _tolerated(self, op: str, args: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return await self._ask(op, args)
        except BridgeError as error:
            log.info("worker.courtesy_refused", op=op, cause=error.cause)
            return None

    async def _mark_read(self, id_: str, sender: str) -> None:
        args = {"ids": [id_], "chat": STATUS, "sender": sender, "at_ms": self._clock.ms()}
        await self._tolerated("mark_read", args)

    def _own(self, task: asyncio.Future[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("worker.courtesy_crashed", exc_info=error)
