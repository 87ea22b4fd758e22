"""Names of contacts over the Cloud API, where nobody can be asked: they come with what happens."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bridge.core.naming import WRITTEN
from bridge.sim.chatwoot import Contact
from support.bridge_house import MARINA, RUI, House

BSUID = "BR.13491200000000000077"


def entry(name: str | None, *, at: int, number: str | None = MARINA, **more: Any) -> dict[str, Any]:
    """An entry of the phone's address book, that was written, or (no name) taken out."""
    contact = {"phone_number": number, **more} | ({"full_name": name} if name else {})
    return {
        "type": "contact",
        "contact": contact,
        "action": "add" if name else "remove",
        "metadata": {"timestamp": str(at)},
    }


async def tell(house: House, *entries: dict[str, Any]) -> None:
    _, payload = house.graph.draft(MARINA, "")
    change = payload["entry"][0]["changes"][0]
    metadata = change["value"]["metadata"]
    change["value"] = {"metadata": metadata, "state_sync": list(entries)}
    change["field"] = "smb_app_state_sync"
    await house.graph.deliver(payload)
    await house.quiet()


async def calls(house: House, *names: str | None) -> Counter[str]:
    """What Chatwoot is asked while Marina writes, under each of these profile names."""
    before = Counter(house.chat.requests)
    for name in names:
        await house.talk(name=name)
    return Counter(house.chat.requests) - before


async def test_a_name_of_ours_follows_and_that_of_an_agent_stays(house: House) -> None:
    # Without a profile name it is the number, and no look follows: the contact has it all.
    first = await calls(house, None)
    assert first["GET contact"] == first["PATCH contact"] == 0
    contact = house.chats()[0].contact
    assert contact.name == f"+{MARINA}"
    assert await calls(house, None, None) == {"POST messages": 2}

    # The name that comes later replaces it, at the price of one look; then nothing again.
    look = {"GET contact": 1, "PATCH contact": 1}
    assert await calls(house, "Marina") == {"POST messages": 1, **look}
    assert (contact.name, contact.additional_attributes[WRITTEN]) == ("Marina", "Marina")
    assert await calls(house, "Marina", None) == {"POST messages": 2}
    assert await calls(house, "Marina 🌸") == {"POST messages": 1, **look}
    assert contact.name == "Marina 🌸"

    # The address book counts for more, also where it says what it said before.
    await tell(house, entry("Marina Alves", at=1_795_190_000))
    assert contact.name == "Marina Alves"
    before = Counter(house.chat.requests)
    await tell(house, entry("Marina Alves", at=1_795_190_000))
    await tell(house, entry("Velha", at=1_795_180_000))
    assert Counter(house.chat.requests) == before
    assert await calls(house, "Mari") == {"POST messages": 1}
    await tell(house, entry(None, at=1_795_191_000))
    assert contact.name == "Mari"

    # What an agent writes stays, whatever comes.
    house.chat.agent_edits_contact(contact.id, name="Dona Marina")
    await house.quiet()
    assert await calls(house, "Mari M.", "Mari M.") == {"POST messages": 2, "GET contact": 1}
    await tell(house, entry("Marina Alves", at=1_795_192_000))
    assert contact.name == "Dona Marina"
    # Until they take it away.
    house.chat.agent_edits_contact(contact.id, name="")
    await house.quiet()
    await tell(house, entry("Marina A.", at=1_795_193_000))
    assert contact.name == "Marina A."
    assert set((await house.balance()).values()) == {0}


async def test_the_address_book_comes_before_its_people_do(house: House) -> None:
    await tell(
        house,
        entry("Marina Alves", at=1_795_190_000, user_id=BSUID),
        entry("Rui Lima", at=1_795_190_000, number=RUI),
        entry(None, at=1_795_190_000, number="5511987650003"),
        entry("Sem número", at=1_795_190_000, number=None),
    )
    assert len(house.chats()) == 0
    assert (await house.events())["signal", "delivered", ""] == 2
    assert (await house.events())["signal", "ignored", "name.unknown"] == 1

    by_id = await house.graph.customer_writes(None, "Oi", bsuid=BSUID, name="mari")
    await house.quiet()
    rui = await house.talk(RUI, name="R.")

    marina = house.of(f"WAID:{by_id}").conversation.contact
    assert (marina.name, rui.contact.name) == ("Marina Alves", "Rui Lima")
    assert marina.identifier == BSUID
    # The number that comes with her next message belongs to the same person.
    again = await house.talk(MARINA, bsuid=BSUID, name="mari")
    assert again.contact is marina
    assert marina.phone_number == f"+{MARINA}"
    assert marina.identifier == BSUID
    assert len(await house.rows("SELECT DISTINCT person_id FROM identity_key")) == 2


async def test_a_contact_in_place_of_a_deleted_one_gets_what_it_lacks(house: House) -> None:
    chat = await house.talk(name="Marina")
    house.chat.delete_contact(chat.contact.id)
    made = house.chat.agent_creates_contact(MARINA, identifier=f"{MARINA}@s.whatsapp.net")

    again = await house.talk(name="Marina")

    assert again.contact is made
    assert (made.name, made.phone_number) == ("Marina", f"+{MARINA}")
    assert await calls(house, "Marina") == {"POST messages": 1}


async def test_a_contact_that_was_made_without_an_answer_is_ours_to_name(house: House) -> None:
    house.chat.faults.stored_but(500, route="POST contacts", times=1)
    chat = await house.talk(name="Marina")
    assert _people(house) == [chat.contact]

    await house.talk(name="Marina 🌸")

    assert chat.contact.name == "Marina 🌸"


async def test_a_name_whose_change_was_not_answered_is_still_ours(house: House) -> None:
    chat = await house.talk(name="Marina")
    house.chat.faults.stored_but(400, route="PATCH contact", times=1)  # nobody tries it again
    await house.talk(name="Mari")
    assert chat.contact.name == "Mari"

    await house.talk(name="Marina 🌸")

    assert chat.contact.name == "Marina 🌸"


def _people(house: House) -> list[Contact]:
    bots = {one.contact.id for one in house.chat.conversations.values()} - {
        one.contact.id for one in house.chats()
    }
    return [one for one in house.chat.contacts.values() if one.id not in bots]
