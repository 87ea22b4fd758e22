"""Agents write into groups, where the channel can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.core.content import Media, MediaKind
from bridge.core.party import Party
from bridge.sim.chatwoot import Conversation
from bridge.sim.pictures import png
from support.bridge_house import MARINA, House
from support.qr_channel import QrPhone
from support.qr_events import CUSTOMER, GROUP, typed, wrote
from support.sessions import bring, open_up, qr_house

MARINA_IN_GROUP = replace(CUSTOMER, name="Marina")


async def group(house: House, phone: QrPhone) -> Conversation:
    first = wrote("oi grupo", group=GROUP, sender=MARINA_IN_GROUP)
    await bring(house, phone, first)
    return house.of(f"WAID:{first.id}").conversation


async def test_an_answer_goes_into_the_group(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.groups = True
        await open_up(house, phone)
        chat = await group(house, phone)

        house.chat.agent_writes(chat.id, "olá a todos")
        house.chat.agent_writes(chat.id, "foto", attachments=[("a.png", png(10, 10), "image/png")])
        await phone.has_sent(2)
        await house.quiet()

        assert [to for to, _ in phone.sent] == [Party(group=GROUP)] * 2
        assert phone.texts == ["olá a todos"]
        assert set((await house.balance()).values()) == {0}


async def test_where_the_channel_knows_no_groups_the_agent_is_told(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await group(house, phone)

        message = house.chat.agent_writes(chat.id, "olá a todos")
        await house.status(message, "failed")

        assert "groups" in (message.external_error or "")
        assert phone.sent == []


async def test_an_agent_may_write_first_to_a_group_that_chatwoot_knows(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.groups = True
        await open_up(house, phone)
        contact = house.chat.agent_creates_contact("Equipe (GROUP)", identifier=GROUP)

        chat = house.chat.agent_starts_conversation(contact.id, house.inbox.id, "bom dia, equipe")
        await phone.has_sent(1)
        await house.quiet()
        theirs = wrote("bom dia", group=GROUP, sender=MARINA_IN_GROUP)
        await bring(house, phone, theirs)

        assert [to for to, _ in phone.sent] == [Party(group=GROUP)]
        assert house.of(f"WAID:{theirs.id}").conversation is chat


async def test_a_quote_in_a_group_says_who_wrote_it(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.groups = True
        await open_up(house, phone)
        theirs = wrote("quem vem?", group=GROUP, sender=MARINA_IN_GROUP)
        await bring(house, phone, theirs)
        shown = house.of(f"WAID:{theirs.id}")

        house.chat.agent_writes(shown.conversation.id, "eu", in_reply_to=shown.id)
        await phone.has_sent(1)

        (quote,) = phone.quotes
        assert quote is not None
        assert (quote.id, quote.by_us, quote.text) == (theirs.id, False, "quem vem?")
        assert quote.sender is not None
        assert quote.sender.wa_id == MARINA


async def test_a_quote_of_ours_names_nobody(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.groups = True
        await open_up(house, phone)
        chat = await group(house, phone)
        written = house.chat.agent_writes(chat.id, "**reunião** às 10")
        await phone.has_sent(1)
        await house.quiet()

        house.chat.agent_writes(chat.id, "às 11", in_reply_to=written.id)
        await phone.has_sent(2)

        quote = phone.quotes[1]
        assert quote is not None
        assert (quote.by_us, quote.sender, quote.text) == (True, None, "*reunião* às 10")


async def test_a_quote_of_one_person_names_nobody(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        photo = Media(media=MediaKind.IMAGE, handle="x", mime="image/png", caption="serve?")
        theirs = wrote(photo)
        await bring(house, phone, theirs)
        shown = house.of(f"WAID:{theirs.id}")

        house.chat.agent_writes(shown.conversation.id, "serve", in_reply_to=shown.id)
        await phone.has_sent(1)

        (quote,) = phone.quotes
        assert quote is not None
        assert (quote.by_us, quote.sender, quote.text) == (False, None, "serve?")


async def test_when_retention_took_the_quoted_job_the_quote_still_has_its_id(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.groups = True
        await open_up(house, phone)
        theirs = wrote("quem vem?", group=GROUP, sender=MARINA_IN_GROUP)
        await bring(house, phone, theirs)
        shown = house.of(f"WAID:{theirs.id}")
        await house.service.store.write(lambda unit: unit.db.execute("DELETE FROM job") and None)

        house.chat.agent_writes(shown.conversation.id, "eu", in_reply_to=shown.id)
        await phone.has_sent(1)

        (quote,) = phone.quotes
        assert quote is not None
        assert (quote.id, quote.sender, quote.text) == (theirs.id, None, None)


async def test_an_id_that_is_none_of_whatsapps_is_not_quoted(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        theirs = wrote("chamada", id="3AFF~call")
        await bring(house, phone, theirs)
        shown = house.of(f"WAID:{theirs.id}")

        house.chat.agent_writes(shown.conversation.id, "já ligo", in_reply_to=shown.id)
        await phone.has_sent(1)

        assert phone.quotes == [None]


OPUS = b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead\x01\x01" + bytes(40)
VORBIS = b"OggS\x00\x02" + bytes(22) + b"\x01\x1e\x01vorbis" + bytes(40)


@pytest.mark.parametrize(
    ("name", "data", "mime", "voice"),
    [
        pytest.param("v.ogg", OPUS, "audio/ogg", True, id="opus"),
        pytest.param("v.ogg", OPUS, "audio/ogg; codecs=opus", True, id="opus, and said so"),
        pytest.param("v.ogg", VORBIS, "audio/ogg", False, id="vorbis"),
        pytest.param("v.mp3", b"ID3" + bytes(60), "audio/mpeg", False, id="mp3"),
    ],
)
async def test_what_is_recorded_as_opus_is_a_voice_note_and_other_sound_is_not(
    tmp_path, name, data, mime, voice
):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        first = wrote("oi")
        await bring(house, phone, first)
        chat = house.of(f"WAID:{first.id}").conversation

        house.chat.agent_writes(chat.id, None, attachments=[(name, data, mime)])
        await phone.has_sent(1)

        ((_, sent),) = phone.sent
        assert (sent.media, sent.voice) == (MediaKind.AUDIO, voice)


async def test_a_phone_message_into_a_group_can_be_quoted(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        phone.groups = True
        await open_up(house, phone)
        ours = typed("aviso", chat=Party(group=GROUP))
        await bring(house, phone, ours)
        shown = house.of(f"WAID:{ours.id}")

        house.chat.agent_writes(shown.conversation.id, "lembrete", in_reply_to=shown.id)
        await phone.has_sent(1)

        (quote,) = phone.quotes
        assert quote is not None
        assert (quote.id, quote.by_us, quote.sender) == (ours.id, True, None)
