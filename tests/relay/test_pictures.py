"""Agents see faces and the names of groups; nothing waits for it, and failures are quiet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.core.identity import display_name
from bridge.core.party import Party
from bridge.errors import PeerBroke, PeerRefused
from bridge.relay import pictures
from bridge.sim.chatwoot.records import Contact, Upload
from bridge.whatsapp.channel import Profile
from support.bridge_house import House, bridge_house
from support.happenings import GROUP, MARINA, RUI, written
from support.qr_channel import QrPhone, QrPhones
from support.sessions import QR_ORDER, open_up, qr_house

JPEG = b"\xff\xd8\xff\xe0 a face"
PNG = b"\x89PNG\r\n\x1a\n another face"


@dataclass(kw_only=True)
class Photos:
    """WhatsApp's server of pictures."""

    url: str = ""
    body: bytes = JPEG
    status: int = 200
    served: list[str] = field(default_factory=list)

    async def serve(self, request: web.Request) -> web.Response:
        self.served.append(request.path_qs)
        return web.Response(body=self.body, status=self.status)


@asynccontextmanager
async def photo_house(tmp_path: Path, **more: Any) -> AsyncIterator[tuple[House, QrPhone, Photos]]:
    photos = Photos()
    app = web.Application()
    app.router.add_get("/{name}", photos.serve)
    async with TestServer(app) as server, qr_house(tmp_path, **more) as (house, phone):
        photos.url = str(server.make_url("/v/face.jpg")).replace("/v/", "/")
        phone.profile = Profile(picture_url=photos.url)
        await open_up(house, phone)
        yield house, phone, photos


def contact(house: House) -> Contact:
    return house.chats()[0].contact


async def write(house: House, phone: QrPhone, text: str = "Oi", **how: object) -> None:
    await phone.bring(written(text, **how))  # type: ignore[arg-type]
    await house.quiet()


async def test_a_new_contact_gets_the_picture_of_the_person(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        await write(house, phone)

        avatar = contact(house).avatar
        assert avatar is not None
        assert (avatar.data, avatar.mime) == (JPEG, "image/jpeg")
        assert [party.wa_id for party in phone.described] == [MARINA.wa_id]
        assert set((await house.balance()).values()) == {0}


async def test_it_is_looked_at_once_a_day_and_given_again_only_when_it_is_another(tmp_path):
    async with photo_house(tmp_path) as (house, phone, photos):
        await write(house, phone, "um")
        await write(house, phone, "dois")
        assert len(phone.described) == 1

        house.clock.ahead_seconds += 86_400
        await write(house, phone, "três")
        assert len(phone.described) == 2
        assert house.chat.requests["PATCH contact"] == 1

        photos.body = PNG
        house.clock.ahead_seconds += 86_400
        await write(house, phone, "quatro")
        assert house.chat.requests["PATCH contact"] == 2
        avatar = contact(house).avatar
        assert avatar is not None
        assert (avatar.data, avatar.mime) == (PNG, "image/png")

        photos.body = JPEG  # back to the first: that is another one too
        house.clock.ahead_seconds += 86_400
        await write(house, phone, "cinco")
        assert house.chat.requests["PATCH contact"] == 3


async def test_a_picture_whose_id_is_known_is_not_even_fetched(tmp_path):
    async with photo_house(tmp_path) as (house, phone, photos):

        async def told(text: str, **profile: str) -> None:
            phone.profile = Profile(picture_url=photos.url, **profile)
            house.clock.ahead_seconds += 86_400
            await write(house, phone, text)

        await told("um", picture_id="1")
        await told("dois", picture_id="1")
        assert (len(phone.described), len(photos.served)) == (2, 1)
        # The same picture under another id, then another one; the name of the book with it.
        await told("três", picture_id="2")
        assert house.chat.requests["PATCH contact"] == 1
        photos.body = PNG
        await told("quatro", picture_id="3", address_name="Marina Alves")
        assert len(photos.served) == 3
        avatar = contact(house).avatar
        assert avatar is not None
        assert (avatar.data, contact(house).name) == (PNG, "Marina Alves")
        # What an agent took away does not come back by itself.
        contact(house).avatar = None
        await told("cinco", picture_id="3", address_name="Marina Alves")
        assert (contact(house).avatar, len(photos.served)) == (None, 3)
        await told("seis")  # where WhatsApp says no id, its file does
        assert (contact(house).avatar, len(photos.served)) == (None, 4)


async def test_a_group_gets_its_subject_as_name_and_follows_a_new_one(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        phone.profile = Profile(name="Família")
        await write(house, phone, group=GROUP)
        assert contact(house).name == "Família (GROUP)"

        phone.profile = Profile(name="Família e amigos")
        house.clock.ahead_seconds += 86_400
        await write(house, phone, group=GROUP)
        assert contact(house).name == "Família e amigos (GROUP)"


async def test_a_name_that_we_made_up_before_is_replaced_in_an_adopted_contact(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        made_up = display_name(Party(group=GROUP))
        known = house.chat.agent_creates_contact(made_up, identifier=GROUP)
        phone.profile = Profile(name="Família")

        await write(house, phone, group=GROUP)

        assert (contact(house).id, known.name) == (known.id, "Família (GROUP)")


async def test_a_name_that_an_agent_gave_stays(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        phone.profile = Profile(name="Família")
        await write(house, phone, group=GROUP)
        house.chat.agent_edits_contact(contact(house).id, name="Os Silva")

        phone.profile = Profile(name="Família e amigos")
        house.clock.ahead_seconds += 86_400
        await write(house, phone, group=GROUP)

        assert contact(house).name == "Os Silva"


async def test_where_whatsapp_shows_no_picture_the_one_in_chatwoot_stays(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        await write(house, phone)

        phone.profile = Profile()
        house.clock.ahead_seconds += 86_400
        await write(house, phone)

        assert contact(house).avatar is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"<html>no picture</html>", 200, id="no picture"),
        pytest.param(b"", 200, id="nothing"),
        pytest.param(JPEG, 404, id="gone"),
        pytest.param(JPEG, 302, id="moved"),
    ],
)
async def test_what_is_no_picture_is_given_up_without_a_word(tmp_path, body, status):
    async with photo_house(tmp_path) as (house, phone, photos):
        photos.body, photos.status = body, status

        await write(house, phone)

        assert contact(house).avatar is None
        assert house.shown() == ["Oi"]
        assert (await house.events())["internal", "ignored", "profile.refused"] == 1
        assert set((await house.balance()).values()) == {0}


async def test_a_picture_that_is_too_large_is_given_up_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "LARGEST", 10)
    monkeypatch.setattr(pictures, "PAUSE", 0)
    async with photo_house(tmp_path) as (house, phone, photos):
        await phone.bring(written())
        await phone.called("describe", 4)
        assert len(photos.served) >= 3
        house.clock.ahead_seconds += 3600
        await house.quiet()

        assert contact(house).avatar is None
        assert (await house.events())["internal", "ignored", "profile.late"] == 1


async def test_an_address_inside_the_network_is_not_called(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        phone.profile = Profile(picture_url="http://169.254.169.254/latest/meta-data")

        await write(house, phone)

        assert contact(house).avatar is None
        assert (await house.events())["internal", "ignored", "profile.refused"] == 1


async def test_a_channel_that_cannot_say_is_asked_again_later(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "PAUSE", 0)
    async with photo_house(tmp_path) as (house, phone, _):
        phone.refuses["describe"] = [PeerBroke("not now"), PeerBroke("not now")]

        await write(house, phone)

        assert contact(house).avatar is not None
        assert len(phone.described) == 3


async def test_a_refusal_is_the_end_of_it(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        phone.refuses["describe"] = [PeerRefused("hidden")]

        await write(house, phone)

        assert len(phone.described) == 1


async def test_messages_do_not_wait_for_pictures(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        gate = phone.gates["describe"] = asyncio.Event()
        await phone.bring(*(written("Oi", sender) for sender in (MARINA, RUI)))
        await phone.called("describe")
        await phone.bring(*(written(str(number)) for number in range(5)))
        await house.chat.wait_for(lambda: len(house.shown()) == 7)
        house.chat.agent_writes(house.chats()[0].id, "sim?")
        await phone.has_sent(1)

        gate.set()
        await house.quiet()
        assert phone.texts == ["sim?"]
        assert contact(house).avatar is not None


async def test_a_deleted_instance_leaves_no_trace_of_pictures(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        await write(house, phone)
        await house.ok("DELETE", "/instance/delete/loja")

        left = await house.rows("SELECT key FROM seen")
        assert [row for row in left if "picture" in row["key"] or "profile" in row["key"]] == []


async def test_a_picture_that_somebody_chose_in_chatwoot_stays(tmp_path):
    async with photo_house(tmp_path) as (house, phone, photos):
        known = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA.wa_id}")
        chosen = Upload(filename="foto.png", mime="image/png", data=PNG)
        house.chat.agent_edits_contact(known.id, avatar=chosen)
        await write(house, phone)
        assert contact(house) is known
        assert known.avatar is not None
        assert known.avatar.data == PNG
        assert photos.served == []

        # Once it is taken away there is room for WhatsApp's again, and then for a chosen one.
        known.avatar = None
        house.clock.ahead_seconds += 86_400
        await write(house, phone)
        assert known.avatar is not None
        assert known.avatar.data == JPEG
        house.chat.agent_edits_contact(known.id, avatar=chosen)
        photos.body = b"\xff\xd8\xff\xe0 an older face"
        house.clock.ahead_seconds += 86_400
        await write(house, phone)
        assert known.avatar.data == PNG


async def test_a_name_that_comes_later_replaces_the_one_that_we_made_up_at_once(tmp_path):
    async with photo_house(tmp_path) as (house, phone, _):
        await write(house, phone, sender=replace(MARINA, name=None))
        assert contact(house).name == f"+{MARINA.wa_id}"

        await write(house, phone, sender=replace(MARINA, name="Marina"))

        assert contact(house).name == "Marina"


async def test_a_number_that_comes_later_is_filled_in_and_the_identifier_stays(tmp_path):
    lid = Party(lid="103899771998284", name="Marina")
    async with photo_house(tmp_path) as (house, phone, _):
        await write(house, phone, sender=lid)
        assert contact(house).phone_number is None

        await write(house, phone, sender=replace(lid, wa_id=MARINA.wa_id))

        assert len(house.chats()) == 1
        assert contact(house).phone_number == f"+{MARINA.wa_id}"
        assert contact(house).identifier == "103899771998284@lid"
        assert set((await house.balance()).values()) == {0}


@pytest.mark.parametrize("merges", [True, False])
async def test_a_contact_that_has_the_number_already_is_merged_where_that_is_on(tmp_path, merges):
    lid = Party(lid="103899771998284")
    order = {"chatwootMergeBrazilContacts": merges}
    async with photo_house(tmp_path, order=order) as (house, phone, _):
        other = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA.wa_id}")
        await write(house, phone, sender=lid)
        ours = contact(house)
        assert ours is not other

        both = replace(lid, wa_id=MARINA.wa_id, name="Marina")
        await write(house, phone, "os dois", sender=both)
        await write(house, phone, "e mais", sender=both)

        assert len(house.chats()) == 1
        left = [one for one in house.chat.contacts.values() if one.name == "Marina"]
        assert len(left) == (1 if merges else 2)
        assert contact(house).phone_number == (f"+{MARINA.wa_id}" if merges else None)
        assert house.shown() == ["Oi", "os dois", "e mais"]


@pytest.mark.parametrize("merges", [True, False])
async def test_two_people_who_turn_out_to_be_one_have_one_contact(tmp_path, merges):
    lid = Party(lid="103899771998284")
    order = {"chatwootMergeBrazilContacts": merges}
    async with photo_house(tmp_path, order=order) as (house, phone, _):
        await write(house, phone, "pelo número", sender=replace(MARINA, lid=None))
        await write(house, phone, "pelo LID", sender=lid)
        first, second = house.chats()
        assert first.contact is not second.contact

        await write(house, phone, "os dois", sender=replace(MARINA, lid=lid.lid))
        await write(house, phone, "só o LID", sender=lid)

        told = [one.content for one in first.messages if not one.private]
        assert told == ["pelo número", "os dois", "só o LID"]
        assert (first.contact is second.contact) is merges
        assert set((await house.balance()).values()) == {0}


async def test_two_numbers_of_one_account_give_a_contact_one_picture(tmp_path):
    photos = Photos()
    app = web.Application()
    app.router.add_get("/{name}", photos.serve)
    phones = QrPhones()
    async with (
        TestServer(app) as server,
        bridge_house(tmp_path, order=QR_ORDER, channels=phones.kinds) as house,
    ):
        await house.create(**QR_ORDER, instanceName="filial", chatwootNameInbox="WhatsApp Filial")
        for name in ("loja", "filial"):
            url = str(server.make_url("/face.jpg"))
            phones[name].profile = Profile(picture_url=url, picture_id="1")
            await house.service.connections.connect(house.service.instances.entry(name), wait=5)
            phones[name].scan()
            await phones[name].bring(written("Oi"))
            await house.quiet()

        first, second = house.chats()
        assert first.contact is second.contact
        assert first.contact.avatar is not None
        assert len(photos.served) == 1
        assert house.chat.requests["PATCH contact"] == 1
