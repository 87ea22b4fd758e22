"""Every kind of message that we send, over the real worker and library, as people read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.core.content import Card, MediaKind, Phone
from bridge.core.outgoing import (
    OutgoingContacts,
    OutgoingLocation,
    OutgoingMedia,
    OutgoingText,
)
from bridge.core.party import Party
from bridge.whatsapp.channel import Edits, Quote
from support.sounds import wav
from support.web_house import WebHouse, web_house
from support.whatsapp_web import Companion, Person, required

required()

ANA = Card(name="Ana", phones=(Phone(number="+55 11 90000-0007", wa_id="5511900000007"),))
VOICE = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(60)


@dataclass
class Scene:
    its: WebHouse
    companion: Companion
    bob: Person
    #: What Bob wrote first.
    first: str
    folder: Path

    @property
    def to(self) -> Party:
        return Party(wa_id=self.bob.pn.user, lid=self.bob.lid.user)

    def file(self, data: bytes) -> str:
        path = self.folder / "file"
        path.write_bytes(data)
        return str(path)


@pytest.mark.timeout(120)
async def test_every_kind_arrives_as_what_it_is(tmp_path: Path) -> None:
    async with web_house(tmp_path) as its:
        companion = await its.scanned()
        bob = its.double.person("5511900000002", name="Bob")
        first = await bob.writes(companion, "Oi")
        await its.house.chat.wait_for(lambda: "Oi" in its.house.shown(), 20)
        await its.house.quiet()
        scene = Scene(its=its, companion=companion, bob=bob, first=first, folder=tmp_path)
        await each_kind_is_what_it_is(scene)
        await members_of_a_group_are_mentioned_by_their_number(scene)
        await what_an_agent_records_is_a_voice_note(scene)


async def each_kind_is_what_it_is(scene: Scene) -> None:
    channel, bob, to = scene.its.channel(), scene.bob, scene.to
    media = scene.its.double.media

    place = OutgoingLocation(latitude=-23.5, longitude=-46.5, name="Loja", address="Rua A, 1")
    await channel.send(to, place, key="place", reply_to=Quote(id=scene.first))
    told = (await bob.next_message()).told
    assert (told.kind, told.place, told.quotes) == ("location", (-23.5, -46.5), scene.first)
    assert (told.name, told.text) == ("Loja", "Rua A, 1")

    for key, cards in (("card", (ANA,)), ("cards", (ANA, ANA))):
        await channel.send(to, OutgoingContacts(cards=cards), key=key)
        told = (await bob.next_message()).told
        assert (told.kind, [name for name, _ in told.cards]) == ("contacts", ["Ana"] * len(cards))
        assert "waid=5511900000007:+55 11 90000-0007" in told.cards[0][1]

    voice = OutgoingMedia(
        media=MediaKind.AUDIO,
        path=scene.file(VOICE),
        mime="audio/ogg",
        filename="voz.ogg",
        voice=True,
        seconds=3,
        waveform=bytes(range(64)),
    )
    await channel.send(to, voice, key="voice")
    told = (await bob.next_message()).told
    assert (told.kind, told.seconds, told.waveform) == ("voice", 3, bytes(range(64)))
    assert media.read(told.part, "audio") == VOICE

    sticker = OutgoingMedia(
        media=MediaKind.STICKER,
        path=scene.file(b"RIFF webp"),
        mime="image/webp",
        filename="a.webp",
        animated=True,
    )
    await channel.send(to, sticker, key="sticker")
    told = (await bob.next_message()).told
    assert (told.kind, told.animated) == ("sticker", True)
    assert media.read(told.part, "sticker") == b"RIFF webp"

    assert isinstance(channel, Edits)
    sent = await channel.send(to, OutgoingText(body="Ate amanha"), key="text")
    await bob.next_message()
    await channel.edit(to, sent.id, OutgoingText(body="Até *amanhã*"), key="edit")
    changed = await bob.next_message()
    assert (changed.told.kind, changed.told.of, changed.told.text) == (
        "edit",
        sent.id,
        "Até *amanhã*",
    )
    assert changed.node.get("edit") == "1"
    assert changed.id != sent.id


async def members_of_a_group_are_mentioned_by_their_number(scene: Scene) -> None:
    group = scene.its.double.group("Vizinhos", [scene.bob, scene.its.phone])
    to = Party(group=str(group.jid))
    said = OutgoingText(body=f"@{scene.bob.pn.user} e @5511900000099, vejam")
    await scene.its.channel().send(to, said, key="mention")
    told = next(one for one in scene.companion.sent if one.to == group.jid).told
    assert told.mentions == (str(scene.bob.lid),)
    assert told.text == f"@{scene.bob.lid.user} e @5511900000099, vejam"


async def what_an_agent_records_is_a_voice_note(scene: Scene) -> None:
    chat = scene.its.house.of(f"WAID:{scene.first}").conversation
    recording = ("a.wav", wav(2.2, math.sin), "audio/x-wav")
    scene.its.house.chat.agent_writes(chat.id, "", attachments=[recording])
    told = (await scene.bob.next_message()).told
    assert (told.kind, told.seconds) == ("voice", 2)
    assert len(told.waveform) == 64
    assert max(told.waveform) == 100
    played = scene.its.double.media.read(told.part, "audio")
    assert played.startswith(b"OggS")
    assert b"OpusHead\x01\x01" in played[:64]
