"""Who is who is learnt from whatever tells it: a status, a mention, a reaction, who writes."""

from __future__ import annotations

from dataclasses import replace

from bridge.core.message import DeliveryState, Reacted
from bridge.core.party import Party
from support.bridge_house import MARINA, House
from support.qr_channel import QrChannel
from support.qr_events import GROUP, MOMENT, NUMBER, new_id, reported, typed, wrote
from support.sessions import balanced, bring, open_up, qr_house

LIDS = [f"10389977199900{number}" for number in range(5)]
NUMBERS = [f"551198765000{number}" for number in range(5)]


def both(number: int) -> Party:
    return Party(wa_id=NUMBERS[number], lid=LIDS[number])


async def people(house: House) -> dict[str, set[str]]:
    """The keys of each person who has a LID, by it."""
    rows = await house.rows("SELECT key, person_id FROM identity_key")
    return {
        one["key"]: {row["key"] for row in rows if row["person_id"] == one["person_id"]}
        for one in rows
        if one["key"].startswith("lid:")
    }


async def test_every_event_that_names_somebody_twice_links_both_names(tmp_path):
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await open_up(house, phone)
        # Known by number and by LID apart: two chats, until something tells.
        by_number = [wrote("oi", sender=Party(wa_id=NUMBERS[number])) for number in range(3)]
        by_lid = [wrote("olá", sender=Party(lid=LIDS[number])) for number in range(3)]
        await bring(house, phone, *by_number, *by_lid)
        answered = house.of(f"WAID:{by_lid[0].id}").conversation
        house.chat.agent_writes(answered.id, "sim?")
        await phone.has_sent(1)
        await house.quiet()
        (sent,) = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'")
        status = reported(sent["whatsapp_id"], DeliveryState.READ)
        message = wrote("no grupo", sender=both(1), group=GROUP, mentions=(both(2),))
        reaction = Reacted(
            number=NUMBER,
            id=new_id(),
            target=message.id,
            chat=Party(group=GROUP),
            at=MOMENT,
            emoji="👍",
            sender=both(3),
        )
        ours = typed("@vocês", chat=Party(group=GROUP), mentions=(both(4),))

        await bring(house, phone, replace(status, recipient=both(0)), message, ours)
        await bring(house, phone, reaction)

        for number in range(5):
            found = (await people(house))[f"lid:{LIDS[number]}"]
            assert found == {f"lid:{LIDS[number]}", f"phone:{NUMBERS[number]}"}, number
        later = [wrote("e agora?", sender=Party(lid=lid)) for lid in LIDS[:3]]
        await bring(house, phone, *later)
        for number, one in enumerate(later):
            theirs = house.of(f"WAID:{by_number[number].id}").conversation  # the older chat
            assert house.of(f"WAID:{one.id}").conversation is theirs, number
        assert await balanced(house)


async def test_contacts_merge_when_something_tells_though_nobody_writes_again(tmp_path):
    order = {"chatwootMergeBrazilContacts": True}
    async with qr_house(tmp_path, channel=QrChannel, order=order) as (house, phone):
        await open_up(house, phone)
        by_number = wrote("oi", sender=Party(wa_id=NUMBERS[0]))
        by_lid = wrote("olá", sender=Party(lid=LIDS[0]))
        await bring(house, phone, by_number, by_lid)
        first, second = (house.of(f"WAID:{one.id}").conversation for one in (by_number, by_lid))
        assert first.contact is not second.contact
        house.chat.agent_writes(second.id, "sim?")
        await phone.has_sent(1)
        await house.quiet()
        (sent,) = await house.rows("SELECT whatsapp_id FROM ledger WHERE origin='agent'")
        status = reported(sent["whatsapp_id"], DeliveryState.READ)
        await bring(house, phone, replace(status, recipient=both(0)))
        assert first.contact is second.contact
        assert await balanced(house)


async def test_who_was_only_named_before_takes_over_the_chat_of_who_wrote(tmp_path):
    async with qr_house(tmp_path, channel=QrChannel) as (house, phone):
        await open_up(house, phone)
        named = Party(wa_id=NUMBERS[1], lid=LIDS[0])  # known first, and has no chat
        wrote_first = wrote("oi", sender=Party(wa_id=NUMBERS[0]))
        await bring(house, phone, wrote("no grupo", sender=named, group=GROUP))
        await bring(house, phone, wrote_first)
        await bring(house, phone, wrote("de novo", sender=both(0), group=GROUP))

        later = wrote("e agora?", sender=Party(lid=LIDS[0]))
        await bring(house, phone, later)

        chat = house.of(f"WAID:{wrote_first.id}").conversation
        assert house.of(f"WAID:{later.id}").conversation is chat
        assert await balanced(house)


async def test_the_story_of_a_person_is_told(house: House) -> None:
    chat = await house.talk()
    (one,) = await house.ok("GET", "/who", params={"person": MARINA})
    assert one["contact"] == chat.contact.id
    assert [(at["instance"], at["conversation"]) for at in one["chats"]] == [("loja", chat.id)]
    (again,) = await house.ok("GET", "/who", params={"person": str(chat.contact.id)})
    assert again == one
