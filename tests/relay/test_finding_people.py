"""One person has one contact: adopted in each spelling, once for two inboxes, followed, healed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bridge.core.message import IdentityChanged, NameTold
from bridge.core.naming import Source
from bridge.core.party import Party
from bridge.sim.chatwoot import Contact
from support.bridge_house import House, bridge_house
from support.qr_channel import QrPhones
from support.qr_events import MOMENT, NUMBER, typed, wrote
from support.sessions import QR_ORDER, balanced, bring, open_up, qr_house

MARINA = Party(wa_id="551187650001", lid="103899771998284", name="Marina 🌸")


def somebody(n: int) -> Party:
    """Somebody of Joinville, where WhatsApp leaves out the ninth digit."""
    return Party(wa_id=f"5547876500{n:02}", lid=f"2220003000{n:02}", name=f"Cliente {n}")


def in_book(name: str | None, party: Party = MARINA) -> NameTold:
    return NameTold(number=NUMBER, party=party, name=name, source=Source.ADDRESS_BOOK, at=MOMENT)


@asynccontextmanager
async def two_inboxes(tmp_path: Path) -> AsyncIterator[tuple[House, QrPhones]]:
    """Two numbers of one Chatwoot account."""
    phones = QrPhones()
    async with bridge_house(tmp_path, order=QR_ORDER, channels=phones.kinds) as house:
        await house.create(**QR_ORDER, instanceName="filial", chatwootNameInbox="WhatsApp Filial")
        for name in ("loja", "filial"):
            await house.service.connections.connect(house.service.instances.entry(name), wait=5)
            phones[name].scan()
        await house.quiet()
        yield house, phones


def people(house: House) -> list[Contact]:
    """The contacts that are no bots of inboxes."""
    return [
        one
        for one in house.chat.contacts.values()
        if not (one.identifier or "").startswith("ponte")
    ]


async def test_contacts_that_others_made_are_adopted_in_every_spelling(tmp_path):
    """Agents', imports' and Evolution's: by number, or by an identifier in each of its forms."""

    def spellings(party: Party) -> list[dict[str, str]]:
        without, with_ninth = party.wa_id, f"55479{(party.wa_id or '')[4:]}"
        return [
            {"phone_number": f"+{without}"},
            {"phone_number": f"+{with_ninth}"},
            {"phone_number": f"+{with_ninth}", "identifier": "crm-77"},
            {"identifier": f"{without}@s.whatsapp.net"},
            {"identifier": f"{with_ninth}@s.whatsapp.net"},
            {"identifier": f"{without}"},
            {"identifier": f"{with_ninth}"},
            {"identifier": f"{party.lid}@lid"},
            {"identifier": f"{party.lid}@lid", "phone_number": f"+{without}"},
        ]

    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        count = len(spellings(MARINA))
        cases = [(n, spellings(somebody(n))[n]) for n in range(count)]
        made = [house.chat.agent_creates_contact(f"Da agenda {n}", **fields) for n, fields in cases]
        # A landline has no other spelling: this one is somebody else.
        landline = house.chat.agent_creates_contact("Fixo", phone_number="+5547933300010")
        first = [wrote(f"oi {n}", sender=somebody(n)) for n in range(count)]
        office = wrote("oi", sender=Party(wa_id="554733300010"))
        await bring(house, phone, *first, office)

        for (n, fields), contact, message in zip(cases, made, first, strict=True):
            assert house.of(f"WAID:{message.id}").conversation.contact is contact, fields
            assert contact.name == f"Da agenda {n}"
            shown = {"phone_number": contact.phone_number, "identifier": contact.identifier}
            assert shown.items() >= fields.items()
            assert all(shown.values())  # what was missing was filled in
        assert house.of(f"WAID:{office.id}").conversation.contact is not landline
        assert len(people(house)) == count + 2
        assert await balanced(house)


async def test_two_inboxes_that_meet_somebody_at_once_make_one_contact(tmp_path):
    async with two_inboxes(tmp_path) as (house, phones):

        async def everybody_writes(text: str) -> None:
            both = [
                phones[name].bring(wrote(text, sender=somebody(n)))
                for n in (1, 2)
                for name in ("loja", "filial")
            ]
            await asyncio.gather(*both)
            await house.quiet()

        house.chat.faults.stored_but(500, route="POST contacts", times=1)
        house.chat.faults.fail(500, route="POST contacts/filter", times=1)
        before = house.chat.requests["POST contacts"]
        await everybody_writes("oi")
        assert house.chat.requests["POST contacts"] == before + 2

        known = people(house)
        assert sorted(one.identifier or "" for one in known) == [
            f"{somebody(n).wa_id}@s.whatsapp.net" for n in (1, 2)
        ]
        bound = [one for one in house.chat.contact_inboxes.values() if one.contact in known]
        assert len(bound) == len({(one.contact.id, one.inbox.id) for one in bound}) == 4

        # Deleted in Chatwoot, they are made again: once for both.
        for one in known:
            house.chat.delete_contact(one.id)
        await everybody_writes("ainda aí?")
        assert len(people(house)) == 2
        assert house.shown() == ["ainda aí?"] * 4
        assert await balanced(house)


async def test_a_number_that_stands_on_a_strangers_contact_is_left_there(tmp_path):
    """An agent gave Marina's contact the number of somebody who writes later."""
    other = Party(wa_id="5521987650007", lid="103899771990000", name="Rui")
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        first = wrote("oi", sender=MARINA)
        await bring(house, phone, first)
        marina = house.of(f"WAID:{first.id}").conversation
        house.chat.agent_edits_contact(
            marina.contact.id,
            phone_number=f"+{other.wa_id}",
            identifier=f"{other.wa_id}@s.whatsapp.net",
        )
        await house.quiet()

        news = wrote("e eu?", sender=other)
        await bring(house, phone, news)

        rui = house.of(f"WAID:{news.id}").conversation
        assert rui.contact is not marina.contact
        assert (rui.contact.name, rui.contact.phone_number) == ("Rui", None)
        assert rui.contact.identifier == f"{other.lid}@lid"
        assert marina.contact.phone_number == f"+{other.wa_id}"
        assert await balanced(house)


async def test_merges_of_agents_are_followed_wherever_the_contact_is_needed(tmp_path):
    async with two_inboxes(tmp_path) as (house, phones):
        first = wrote("oi", sender=MARINA)
        await bring(house, phones["loja"], first)
        chat = house.of(f"WAID:{first.id}").conversation
        base = house.chat.agent_creates_contact(
            "Marina (cadastro)", phone_number="+5521900000007", identifier="crm-9"
        )
        house.chat.agent_merges(base.id, chat.contact.id)
        await house.quiet()

        # The first to need it is a look at the name, then the other inbox.
        await bring(house, phones["loja"], in_book("Marina Alves"))
        assert base.name == "Marina (cadastro)"
        there = wrote("na filial", sender=MARINA)
        await bring(house, phones["filial"], there)
        assert house.of(f"WAID:{there.id}").conversation.contact is base

        again = house.chat.agent_creates_contact("Marina (outro)", email="m@example.org")
        house.chat.agent_merges(again.id, base.id)
        third = wrote("de novo", sender=MARINA)
        await bring(house, phones["filial"], third)
        echo = typed("do telefone", chat=replace(MARINA, name=None))
        await bring(house, phones["loja"], echo)
        assert house.of(f"WAID:{third.id}").conversation.contact is again
        assert house.of(f"WAID:{echo.id}").conversation is chat
        assert chat.contact is again
        assert people(house) == [again]
        assert await balanced(house)


async def test_somebody_is_found_by_a_number_of_before(tmp_path):
    """Chatwoot alone has them, under the number that they had."""
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        # Of one the address book knows the number before, of the other WhatsApp tells the change.
        old = [Party(wa_id=f"552198765000{n}") for n in (1, 2)]
        new = [Party(wa_id=f"554799900000{n}") for n in (1, 2)]
        made = [
            house.chat.agent_creates_contact("Bia", phone_number=f"+{one.wa_id}") for one in old
        ]
        lid = {"lid": "103899771993333"}
        change = IdentityChanged(number=NUMBER, id="3E01", old=old[1], new=new[1], at=MOMENT)
        await bring(house, phone, in_book("Beatriz", replace(old[0], **lid)), change)
        assert house.chats() == []

        first = wrote("mudei de número", sender=replace(new[0], **lid, name="bia"))
        second = wrote("eu também", sender=replace(new[1], name="bia"))
        await bring(house, phone, first, second)

        found = [house.of(f"WAID:{one.id}").conversation.contact for one in (first, second)]
        assert found == made
        assert [one.phone_number for one in made] == [f"+{one.wa_id}" for one in old]
        assert {one.name for one in made} == {"Bia"}
        assert await balanced(house)
