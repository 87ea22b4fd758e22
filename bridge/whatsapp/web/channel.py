"""One number on WhatsApp Web, as a `Channel` and a `Session` (docs/whatsapp-web.md)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import structlog

from bridge.clock import Clock
from bridge.core.connection import Opened, Presence, Signal
from bridge.core.content import Media
from bridge.core.instance import Behaviour
from bridge.core.message import MADE_UP, Called, Received
from bridge.core.outgoing import Outgoing, OutgoingText
from bridge.core.party import Party
from bridge.errors import (
    PeerLocked,
    PeerRefused,
)
from bridge.whatsapp.channel import (
    Accepted,
    Capabilities,
    Fate,
    Fetched,
    Link,
    Listener,
    Profile,
    Quote,
    Remembered,
)
from bridge.whatsapp.shapes import word
from bridge.whatsapp.web import endings, faults, leftovers
from bridge.whatsapp.web.addresses import chat_jid, typing_party
from bridge.whatsapp.web.asking import Asking, fault
from bridge.whatsapp.web.capabilities import CAPABILITIES
from bridge.whatsapp.web.content import edition, message, revocation
from bridge.whatsapp.web.files import Files
from bridge.whatsapp.web.kept import KeptEvents
from bridge.whatsapp.web.manners import Manners
from bridge.whatsapp.web.mentions import Mentions
from bridge.whatsapp.web.recipients import Recipients, accepted
from bridge.whatsapp.web.supervisor import Supervisor
from bridge.whatsapp.web.wire import WireError

log = structlog.get_logger(__name__)

__all__ = ("WebChannel",)

#: Seconds for the phone to take note of a logout.
LOGOUT_SECONDS: Final = 20.0
_STATES: Final = (Presence.COMPOSING, Presence.RECORDING, Presence.PAUSED)


class WebChannel:
    """`Channel`, `Session` and everything else that a channel can be asked for.

    `folder` holds all that is kept of the session. `supervisor` tells this object what happens
    (`Ears`), so it is given once both exist: see `attend`.
    """

    def __init__(
        self,
        *,
        instance: str,
        folder: Path,
        kept: KeptEvents,
        behaviour: Behaviour,
        send_seconds: float,
        clock: Clock,
    ) -> None:
        self._instance = instance
        self._folder = folder
        self._kept = kept
        self._asking = Asking(send_seconds=send_seconds, clock=clock)
        self._clock = clock
        self._listener: Listener | None = None
        self._own_jid: str | None = None
        self._supervisor: Supervisor
        self._recipients = Recipients(self._asking.look_up)
        self._mentions = Mentions(self._asking.ask, clock)
        self._files = Files(self._asking.ask)
        self._manners = Manners(self._asking.ask, behaviour, clock)

    def attend(self, supervisor: Supervisor) -> None:
        """Use this supervisor; to be called once, before anything else."""
        self._supervisor = self._asking.supervisor = supervisor

    @property
    def supervisor(self) -> Supervisor:
        return self._supervisor

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def link(self) -> Link:
        """How it is connected; asks nobody."""
        return self._supervisor.link

    # -- messages and files -----------------------------------------------------------------

    async def send(
        self, to: Party, content: Outgoing, *, key: str, reply_to: Quote | None = None
    ) -> Accepted:
        """Send once; the worker never sends a second time under the same key.

        Who was never written to is looked up first: `Accepted.wa_id` is the number that exists.
        """
        address = await self._recipients.find(to)
        said, mentioned = await self._mentions.resolve(to, content)
        body, attachment = message(
            said, to=to, own_jid=self._own_jid, quote=reply_to, mentioned=mentioned
        )
        args: dict[str, Any] = {"to": address.jid, "message": body, "key": key}
        size = 0
        if attachment is not None:
            args["attach"] = asdict(attachment)
            size = await asyncio.to_thread(_size, Path(attachment.path))
        return accepted(await self._asking.send(args, key, size=size), address)

    async def revoke(self, chat: Party, message_id: str, *, key: str) -> None:
        """Delete a message of ours for everyone."""
        jid = _jid(chat)
        await self._asking.send(
            {"to": jid, "message": revocation(jid, message_id), "key": key}, key
        )

    async def edit(self, chat: Party, message_id: str, content: OutgoingText, *, key: str) -> None:
        """Change a text of ours. Phones take that for `Capabilities.edit_seconds`, silently."""
        jid = _jid(chat)
        said, mentioned = await self._mentions.resolve(chat, content)
        body, _ = message(said, to=chat, own_jid=self._own_jid, mentioned=mentioned)
        changed = edition(jid, message_id, body, at_ms=self._clock.ms())
        await self._asking.send({"to": jid, "message": changed, "key": key}, key)

    async def remembered(self, key: str, *, since: int) -> Remembered:
        """Look into the worker's journal, which knows every send that was begun."""
        answer = await self._asking.ask("remembered", {"key": key, "since_ms": since})
        id_ = word(answer.get("id"), 256)
        match answer.get("fate"):
            case "sent" if id_ is not None:
                return Remembered(fate=Fate.SENT, id=id_)
            case "not_sent":
                return Remembered(fate=Fate.NOT_SENT)
            case _:
                return Remembered(fate=Fate.UNKNOWN, id=id_)

    async def fetch(self, media: Media, into: Path, *, limit: int) -> Fetched:
        """Have the worker download and decrypt a file; it stands at `into` when it is complete."""
        return await self._files.fetch(media, into, limit=limit)

    async def mark_read(self, message: Received) -> None:
        """Show the customer that their message was read."""
        if MADE_UP in message.id:
            return  # WhatsApp knows no such message
        sender = _jid(message.sender)
        chat = _jid(Party(group=message.group)) if message.group else sender
        await self._asking.ask(
            "mark_read",
            {"ids": [message.id], "chat": chat, "sender": sender, "at_ms": self._clock.ms()},
        )

    async def show_typing(self, chat: Party, presence: Presence) -> None:
        """Show in one chat that somebody writes, speaks, or has stopped."""
        state = presence if presence in _STATES else Presence.PAUSED
        await self._asking.ask("typing", {"chat": _jid(chat), "state": state.value})

    async def profile(self, party: Party) -> Profile:
        """A group's subject, somebody's name in the address book, and the picture of either."""
        jid = _jid(party)
        name: str | None = None
        if party.group is not None:
            name = word((await self._asking.ask("group", {"jid": jid})).get("subject"))
        found = await self._asking.ask("profile", {"jid": jid})
        return Profile(
            name=name,
            picture_url=word(found.get("picture_url"), 2000),
            picture_id=word(found.get("picture_id"), 64),
            address_name=word(found.get("full_name")),
        )

    async def reject_call(self, call: Called) -> None:
        """Decline a call."""
        try:
            handle = json.loads(call.handle)
            args = {"from": str(handle["from"]), "id": str(handle["id"])}
        except (ValueError, KeyError, TypeError) as error:
            raise PeerRefused(
                "This is no call of WhatsApp Web.", code="whatsapp.request"
            ) from error
        await self._asking.ask("reject_call", args)

    # -- the session ------------------------------------------------------------------------

    def watch(self, listener: Listener | None) -> None:
        self._listener = listener
        self._kept.watch(listener)

    async def connect(self, *, number: str | None = None) -> None:
        await self._supervisor.connect(number)

    async def restart(self) -> None:
        await self._supervisor.restart()
        self._manners.part()  # our picture, found now, would be told of a connection that ends

    async def leave(self) -> None:
        """Disconnect and keep the session."""
        try:
            await self._end()
        except Exception:  # whoever leaves cannot be held up
            log.exception("worker.not_left", instance=self._instance)

    async def logout(self) -> None:
        """End the session on the phone too; an attempt that was never scanned just ends."""
        if await self._supervisor.is_paired():
            try:
                await self._supervisor.log_out(seconds=LOGOUT_SECONDS)
            except WireError as error:
                trouble = fault(error, "logout")
                if not isinstance(trouble, PeerLocked):  # then the phone has ended it before us
                    raise trouble from error
        await self._end()
        self._supervisor.unpaired()
        self.tell(endings.LOGGED_OUT_BY_US)

    async def forget(self) -> None:
        """Disconnect, and delete the session with all that waited in it."""
        await self._end()
        try:
            await asyncio.to_thread(leftovers.remove, self._folder)
        except OSError as error:
            words = f"They cannot be deleted ({error.strerror or 'input/output error'})."
            raise faults.from_error({"code": "broken", "message": words}) from error

    async def set_presence(self, presence: Presence) -> None:
        await self._asking.ask("presence", {"available": presence is not Presence.UNAVAILABLE})

    async def behave(self, behaviour: Behaviour) -> None:
        self._manners.behave(behaviour)

    # -- what the supervisor tells (`Ears`) -------------------------------------------------

    def tell(self, signal: Signal) -> None:
        if not isinstance(signal, Opened):
            self._manners.part()
        if self._listener is not None:
            self._listener.hear(signal)

    def opened(self, opened: Opened) -> None:
        self._own_jid = opened.jid
        self.tell(opened)
        self._manners.greet(opened, tell=self.tell)

    def heard(self, event: str, data: Mapping[str, Any], *, kept: bool) -> None:
        if kept:
            self._manners.notice(event, data)
        elif event == "typing" and self._listener is not None:
            party, state = typing_party(data), data.get("state")
            if party is not None and state in _STATES:
                self._listener.typing(party, Presence(state))
        else:
            log.debug("worker.event_unknown", name=event[:50])

    async def _end(self) -> None:
        self._manners.part()
        await self._supervisor.stop()
        await self._manners.ended()


def _size(path: Path) -> int:
    """0 for a file that is not there: the worker says so."""
    return path.stat().st_size if path.exists() else 0


def _jid(party: Party) -> str:
    jid = chat_jid(party)
    if jid is None:
        raise faults.no_address()
    return jid
