"""A number's channel over the real worker and library, against the offline double of WhatsApp."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.clock import SystemClock
from bridge.core.connection import QrShown
from bridge.core.content import Text
from bridge.core.instance import BAILEYS
from bridge.core.message import Received
from bridge.core.outgoing import OutgoingText
from bridge.core.party import Party
from bridge.errors import PeerRefused
from bridge.whatsapp.channel import Fate
from bridge.whatsapp.web.channel import WebChannel
from bridge.whatsapp.web.kind import web_kind
from support.instances import instance
from support.toy_phone import Ear, Times
from support.whatsapp_web import Companion, Person, Phone, WhatsAppWeb, required

required()


@dataclass
class Number:
    double: WhatsAppWeb
    phone: Phone
    ana: Person
    channel: WebChannel
    ear: Ear
    folder: Path

    async def scanned(self) -> Companion:
        """Connect by QR code."""
        await self.channel.connect()
        await self.ear.hears("qr 1")
        shown = self.ear.signals[-1]
        assert isinstance(shown, QrShown)
        companion = await self.phone.scan(shown.code)
        await self.ear.hears("open")
        return companion


@asynccontextmanager
async def number(data_dir: Path) -> AsyncIterator[Number]:
    async with WhatsAppWeb() as double:
        kind = web_kind(
            Times(start_seconds=40, pairing_seconds=40),
            data_dir,
            clock=SystemClock(),
            chance=lambda: 0.0,
            environ=double.environ,
        )
        channel, _ = kind.make(instance("loja", integration=BAILEYS))
        assert isinstance(channel, WebChannel)
        ear = Ear()
        channel.watch(ear)
        try:
            yield Number(
                double=double,
                phone=double.phone("5511900000001", name="Loja"),
                ana=double.person("553187650001", name="Ana", also=["5531987650001"]),
                channel=channel,
                ear=ear,
                folder=data_dir / "whatsapp-web" / "id-loja",
            )
        finally:
            await channel.leave()


async def test_a_number_is_paired_and_texts_go_both_ways(tmp_path: Path) -> None:
    async with number(tmp_path) as it:
        companion = await it.scanned()
        await it.ana.writes(companion, "Bom dia")
        await it.ear.until(lambda: any(isinstance(one, Received) for one in it.ear.events))
        came = next(one for one in it.ear.events if isinstance(one, Received))
        assert came.content == Text(body="Bom dia")
        assert came.sender.wa_id == "553187650001"
        assert came.sender.lid is not None
        began = SystemClock().ms()
        accepted = await it.channel.send(came.sender, OutgoingText(body="Olá"), key="key-1")
        sent = await it.ana.next_message()
        assert (sent.text, sent.id) == ("Olá", accepted.id)
        told = await it.channel.remembered("key-1", since=began)
        assert (told.fate, told.id) == (Fate.SENT, accepted.id)
        assert (await it.channel.remembered("key-2", since=began)).fate is Fate.NOT_SENT


async def test_the_first_message_finds_the_spelling_that_is_on_whatsapp(tmp_path: Path) -> None:
    async with number(tmp_path) as it:
        await it.scanned()
        accepted = await it.channel.send(
            Party(wa_id="5531987650001"), OutgoingText(body="Olá"), key="key-1"
        )
        assert accepted.wa_id == "553187650001"
        assert (await it.ana.next_message()).text == "Olá"
        with pytest.raises(PeerRefused):
            await it.channel.send(Party(wa_id="4915112345678"), OutgoingText(body="x"), key="key-2")


async def test_a_worker_that_is_killed_comes_back_without_a_code(tmp_path: Path) -> None:
    async with number(tmp_path) as it:
        companion = await it.scanned()
        pid = it.channel.supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await it.ear.hears("open", 2)
        assert it.ear.told.count("qr 1") == 1
        assert it.channel.supervisor.pid != pid
        await it.ana.writes(companion, "Ainda aí?")
        await it.ear.until(
            lambda: any(
                isinstance(one, Received) and one.content == Text(body="Ainda aí?")
                for one in it.ear.events
            )
        )


async def test_a_number_that_leaves_connects_again_without_a_code(tmp_path: Path) -> None:
    async with number(tmp_path) as it:
        await it.scanned()
        await it.channel.leave()
        assert it.channel.supervisor.pid is None
        it.channel.watch(it.ear)
        await it.channel.connect()
        await it.ear.hears("open", 2)
        assert it.ear.told.count("qr 1") == 1


async def test_the_phone_may_end_the_session(tmp_path: Path) -> None:
    async with number(tmp_path) as it:
        companion = await it.scanned()
        await it.phone.unlink(companion)
        await it.ear.hears("closed 401")
        assert it.channel.supervisor.pid is None
        await it.channel.connect()
        await it.ear.hears("qr 1", 2)


async def test_a_logout_ends_the_session_on_the_phone_and_forgetting_deletes_it(
    tmp_path: Path,
) -> None:
    async with number(tmp_path) as it:
        companion = await it.scanned()
        await it.channel.logout()
        await it.ear.hears("closed 401")
        assert it.ear.told[-1] == "closed 401"
        assert not companion.is_linked
        await it.channel.forget()
        assert not await asyncio.to_thread(it.folder.exists)
