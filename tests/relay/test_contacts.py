"""Whose contact it is: found, adopted, merged, healed; the ninth digit in every row."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.bridge_house import MARINA, RUI, House, bridge_house

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "contract" / "phone_vectors.json").read_text("utf-8")
)
#: Rows of two ids as WhatsApp sends them. A newsletter (row 52) writes to nobody.
BOTH_ON_WHATSAPP = [
    row
    for row in VECTORS
    if row["a_from"][:2] == row["b_from"][:2] == "wa" and row["a_kind"] != "newsletter"
]
#: Rows in which Chatwoot may hold the second number as somebody typed it.
ONE_IN_CHATWOOT = [
    row
    for row in VECTORS
    if row["a_from"][:2] == "wa" and row["b_e164"] and row["a_kind"] == "phone"
]


def named(row: dict[str, Any]) -> str:
    return f"row {row['n']}"


async def writes(house: House, address: str, text: str) -> None:
    """Write from a raw id: a BSUID stands in `from_user_id`, a group in `group_id`."""
    if address.startswith("BR."):
        await house.graph.customer_writes(None, text, bsuid=address)
    elif "@g.us" in address or "-" in address:
        message = {"type": "text", "text": {"body": text}, "group_id": address}
        await house.graph.customer_writes(RUI, message=message, bsuid=None)
    else:
        await house.graph.customer_writes(address, text, bsuid=None)


@pytest.mark.parametrize("row", BOTH_ON_WHATSAPP, ids=named)
async def test_two_spellings_are_one_contact_only_if_they_are_one_person(
    house: House, row: dict[str, Any]
) -> None:
    await writes(house, row["a"], "primeira")
    await writes(house, row["b"], "segunda")
    await house.quiet()
    assert sorted(house.shown()) in (
        ["primeira", "segunda"],
        ["**Cliente 0002 (+5511987650002):**\n\nprimeira", "segunda"],
        ["**Cliente 0002 (+5511987650002):**\n\nsegunda", "primeira"],
    )
    assert len(house.chats()) == (1 if row["same"] else 2)
    numbers = {chat.contact.phone_number for chat in house.chats()}
    assert numbers <= {row["a_e164"], row["b_e164"], None}


@pytest.mark.parametrize("row", ONE_IN_CHATWOOT, ids=named)
async def test_a_contact_that_agents_made_is_used_only_if_it_is_the_same_person(
    house: House, row: dict[str, Any]
) -> None:
    made = house.chat.agent_creates_contact("Da agenda", phone_number=row["b_e164"])
    await writes(house, row["a"], "Oi")
    await house.quiet()
    (chat,) = house.chats()
    assert (chat.contact is made) == row["same"]
    assert made.name == "Da agenda"
    assert made.phone_number == row["b_e164"]


@pytest.mark.parametrize("spelling", ["+551187650001", "+5511987650001"])
async def test_a_contact_with_or_without_the_ninth_digit_is_adopted(
    house: House, spelling: str
) -> None:
    made = house.chat.agent_creates_contact("Marina da Agenda", phone_number=spelling)
    chat = await house.talk()
    assert chat.contact is made
    assert made.phone_number == spelling
    assert made.identifier == "5511987650001@s.whatsapp.net"


async def test_a_contact_keeps_an_identifier_and_a_name_that_others_gave(house: House) -> None:
    made = house.chat.agent_creates_contact(
        "Dona Marina", phone_number="+5511987650001", identifier="crm-77"
    )
    chat = await house.talk(name="marina 🌸")
    assert chat.contact is made
    assert (made.name, made.identifier) == ("Dona Marina", "crm-77")


async def test_a_contact_named_after_its_number_gets_the_profile_name(house: House) -> None:
    made = house.chat.agent_creates_contact("+5511987650001", phone_number="+5511987650001")
    await house.talk(name="Marina Alves")
    assert made.name == "Marina Alves"


async def test_the_contact_that_evolution_made_is_adopted(house: House) -> None:
    made = house.chat.agent_creates_contact(
        "Marina", phone_number="+551187650001", identifier="551187650001@s.whatsapp.net"
    )
    chat = await house.talk()
    assert chat.contact is made


@pytest.mark.parametrize("merges", [True, False])
async def test_two_contacts_of_one_person_merge_only_when_that_is_on(
    tmp_path: Path, merges: bool
) -> None:
    async with bridge_house(tmp_path, order={"chatwootMergeBrazilContacts": merges}) as house:
        without = house.chat.agent_creates_contact("Sem nono", phone_number="+551187650001")
        with_ninth = house.chat.agent_creates_contact("Com nono", phone_number="+5511987650001")
        house.chat.block_contact(with_ninth.id)
        chat = await house.talk()
        if merges:
            assert chat.contact is without
            assert with_ninth.id not in house.chat.contacts
            assert without.blocked
        else:
            assert chat.contact is with_ninth
            assert without.id in house.chat.contacts


async def test_a_bsuid_of_another_case_is_somebody_else(house: House) -> None:
    """Chatwoot looks identifiers up without regard to case; BSUIDs differ by it."""
    other = house.chat.agent_creates_contact("Outra", identifier="br.1349abcdef")
    await house.graph.customer_writes(None, "Oi", bsuid="BR.1349ABCDEF")
    await house.quiet()
    assert house.chats()[0].contact is not other


async def test_a_customer_without_a_number_has_a_contact_all_the_same(house: House) -> None:
    await house.graph.customer_writes(None, "sem número", bsuid="BR.13491200000000000001")
    await house.quiet()
    (chat,) = house.chats()
    assert chat.contact.phone_number is None
    assert chat.contact.identifier == "BR.13491200000000000001"
    house.chat.agent_writes(chat.id, "Olá!")
    (sent,) = await house.sent()
    assert sent.body["recipient"] == "BR.13491200000000000001"


async def test_a_deleted_contact_heals(house: House) -> None:
    chat = await house.talk()
    house.chat.delete_contact(chat.contact.id)
    again = await house.talk(text="ainda aí?")
    assert again.contact is not chat.contact
    assert house.shown() == ["ainda aí?"]


async def test_a_deleted_conversation_heals(house: House) -> None:
    chat = await house.talk()
    house.chat.delete_conversation(chat.id)
    again = await house.talk(text="ainda aí?")
    assert again.contact is chat.contact
    assert again.id != chat.id


async def test_a_deleted_inbox_heals(house: House) -> None:
    chat = await house.talk()
    old = house.inbox
    house.chat.delete_inbox(old.id)
    again = await house.talk(text="ainda aí?")
    assert again.contact is chat.contact
    assert again.inbox is not old
    again.inbox.members[house.chat.agent.id] = house.chat.agent
    house.chat.agent_writes(again.id, "Estamos!")
    await house.sent()
    assert house.texts == ["Estamos!"]


async def test_a_deleted_inbox_is_made_once_for_many_customers(house: House) -> None:
    await house.talk(MARINA)
    await house.talk(RUI)
    house.chat.delete_inbox(house.inbox.id)
    for number in (MARINA, RUI):
        await house.graph.customer_writes(number, "oi de novo")
    await house.quiet()
    assert len(house.chat.inboxes) == 1
    assert house.shown() == ["oi de novo", "oi de novo"]


async def test_a_contact_that_an_agent_merged_is_followed_without_a_deleted_message(
    house: House,
) -> None:
    chat = await house.talk()
    base = house.chat.agent_creates_contact("Marina (cadastro)", email="marina@example.org")
    house.chat.agent_merges(base.id, chat.contact.id)
    again = await house.talk(text="sou eu")
    assert again is chat
    assert chat.contact is base
    assert [one.content for one in chat.messages if one.message_type == "incoming"] == [
        "Oi",
        "sou eu",
    ]
    before = Counter(house.chat.requests)
    await house.talk(text="de novo")
    assert Counter(house.chat.requests) - before == {"POST messages": 1}


async def test_a_message_in_a_strangers_conversation_is_deleted_and_posted_anew(
    house: House,
) -> None:
    """Somebody moved the conversation: what was meant for Marina's is not read in Rui's."""
    marina = await house.talk(MARINA)
    rui = await house.talk(RUI)
    await house.rows("SELECT 1")
    await house.service.store.write(
        lambda unit: unit.db.execute(
            "UPDATE chat SET conversation_id=? WHERE conversation_id=?", (rui.id, marina.id)
        )
    )
    id_ = await house.graph.customer_writes(MARINA, "meu segredo")
    await house.quiet()
    found = [one for one in house.chat.messages() if one.source_id == f"WAID:{id_}"]
    shown = [one for one in found if not one.content_attributes.get("deleted")]
    assert [one.conversation.contact.id for one in shown] == [marina.contact.id]
    assert all(one.content != "meu segredo" for one in rui.messages)


async def test_a_failed_deletion_in_a_strangers_conversation_is_repeated(house: House) -> None:
    marina = await house.talk(MARINA)
    rui = await house.talk(RUI)
    await house.service.store.write(
        lambda unit: unit.db.execute(
            "UPDATE chat SET conversation_id=? WHERE conversation_id=?", (rui.id, marina.id)
        )
    )
    house.chat.faults.fail(500, route="DELETE message", times=1)
    await house.graph.customer_writes(MARINA, "meu segredo")
    await house.quiet()
    assert all(one.content != "meu segredo" for one in rui.messages)
    assert [one.content for one in marina.messages if one.message_type == "incoming"] == [
        "Oi",
        "meu segredo",
    ]
