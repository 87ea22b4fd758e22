"""A day in the control room, as its transcript tells it: one for each language.

They stand in `control_room/`, to be read. `PONTE_TEST_WRITE_TRANSCRIPTS=1` writes them anew.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.core.connection import LinkState
from bridge.locale import LANGUAGES
from bridge.sim.chatwoot import Conversation, Message
from support.bridge_house import NAME, House, ShiftedClock
from support.qr_channel import QrPhone
from support.qr_events import wrote
from support.sessions import QR_ORDER, bring, qr_house, reaches

TRANSCRIPTS = Path(__file__).parent / "control_room"
WRITE = "PONTE_TEST_WRITE_TRANSCRIPTS"
#: Some seconds after the full minute, so that texts with a time in them do not depend on luck.
MORNING = datetime(2026, 11, 23, 8, 0, 5, tzinfo=UTC)

#: What the agent writes, in each language.
WORDS = {
    "pt_BR": {
        "connect": "/iniciar",
        "status": "situação",
        "greeting": "bom dia!",
        "retry": "Tentar",
        "pause": "pausar bot 2h",
        "resume": "retomar bot",
        "merge": "mesclar",
        "apply": "mesclar aplicar",
        "disconnect": "desconectar",
        "typed": "init: (11) 98765-0009",
    },
    "en": {
        "connect": "INIT",
        "status": "status",
        "greeting": "good morning!",
        "retry": "retry",
        "pause": "pause bot for 2 hours",
        "resume": "resume bot",
        "merge": "merge",
        "apply": "merge apply",
        "disconnect": "/disconnect",
        "typed": "init:+55 11 98765-0009",
    },
    "es": {
        "connect": "iniciar",
        "status": "estado",
        "greeting": "¡buenos días!",
        "retry": "reintentar",
        "pause": "pausar el bot por 2 horas",
        "resume": "reanudar bot",
        "merge": "fusionar",
        "apply": "fusionar aplicar",
        "disconnect": "desconectar",
        "typed": "init:5511987650009",
    },
}


@dataclass(kw_only=True)
class Day:
    """The house, and what was seen in its control room so far."""

    house: House
    phone: QrPhone
    words: dict[str, str]
    lines: list[str] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    _codes: list[Message] = field(default_factory=list)
    _moment: str = "08:00"

    # -- what happens ------------------------------------------------------------------------

    async def at(self, moment: str) -> None:
        """Let time pass until then."""
        self.leap(moment)
        await self.house.pass_time(0)

    def leap(self, moment: str) -> None:
        """Be there at once, however long the story took to tell so far."""
        hours, minutes = (int(part) for part in moment.split(":"))
        wanted = MORNING.replace(hour=hours, minute=minutes).timestamp()
        clock = self.house.clock
        clock.ahead_seconds += max(0.0, wanted - clock.ms() / 1000)
        self._moment = moment

    def direction(self, text: str) -> None:
        """What nobody says in the room, but happens."""
        self.lines.append(f"       ({text})")

    async def says(self, word: str, *, code: bool = False) -> None:
        """The agent writes into the room."""
        room = await self.room()
        self.house.chat.agent_writes(room.id, self.words[word])
        await self.seen(code=code)

    async def seen(self, *, code: bool = False) -> None:
        """Wait until all is quiet and the newest code stands there, or none; note what is new."""
        await self.house.quiet()
        room = await self.room()
        newest = [f":{self.phone.count}"] if code else []
        await self.house.chat.wait_for(
            lambda: [(one.source_id or "")[-2:] for one in _pictures(room)] == newest
        )
        await self.house.quiet()
        gone = [one for one in self._codes if not one.attachments]
        self.lines += ["       (the QR code is taken away)"] * bool(gone)
        new = [one for one in room.messages if one.id not in self._seen]
        # Pictures come as fast as they can: before or after the answer.
        for one in sorted(new, key=lambda one: (bool(one.attachments), one.id)):
            self._take_down(one)
        self._codes = _pictures(room)

    def _take_down(self, one: Message) -> None:
        self._seen.add(one.id)
        if one.message_type not in ("incoming", "outgoing") or one.content_attributes.get(
            "deleted"
        ):
            return
        who = "Ponte" if one.message_type == "incoming" else "Caio "
        text = one.content or ""
        shown = f"[QR code]\n{text}" if one.attachments else text
        first, *rest = shown.split("\n")
        self.lines.append(f"{self._moment}  {who}  {first}")
        self.lines += [f"              {line}".rstrip() for line in rest]

    async def room(self) -> Conversation:
        (row,) = await self.house.rows("SELECT bot_conversation_id AS id FROM chatwoot_inbox")
        return self.house.chat.conversations[row["id"]]

    async def look(self) -> None:
        """What is looked at now and then."""
        await self.house.service.alerts.look()
        await self.house.quiet()


def _pictures(room: Conversation) -> list[Message]:
    return [one for one in room.messages if one.attachments]


@asynccontextmanager
async def day(tmp_path: Path, language: str) -> AsyncIterator[Day]:
    clock = ShiftedClock()
    clock.ahead_seconds = MORNING.timestamp() - clock.ms() / 1000
    async with qr_house(
        tmp_path,
        provisioned=False,
        clock=clock,
        chatwoot={
            "account_locale": language,
            "version": "4.13.0",
            "clock": lambda: clock.ms() / 1000,
        },
    ) as (house, phone):
        yield Day(house=house, phone=phone, words=WORDS[language])


# -- the day -----------------------------------------------------------------------------------


async def morning(at: Day) -> None:
    """The number is made, and connected at the second try."""
    await at.at("08:00")
    await at.house.create(**QR_ORDER)
    await at.seen()
    await at.at("08:02")
    await at.says("connect", code=True)
    await at.at("08:03")
    at.direction("nobody scans: WhatsApp gives another code, then no more")
    at.phone.show_code()
    await at.seen(code=True)
    await at.at("08:06")
    at.phone.give_up()
    await reaches(at.house, LinkState.REFUSED)
    await at.seen()
    await at.at("08:20")
    await at.says("connect", code=True)
    await at.at("08:21")
    at.direction("the phone scans it")
    at.phone.scan()
    await reaches(at.house, LinkState.OPEN)
    await at.seen()
    await at.at("08:30")
    await at.says("status")
    await at.says("greeting")


async def unstable(at: Day) -> None:
    """Many short breaks are one notice."""
    at.direction("the connection breaks every four minutes, for a moment")
    for number in range(6):
        await at.at(f"09:{number * 4 + 10}")
        at.phone.drop(408, "Timed out.", again=True)
        await reaches(at.house, LinkState.CONNECTING)
        at.phone.scan()
        await reaches(at.house, LinkState.OPEN)
        await at.seen()
    await at.at("10:45")
    await at.look()
    await at.seen()


async def chatwoot_away(at: Day) -> None:
    """What customers write meanwhile waits."""
    await at.at("11:00")
    at.direction("Chatwoot is down for half an hour; a customer writes twice")
    entry = at.house.service.instances.entry(NAME)
    gates = at.house.service.queue.lanes.breakers
    at.house.chat.faults.fail(502)
    await at.phone.bring(wrote("Oi, vocês abrem hoje?"), wrote("Alô?"))
    await at.house.chat.wait_for(
        lambda: entry.chatwoot_peer in gates and gates[entry.chatwoot_peer].is_open
    )
    await at.house.service.alerts.look()
    at.leap("11:30")
    await at.house.service.alerts.look()
    at.house.chat.faults.clear()
    await at.at("11:30")
    await at.seen()


async def undelivered(at: Day) -> None:
    """One message is refused by Chatwoot, and tried again once the reason is mended."""
    await at.at("12:00")
    at.direction("Chatwoot refuses a customer's message")
    at.house.chat.faults.fail(422, route="POST messages")
    await bring(at.house, at.phone, wrote("Segue o comprovante."))
    at.house.chat.faults.clear()
    await at.look()
    await at.at("12:05")
    await at.look()
    await at.seen()
    await at.at("12:10")
    await at.says("status")
    await at.says("retry")


async def bots_and_contacts(at: Day) -> None:
    await at.at("14:00")
    await at.says("pause")
    await at.at("14:20")
    await at.says("resume")
    await at.at("15:00")
    at.house.chat.agent_creates_contact("Marina Alves", phone_number="+5511987650123")
    at.house.chat.agent_creates_contact("Marina", phone_number="+551187650123")
    await at.says("merge")
    await at.says("apply")


async def evening(at: Day) -> None:
    """The room is closed, opened by what happens, and the number is connected anew."""
    await at.at("17:00")
    room = await at.room()
    at.house.chat.resolve(room.id)
    at.direction("Caio resolves the conversation; later the session is opened elsewhere")
    await at.at("17:30")
    at.phone.paired = False
    at.phone.drop(440, "Replaced.")
    await reaches(at.house, LinkState.CLOSED)
    await at.seen()
    assert room.status == "open"
    await at.says("typed", code=True)
    await at.at("17:31")
    at.direction("the code is typed on the phone")
    at.phone.scan()
    await reaches(at.house, LinkState.OPEN)
    await at.seen()
    await at.at("18:00")
    await at.says("disconnect")
    await at.says("status")
    await at.at("18:05")
    await at.says("connect", code=True)
    at.phone.scan()
    await reaches(at.house, LinkState.OPEN)
    await at.seen()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_day_in_the_control_room(tmp_path: Path, language: str) -> None:
    async with day(tmp_path, language) as at:
        for part in (morning, unstable, chatwoot_away, undelivered, bots_and_contacts, evening):
            await part(at)
        told = "\n".join([*at.lines, ""])

    path = TRANSCRIPTS / f"{language}.txt"
    if os.environ.get(WRITE):
        await asyncio.to_thread(path.write_text, told, "utf-8")
    kept = await asyncio.to_thread(path.read_text, "utf-8")
    assert told == kept, f"If it reads well, keep it: {WRITE}=1"
