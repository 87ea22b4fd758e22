"""The duplicates of a whole account: found, shown, and merged only when asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.relay import merge_applying, merge_planning
from bridge.sim.chatwoot import Contact
from support.bridge_house import NAME, House, bridge_house

PLAN, APPLY = f"/merge/plan/{NAME}", f"/merge/apply/{NAME}"


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job does little at a time, so that a small account has several steps."""
    monkeypatch.setattr(merge_planning, "PAUSE", 1)
    monkeypatch.setattr(merge_planning, "PAGES", 1)
    monkeypatch.setattr(merge_planning, "PEOPLE", 2)
    monkeypatch.setattr(merge_applying, "PAUSE", 1)
    monkeypatch.setattr(merge_applying, "PAIRS", 2)


def twins(house: House, number: int) -> tuple[Contact, Contact]:
    """Two contacts of an invented person whom nobody named: without the ninth digit, and with."""
    with_nine = f"+55119876{number:05}"
    without = f"{with_nine[:5]}{with_nine[6:]}"
    make = house.chat.agent_creates_contact
    return make(without, phone_number=without), make(with_nine, phone_number=with_nine)


async def planned(house: House) -> dict[str, Any]:
    """Have a plan made, and show it."""
    begun = await house.ok("POST", PLAN)
    await house.quiet()
    shown: dict[str, Any] = await house.ok("GET", f"{PLAN}/{begun['id']}")
    return shown


def told(house: House) -> list[str]:
    """What was said in the control room."""
    bot = house.inbox
    return [
        one.content or ""
        for one in house.chat.messages()
        if one.conversation.inbox is bot and (one.source_id or "").startswith("PONTE:")
    ]


async def test_a_plan_shows_who_would_be_merged_and_applying_it_merges_them(house: House) -> None:
    """Twenty people have one contact each, four have several; no switch is needed for it."""
    make = house.chat.agent_creates_contact
    for n in range(20):
        make(f"Só {n}", phone_number=f"+5511987{n:06}")
    pairs = [twins(house, n) for n in range(3)]
    pairs[1][1].labels = ["atacado"]
    mexican = make("Lupe", phone_number="+5215512345678"), make("L", phone_number="+525512345678")
    make("Fixo", phone_number="+551133334444")
    make("Não é o fixo", phone_number="+5511933334444")
    make("Um", phone_number="+5511987777001", identifier="700000000000001@lid")
    make("Outro", phone_number="+551187777001", identifier="700000000000002@lid")
    make("Mesmo nome", email="a@example.com")
    make("Mesmo nome", email="b@example.com")
    before = set(house.chat.contacts)

    shown = await planned(house)
    alone = await house.ok("GET", PLAN, headers={"apikey": house.key})
    assert [one["id"] for one in alone] == [shown["id"]]  # no other instance is in this account
    assert set(house.chat.contacts) == before
    assert (shown["state"], shown["seen"], shown["pairs"]) == ("planned", len(before), 4)
    found = [(one["mergee"], one["base"]) for one in shown["merges"]]
    # The third pair's newer contact has a label: somebody worked with it.
    older, newer = pairs[1]
    expected = [(b.id, a.id) for a, b in (pairs[0], pairs[2], mexican)] + [(older.id, newer.id)]
    assert sorted(found) == sorted(expected)
    assert all("one number, written in two ways" in one["why"] for one in shown["merges"])
    assert "20" not in told(house)[-1]
    assert "4 can be merged" in told(house)[-1]
    assert await house.rows("SELECT * FROM plan_contact") == []

    applied = await house.ok("POST", f"{APPLY}/{shown['id']}")
    assert applied["state"] == "applying"
    await house.quiet()
    shown = await house.ok("GET", f"{PLAN}/{shown['id']}")
    assert (shown["state"], shown["done"], shown["planned"]) == ("applied", 4, 0)
    assert before - set(house.chat.contacts) == {mergee for mergee, _ in expected}
    assert newer.labels == ["atacado"]
    assert pairs[0][0].phone_number == "+5511987600000"
    assert "Contacts merged: 4;" in told(house)[-1]
    again = await house.ok("POST", f"{APPLY}/{shown['id']}")
    assert again["state"] == "applied"
    ledger = await house.ok("GET", f"/merge/list/{NAME}")
    assert sorted((one["mergee"], one["base"]) for one in ledger) == sorted(expected)
    assert [one["id"] for one in await house.ok("GET", PLAN)] == [shown["id"]]
    assert (await planned(house))["pairs"] == 0
    assert "no two are one person" in told(house)[-1]


async def test_people_whom_whatsapp_showed_to_be_one_are_found(house: House) -> None:
    """Their contacts share nothing; the switch was off when they met."""
    bsuid = "BR.13491200000000000055"
    by_number = await house.talk("5511987654001", "pelo número", bsuid=None)
    await house.graph.customer_writes(None, "sem número", bsuid=bsuid)
    await house.quiet()
    await house.talk("5511987654001", "os dois", bsuid=bsuid)
    shown = await planned(house)
    (pair,) = shown["merges"]
    assert pair["base"] == by_number.contact.id
    assert "WhatsApp shows" in pair["why"]
    await house.ok("POST", f"{APPLY}/{shown['id']}")
    await house.quiet()
    assert {chat.contact for chat in house.chats()} == {by_number.contact}


async def test_what_was_changed_since_is_left_alone(house: House) -> None:
    renamed, gone, blocked = twins(house, 1), twins(house, 2), twins(house, 3)
    moved = twins(house, 4)
    make = house.chat.agent_creates_contact
    third = make("", identifier=f"{(blocked[1].phone_number or '').lstrip('+')}@s.whatsapp.net")
    shown = await planned(house)
    assert shown["pairs"] == 5
    renamed[0].name = "Dona Marina"
    moved[1].phone_number = "+5511987699999"
    house.chat.delete_contact(gone[1].id)
    house.chat.block_contact(blocked[1].id)
    await house.ok("POST", f"{APPLY}/{shown['id']}")
    await house.quiet()
    shown = await house.ok("GET", f"{PLAN}/{shown['id']}")
    assert (shown["done"], shown["skipped"], shown["failed"]) == (2, 3, 0)
    reasons = {one["base"]: one["reason"] for one in shown["merges"]}
    assert "changed in Chatwoot after the plan was made" in reasons[renamed[0].id]
    assert "changed in Chatwoot after the plan was made" in reasons[moved[0].id]
    assert "is not there any more" in reasons[gone[0].id]
    assert third.id not in house.chat.contacts  # what the pair before brought is no change
    assert blocked[0].phone_number == blocked[1].phone_number
    assert blocked[0].blocked
    assert {renamed[1].id, gone[0].id, moved[1].id} <= set(house.chat.contacts)


async def test_a_chatwoot_that_tells_of_contacts_without_end_fills_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_planning, "MOST_OF_ONE", 2)
    older, newer = twins(house, 1)
    number = (newer.phone_number or "").lstrip("+")
    third = house.chat.agent_creates_contact("", identifier=f"{number}@s.whatsapp.net")
    for gone in (newer, third):
        shown = await planned(house)
        assert [(one["mergee"], one["base"]) for one in shown["merges"]] == [(gone.id, older.id)]
        await house.ok("POST", f"{APPLY}/{shown['id']}")
        await house.quiet()
    for n in range(20):
        house.chat.agent_creates_contact(f"Só {n}", phone_number=f"+5511987{n:06}")
    monkeypatch.setattr(merge_planning, "MOST_CONTACTS", 10)
    shown = await planned(house)
    assert (shown["state"], shown["pairs"]) == ("failed", 0)
    assert "more than 10 contacts" in shown["reason"]


async def test_applying_goes_on_after_failures_and_a_stop(tmp_path: Path) -> None:
    options = {"server": {"drain_seconds": 0}}
    async with bridge_house(tmp_path, options=options) as house:
        pairs = [twins(house, n) for n in range(6)]
        pairs[4][1].labels = pairs[4][0].labels = ["vip"]
        plan = (await planned(house))["id"]
        faults, merge = house.chat.faults, "POST actions/contact_merge"
        faults.stored_but(500, route=merge, times=1)
        faults.hang(0, route=merge, times=1)  # it is asked for again, and was done
        hanging = faults.hang(60, route=merge, times=1, acts=True)
        await house.ok("POST", f"{APPLY}/{plan}")
        await house.chat.wait_for(lambda: pairs[1][1].id not in house.chat.contacts)
        await house.stop()
        hanging.off()
        faults.hang(0, route=merge, times=1)  # what was begun is ended first
        faults.fail(500, route=merge, times=1)
        await house.start()
        await house.quiet()
        shown = await house.ok("GET", f"{PLAN}/{plan}")
        assert (shown["state"], shown["done"], shown["failed"]) == ("applied", 5, 1)
        assert {older.id for older, _ in pairs} <= house.chat.contacts.keys()
        assert sum(newer.id in house.chat.contacts for _, newer in pairs) == 1


async def test_a_plan_can_be_stopped(house: House) -> None:
    pairs = [twins(house, n) for n in range(6)]
    plan = (await planned(house))["id"]
    hanging = house.chat.faults.hang(60, route="POST actions/contact_merge")
    await house.ok("POST", f"{APPLY}/{plan}")
    await house.chat.wait_for(lambda: hanging.hits == 1)
    dropped = await house.ok("DELETE", f"{PLAN}/{plan}")
    assert (dropped["state"], dropped["skipped"]) == ("dropped", 5)
    hanging.off()
    await house.quiet()
    shown = await house.ok("GET", f"{PLAN}/{plan}")
    assert (shown["state"], shown["done"], shown["skipped"]) == ("dropped", 1, 5)
    assert sum(newer.id in house.chat.contacts for _, newer in pairs) == 5


async def test_what_cannot_be_asked_for_is_refused(house: House) -> None:
    async def refused(method: str, path: str) -> tuple[int, str]:
        status, body = await house.call(method, path)
        return status, body["response"]["code"]

    assert await refused("GET", f"{PLAN}/7") == (404, "merge.unknown")
    assert await refused("POST", f"{APPLY}/7") == (404, "merge.unknown")
    assert await refused("DELETE", f"{PLAN}/x") == (400, "request.invalid")
    down = house.chat.faults.hang(60, route="GET contacts")
    plan = (await house.ok("POST", PLAN))["id"]
    assert await refused("POST", PLAN) == (409, "merge.under_way")
    assert await refused("POST", f"{APPLY}/{plan}") == (409, "merge.not_planned")
    assert (await house.ok("DELETE", f"{PLAN}/{plan}"))["state"] == "dropped"
    down.off()
    await house.quiet()
    assert await refused("POST", f"{APPLY}/{plan}") == (409, "merge.not_planned")
    assert (await house.ok("GET", f"{PLAN}/{plan}"))["state"] == "dropped"
    hanging = house.chat.faults.hang(60, route="GET contacts")
    left = (await house.ok("POST", PLAN))["id"]
    await house.chat.wait_for(lambda: hanging.hits == 1)
    await house.ok("POST", f"/chatwoot/set/{NAME}", json={"enabled": False})
    assert await refused("POST", PLAN) == (409, "merge.no_inbox")
    hanging.off()
    await house.quiet()
    shown = await house.ok("GET", f"{PLAN}/{left}")
    assert (shown["state"], "switched off" in shown["reason"]) == ("failed", True)
    await house.ok("POST", f"/chatwoot/set/{NAME}", json={"enabled": True})
    status, _ = await house.call("POST", PLAN, key=house.key)
    assert status == 201
    await house.quiet()
    actions = [row["action"] for row in await house.rows("SELECT action FROM audit ORDER BY id")]
    assert actions.count("merge.plan") == 5
    assert {"merge.apply", "merge.drop"} <= set(actions)
