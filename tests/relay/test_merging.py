"""Two contacts of one person become one: what is kept, what is told, and what is never merged."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.sim.chatwoot import Contact, Conversation
from bridge.sim.graph import Number
from support.bridge_house import RUI, House, bridge_house

ON = {"chatwootMergeBrazilContacts": True}
_numbers = itertools.count(5511987660001)


@pytest.fixture
async def merging(tmp_path: Path) -> AsyncIterator[House]:
    async with bridge_house(tmp_path, order=ON) as house:
        yield house


def someone() -> tuple[str, str, str]:
    """An invented number: as WhatsApp has it, and as Chatwoot may show it with and without a 9."""
    number = str(next(_numbers))
    return number, f"+{number}", f"+{number[:4]}{number[5:]}"


def has(house: House, source_id: str) -> bool:
    return any(one.source_id == source_id for one in house.chat.messages())


def notes(house: House, chat: Conversation | None = None) -> list[str]:
    """The private notes, of one conversation or all."""
    return [
        one.content or ""
        for one in house.chat.messages(chat.id if chat else None)
        if one.private and one.message_type == "outgoing"
    ]


async def ledger(house: House, base: Contact, *states: str) -> list[dict[str, Any]]:
    rows = await house.rows("SELECT * FROM contact_merge WHERE base_id=? ORDER BY id", base.id)
    assert [row["state"] for row in rows] == list(states)
    return [row | {"moved": json.loads(row["moved"])} for row in rows]


def labelled(contact: Contact, *labels: str) -> Contact:
    contact.labels = list(labels)
    return contact


async def test_everything_of_both_is_kept_and_agents_are_told_once(merging: House) -> None:
    """The older one stays; labels, the block and the better number are carried over by us."""
    house, make = merging, merging.chat.agent_creates_contact
    number, with_nine, without = someone()
    older = labelled(make("Antiga", phone_number=without, identifier="crm-77"), "vip")
    newer = make("Nova [1](http://x.example)", phone_number=with_nine, email="m@example.com")
    labelled(newer, "vip", "atacado")
    house.chat.block_contact(newer.id)
    chat = await house.talk(number)
    assert chat.contact is older
    assert newer.id not in house.chat.contacts
    assert (older.name, older.identifier, older.email) == ("Antiga", "crm-77", "m@example.com")
    assert older.labels == ["vip", "atacado"]
    assert older.blocked
    assert older.phone_number == with_nine
    (note,) = notes(house, chat)
    assert note.startswith("🔗 The contact “Nova ")
    assert r"[1\](http://x.example)" in note
    assert "“Antiga”" in note
    assert "written in two ways" in note
    (row,) = await ledger(house, older, "done")
    assert row["mergee_id"] == newer.id
    assert "The older contact stays" in row["why"]
    assert row["moved"]["mergee"]["labels"] == ["vip", "atacado"]
    assert row["moved"]["mergee"]["blocked"]
    assert row["moved"]["base"]["phone_number"] == without
    assert row["moved"]["carry"] == {
        "labels": ["atacado"],
        "blocked": True,
        "phone_number": with_nine,
    }
    await house.talk(number, "de novo")
    assert len(notes(house, chat)) == 1


async def test_of_three_the_one_that_people_edited_stays(merging: House) -> None:
    house, make = merging, merging.chat.agent_creates_contact
    number, with_nine, without = someone()
    first = make(without, phone_number=without)
    edited = make("Dona Marina", phone_number=with_nine)
    third = make("", identifier=f"{number}@s.whatsapp.net")
    chat = await house.talk(number, name="marina")
    assert chat.contact is edited
    assert not {first.id, third.id} & house.chat.contacts.keys()
    assert (edited.name, edited.phone_number) == ("Dona Marina", with_nine)
    assert edited.identifier == f"{number}@s.whatsapp.net"
    (note,) = notes(house, chat)
    assert note.count("🔗") == 2
    assert "your team edited" in note
    rows = await ledger(house, edited, "done", "done")
    assert [row["mergee_id"] for row in rows] == [first.id, third.id]


async def test_a_real_name_takes_the_place_of_a_number(merging: House) -> None:
    number, with_nine, without = someone()
    make = merging.chat.agent_creates_contact
    older = make(without, phone_number=without)
    make("marina 🌸", phone_number=with_nine)
    await merging.talk(number, name="marina 🌸")
    assert older.name == "marina 🌸"


async def test_somebody_else_is_never_merged(merging: House) -> None:
    """Another hidden id, another number, another person's contact, a group, the bot's contact."""
    house, make = merging, merging.chat.agent_creates_contact
    number, with_nine, without = someone()
    bsuid = "BR.13491200000000000077"
    mine = make("Eu", phone_number=without, identifier=bsuid)
    other = make("Outra", phone_number=with_nine, identifier="BR.13491200000000000078")
    await house.graph.customer_writes(number, "Oi", bsuid=bsuid)
    await house.quiet()
    assert {mine.id, other.id} <= house.chat.contacts.keys()
    moved, moved_nine, _ = someone()
    elsewhere = make("Mudou", phone_number=someone()[1], identifier=f"{moved}@s.whatsapp.net")
    here = make("Ficou", phone_number=moved_nine)
    await house.talk(moved)
    assert {elsewhere.id, here.id} <= house.chat.contacts.keys()
    assert await house.rows("SELECT * FROM contact_merge") == []


async def test_nothing_that_a_stranger_sends_makes_them_somebody_else(merging: House) -> None:
    """A card, her number as name or text, an answer to her: words of a stranger, whatever kind."""
    number, with_nine, without = someone()
    hers = await merging.talk(number, "Sou eu", name="Marina")
    twin = merging.chat.agent_creates_contact("Marina Alves", phone_number=without)
    said = merging.of(next(one.source_id for one in hers.messages if one.content == "Sou eu") or "")
    card = {
        "name": {"formatted_name": "Eu"},
        "phones": [{"phone": with_nine, "wa_id": number, "type": "HOME"}],
    }
    for message in (
        {"type": "contacts", "contacts": [card]},
        {"type": "contacts", "contacts": [{**card, "origin": "contact_request"}]},
        {"type": "text", "text": {"body": f"Meu número novo: {with_nine} @{number}"}},
        {
            "type": "text",
            "text": {"body": "sim"},
            "context": {"from": number, "id": (said.source_id or "").removeprefix("WAID:")},
        },
    ):
        await merging.graph.customer_writes(RUI, message=message, name=with_nine)
    await merging.quiet()

    theirs = {one.contact.id for one in merging.chats() if one is not hers}
    (stranger,) = theirs - {hers.contact.id, twin.id}
    assert merging.chat.contacts[stranger].phone_number == f"+{RUI}"
    assert merging.chat.contacts[stranger].name == f"+{RUI}"
    assert hers.contact.phone_number == with_nine
    keys = await merging.rows("SELECT person_id, key FROM identity_key WHERE key LIKE 'phone:%'")
    assert len({row["person_id"] for row in keys}) == len(keys) == 2
    assert [one.content for one in hers.messages if one.message_type == "incoming"] == ["Sou eu"]


async def test_with_the_switch_off_both_stay_and_the_ninth_digit_is_used(house: House) -> None:
    number, with_nine, without = someone()
    older = house.chat.agent_creates_contact("Sem nono", phone_number=without)
    newer = house.chat.agent_creates_contact("Com nono", phone_number=with_nine)
    chat = await house.talk(number)
    assert chat.contact is newer
    assert older.id in house.chat.contacts
    assert notes(house) == []
    (row,) = await house.rows("SELECT contact_id FROM other_contact")
    assert row["contact_id"] == older.id


async def plans_of_a_shared_account_take_the_global_key(house: House) -> None:
    """They show the people of every inbox there."""
    mine = {"apikey": house.key}
    for method, path in (
        ("POST", "plan/filial"),
        ("GET", "plan/filial"),
        ("GET", "plan/filial/1"),
        ("POST", "apply/filial/1"),
        ("DELETE", "plan/filial/1"),
        ("GET", "list/filial"),
    ):
        status, told = await house.call(method, f"/merge/{path}", headers=mine)
        assert (status, told["response"]["code"]) == (403, "merge.shared_account")
    assert await house.ok("GET", "/merge/list/filial") == []


async def test_conversations_of_both_go_on_in_every_inbox_of_the_account(tmp_path: Path) -> None:
    """A customer of two numbers has two contacts; what each inbox had stays in use."""
    branch = Number(phone_number_id="412900007654321")
    async with bridge_house(tmp_path, order=ON, graph={"numbers": (Number(), branch)}) as house:
        await house.create(
            instanceName="filial",
            number=branch.phone_number_id,
            chatwootNameInbox="WhatsApp Filial",
            **ON,
        )
        shop, other = house.chat.inboxes.values()
        await plans_of_a_shared_account_take_the_global_key(house)
        number, with_nine, without = someone()
        first = await house.talk(number)
        second = await house.talk(number, "na filial", phone_number_id=branch.phone_number_id)
        assert (first.inbox, second.inbox) == (shop, other)
        twin = house.chat.agent_creates_contact("Gêmea", phone_number=without)
        theirs = house.chat.agent_starts_conversation(twin.id, shop.id, "Olá!")
        await house.quiet()
        assert {one.contact.id for one in house.chats()} == {twin.id}  # somebody named it
        assert (twin.name, twin.phone_number) == ("Gêmea", with_nine)
        assert sum(one.phone_number == with_nine for one in house.chat.contacts.values()) == 1
        assert (
            await house.talk(number, "e na filial", phone_number_id=branch.phone_number_id)
            is second
        )
        count = len(house.graph.sent)
        for chat in (first, theirs, second):
            house.chat.agent_writes(chat.id, f"de {chat.id}")
        await house.sent(count + 3)
        await house.quiet()
        told = {(one.to, one.text) for one in house.graph.sent[count:]}
        assert told == {(number, f"de {chat.id}") for chat in (first, theirs, second)}
        assert await house.talk(number, "depois") in (first, theirs)


async def test_two_people_who_turn_out_to_be_one_have_one_contact(merging: House) -> None:
    house = merging
    number, bsuid = someone()[0], "BR.13491200000000000099"
    by_number = await house.talk(number, "pelo número", bsuid=None)
    id_ = await house.graph.customer_writes(None, "sem número", bsuid=bsuid)
    await house.quiet()
    by_bsuid = house.of(f"WAID:{id_}").conversation
    gone = by_bsuid.contact
    assert gone is not by_number.contact
    await house.talk(number, "os dois", bsuid=bsuid)
    await house.quiet()
    assert gone.id not in house.chat.contacts
    assert by_bsuid.contact is by_number.contact
    (note,) = notes(house)
    assert "WhatsApp shows both as one person" in note
    await ledger(house, by_number.contact, "done")


CALLS = (
    "GET contact/labels",
    "GET contact/conversations",
    "POST actions/contact_merge",
    "PATCH contact",
    "POST contact/labels",
    "GET contact",
)


async def test_a_failure_at_any_call_of_a_merge_changes_nothing_in_the_end(
    merging: House,
) -> None:
    """Each call fails before it acted, and after it, answered with 500 or cut off."""
    house, make, faults = merging, merging.chat.agent_creates_contact, merging.chat.faults
    cases = list(itertools.product(CALLS, (False, True), (False, True)))
    for route, acts, cut in cases:
        number, with_nine, without = someone()
        older = labelled(make("Antiga", phone_number=without), "vip")
        newer = labelled(make("Nova", phone_number=with_nine), "atacado")
        house.chat.block_contact(newer.id)
        if cut:
            fault = faults.reset(route=route, times=1, acts=acts)
        elif acts:
            fault = faults.stored_but(500, route=route, times=1)
        else:
            fault = faults.fail(500, route=route, times=1)
        id_ = await house.graph.customer_writes(number, "Oi")
        # The profile is looked at when its turn comes; nobody waits for it here.
        await house.chat.wait_for(partial(has, house, f"WAID:{id_}"))
        chat = house.of(f"WAID:{id_}").conversation
        await house.chat.wait_for(partial(notes, house, chat))
        where = (route, "after" if acts else "before", "cut" if cut else "500")
        assert fault.hits == 1, where
        assert chat.contact is older, where
        assert newer.id not in house.chat.contacts, where
        assert older.blocked, where
        assert older.labels == ["vip", "atacado"], where
        assert older.phone_number == with_nine, where
        await ledger(house, older, "done")
        assert len([one for one in house.chats() if one.contact is older]) == 1, where
    assert len(notes(house)) == len(cases)


async def test_a_merge_goes_on_after_the_service_died_in_it(tmp_path: Path) -> None:
    options = {"server": {"drain_seconds": 0}}
    async with bridge_house(tmp_path, order=ON, options=options) as house:
        number, with_nine, without = someone()
        older = house.chat.agent_creates_contact("Antiga", phone_number=without)
        newer = labelled(house.chat.agent_creates_contact("Nova", phone_number=with_nine), "x")
        hanging = house.chat.faults.hang(60, route="POST actions/contact_merge", acts=True)
        await house.graph.customer_writes(number, "Oi")
        await house.chat.wait_for(lambda: newer.id not in house.chat.contacts)
        await house.stop()
        hanging.off()
        house.chat.faults.clear()
        await house.start()
        await house.quiet()
        assert older.labels == ["x"]
        assert house.shown() == ["Oi"]
        (chat,) = [one for one in house.chats() if one.contact is older]
        assert len(notes(house, chat)) == 1
        await ledger(house, older, "done")


async def test_what_chatwoot_will_not_merge_stays_two_and_keeps_no_message_back(
    merging: House,
) -> None:
    house = merging
    number, with_nine, without = someone()
    older = house.chat.agent_creates_contact("Antiga", phone_number=without)
    newer = house.chat.agent_creates_contact("Nova", phone_number=with_nine)
    house.chat.faults.fail(500, route="POST actions/contact_merge")
    chat = await house.talk(number)
    assert chat.contact is newer
    assert house.shown(chat.id) == ["Oi"]
    await ledger(house, older, "failed")
    house.chat.faults.clear()
    house.clock.ahead_seconds += 25 * 3600
    await house.talk(number, "amanhã")
    assert {older.id, newer.id} <= house.chat.contacts.keys()
    await ledger(house, older, "failed")
