"""The code to scan, as a picture in the bot's conversation: the newest stands there, alone.

Best effort, one call at a time for each instance, and nothing waits for it: a code that Chatwoot is
too slow for is skipped for the next. Whoever scans a code connects a phone of theirs here, so it is
in memory only: no job, no file and no log holds it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from bridge.chatwoot.attachments import Held
from bridge.chatwoot.client import Chatwoot
from bridge.chatwoot.models import Message
from bridge.errors import PeerError, PeerGone
from bridge.locale import say
from bridge.relay.directory import Directory, Entry, Side
from bridge.relay.room import Room
from bridge.store.engine import Store
from bridge.store.queries import rooms
from bridge.text.convert import literal
from bridge.whatsapp.qr import Qr, grouped

log = structlog.get_logger(__name__)

#: Messages of ours with a picture of a code begin so.
QR_SOURCE: Final = "PONTE:qr:"
#: One may stand there whose id we did not learn.
UNKNOWN: Final = 0
#: How long the end of the service may wait for Chatwoot.
STOP_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    conversation: int
    message: int
    qr: Qr


class QrPictures:
    def __init__(self, store: Store, directory: Directory, room: Room) -> None:
        self._store = store
        self._directory = directory
        self._room = room
        #: What is to stand there, by instance id, until somebody sees to it; None: nothing.
        self._wanted: dict[str, Qr | None] = {}
        self._tasks: dict[str, asyncio.Future[None]] = {}
        self._standing: dict[str, _Standing] = {}
        #: Whose conversation holds no picture but that in `_standing`, as far as we know.
        self._sure: set[str] = set()
        #: Whose code is to be posted anew, though it stands there.
        self._anew: set[str] = set()
        #: The messages that may show one, as the database says, by instance id.
        self._noted: dict[str, int] = {}

    async def begin(self) -> None:
        """Take away what an earlier run left standing: it is valid no more."""
        self._noted = await self._store.read(rooms.pictures)
        for instance_id in self._noted:
            self._wanted.setdefault(instance_id, None)
            if instance_id not in self._tasks:
                self._begin(instance_id)

    def show(self, instance_id: str, qr: Qr | None) -> None:
        """Have this code stand there, or none. Returns at once."""
        idle = instance_id not in self._tasks
        if qr is None and idle and instance_id not in self._standing:
            return
        self._wanted[instance_id] = qr
        if idle:
            self._begin(instance_id)

    def repost(self, instance_id: str, qr: Qr) -> None:
        """Have this code stand at the end of the conversation, also if it stands there already."""
        self._anew.add(instance_id)
        self.show(instance_id, qr)

    async def forget(self, instance_id: str) -> None:
        """Its instance goes: touch its conversation no more."""
        self._wanted.pop(instance_id, None)
        self._anew.discard(instance_id)
        self._standing.pop(instance_id, None)
        self._sure.discard(instance_id)
        self._noted.pop(instance_id, None)
        await _ended([self._tasks.get(instance_id)])

    async def stop(self) -> None:
        """Take away what stands there: no code is valid without us. It takes a moment at most.

        What Chatwoot does not do in time is done with the next code.
        """
        for instance_id in {*self._standing, *self._tasks}:
            self.show(instance_id, None)
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=STOP_SECONDS)
        self._wanted.clear()
        await _ended(list(self._tasks.values()))

    def _begin(self, instance_id: str) -> None:
        task = asyncio.ensure_future(self._work(instance_id))
        self._tasks[instance_id] = task
        task.add_done_callback(lambda _task: self._done(instance_id))

    def _done(self, instance_id: str) -> None:
        del self._tasks[instance_id]
        if instance_id in self._wanted:
            self._begin(instance_id)

    async def _work(self, instance_id: str) -> None:
        while instance_id in self._wanted:
            await self._outlive(instance_id, self._wanted.pop(instance_id))

    async def _outlive(self, instance_id: str, qr: Qr | None) -> None:
        try:
            await self._replace(instance_id, qr)
        except PeerError as error:
            log.info("qr_picture.given_up", instance_id=instance_id, cause=error.cause)
        except Exception:  # the next code has its chance
            log.exception("qr_picture.crashed", instance_id=instance_id)

    async def _replace(self, instance_id: str, qr: Qr | None) -> None:
        standing = self._standing.get(instance_id)
        is_anew = instance_id in self._anew
        self._anew.discard(instance_id)
        if standing is not None and standing.qr == qr and not is_anew:
            return
        entry = self._directory.by_id(instance_id)
        side = entry.side if entry is not None else None
        conversation = side.inbox.bot_conversation_id if side is not None else None
        if entry is None or side is None or conversation is None:
            self._standing.pop(instance_id, None)
            return
        await self._take_away(instance_id, side, conversation)
        if qr is None or instance_id in self._wanted:
            if instance_id in self._noted and instance_id in self._sure:
                await self._note(instance_id, None)
            return
        picture = await asyncio.to_thread(lambda: qr.png)
        is_sure = instance_id in self._sure
        self._sure.discard(instance_id)  # until Chatwoot has answered
        if instance_id not in self._noted:
            await self._note(instance_id, UNKNOWN)
        posted: list[int] = []

        async def post(chatwoot: Chatwoot, room: int) -> Message:
            posted.append(room)
            return await chatwoot.create_message(
                room,
                content=_caption(entry, qr),
                message_type="incoming",
                source_id=f"{QR_SOURCE}{instance_id}:{qr.count}",
                files=[Held(data=picture, filename="whatsapp-qr.png", mime="image/png")],
            )

        message = await self._room.into(entry, post)
        self._standing[instance_id] = _Standing(conversation=posted[-1], message=message.id, qr=qr)
        if is_sure:
            self._sure.add(instance_id)
        await self._note(instance_id, message.id)

    async def _note(self, instance_id: str, message_id: int | None) -> None:
        await self._store.write(lambda unit: rooms.picture(unit.db, instance_id, message_id))
        if message_id is None:
            self._noted.pop(instance_id, None)
        else:
            self._noted[instance_id] = message_id

    async def _take_away(self, instance_id: str, side: Side, conversation: int) -> None:
        """Delete the former picture, and what an earlier run may have left. Never raises."""
        standing = self._standing.pop(instance_id, None)
        old = [] if standing is None else [(standing.conversation, standing.message)]
        try:
            if instance_id not in self._sure:
                if noted := self._noted.get(instance_id):
                    old.append((conversation, noted))
                with suppress(PeerGone):  # the whole conversation was deleted
                    old += [
                        (conversation, one.id)
                        for one in await side.chatwoot.messages(conversation)
                        if (one.source_id or "").startswith(QR_SOURCE) and not one.is_deleted
                    ]
            for where, message in dict.fromkeys(old):
                with suppress(PeerGone):
                    await side.chatwoot.delete_message(where, message)
        except PeerError as error:
            self._sure.discard(instance_id)
            log.info("qr_picture.not_deleted", instance_id=instance_id, cause=error.cause)
        else:
            self._sure.add(instance_id)


def _caption(entry: Entry, qr: Qr) -> str:
    caption = say(entry.language, "bot.qr", name=literal(entry.instance.name))
    if qr.pairing_code is None:
        return caption
    typed = say(entry.language, "bot.pairing_code", code=literal(grouped(qr.pairing_code)))
    return f"{caption}\n\n{typed}"


async def _ended(tasks: list[asyncio.Future[None] | None]) -> None:
    cut = [task for task in tasks if task is not None]
    for task in cut:
        task.cancel()
    await asyncio.gather(*cut, return_exceptions=True)
