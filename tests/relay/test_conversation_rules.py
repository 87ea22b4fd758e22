"""Rules about conversations in the whole house: set, shown, obeyed, and named as the reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.clock import timezones
from bridge.core.party import Party
from bridge.sim.chatwoot import Conversation
from support.bridge_house import MARINA, NAME, RUI, House, bridge_house
from support.qr_events import CUSTOMER, GROUP, reacted, typed, wrote
from support.sessions import balanced, bring, open_up, qr_house

RULES: list[dict[str, Any]] = [
    {"name": "spam", "when": {"label": "spam"}, "do": "ignore"},
    {"name": "VIP", "when": {"label": ["vip"]}, "do": "reopen", "status": "open"},
    {"when": {"team": "Vendas"}, "status": "open"},
    {"when": {"resolvedFor": {"moreThan": "30d"}}, "do": "new"},
    {"do": "reopen"},
]


async def story(house: House, text: str, number: str = MARINA) -> tuple[str, dict[str, Any]]:
    """Let a customer write; why it stands where it does, and all that is known of it."""
    id_ = await house.graph.customer_writes(number, text)
    await house.quiet()
    (told,) = await house.ok("GET", "/why", params={"message": id_})
    steps = {one["step"]: one["detail"] for one in told["steps"]}
    return steps.get("placed", ""), told


async def test_the_first_rule_that_applies_says_where_a_message_goes(tmp_path: Path) -> None:
    order = {"chatwootConversationPending": True, "chatwootConversationRules": RULES}
    async with bridge_house(tmp_path, order=order) as house:
        first = await house.talk()
        assert first.status == "pending"  # none of them, or the last, which sets no status

        async def again(*labels: str) -> tuple[Conversation, str]:
            """What becomes of the resolved conversation with these labels, and why."""
            house.chat.label(first.id, list(labels))
            house.chat.resolve(first.id)
            await house.quiet()
            why, told = await story(house, f"{labels}")
            assert told["state"] == ("ignored" if "spam" in labels else "delivered")
            return house.chats()[-1], why

        assert await again("vip") == (
            first,
            f"{first.id}: resolved, and a rule decides [rule 2 (VIP)]; of {first.id} resolved",
        )
        assert first.status == "open"
        used, why = await again("novo")
        assert (used, first.status) == (first, "pending")
        assert "[rule 5]" in why

        count = len(house.chat.messages())
        used, why = await again("spam", "vip")
        assert (used, first.status, why) == (first, "resolved", "")
        assert (
            len([one for one in house.chat.messages() if one.message_type != "activity"]) <= count
        )
        assert ("inbound", "ignored", "conversation_rule") in await house.events()

        # What a label says is known from webhooks: it costs no call.
        house.chat.label(first.id, [])
        await house.talk(text="aberta")
        before = Counter(house.chat.requests)
        await house.talk(text="mais")
        await house.talk(text="e mais")
        assert Counter(house.chat.requests) - before == {"POST messages": 2}

        house.chat.resolve(first.id)
        await house.quiet()
        await house.pass_time(hours=31 * 24)
        assert await house.talk(text="um mês depois") is not first
        assert set((await house.balance()).values()) == {0}


async def test_rules_are_set_shown_refused_and_taken_away(house: House) -> None:
    path = f"/chatwoot/set/{NAME}"
    set_ = await house.ok("POST", path, json={"conversationRules": RULES})
    assert set_["conversationRules"] == RULES
    found = await house.ok("GET", f"/chatwoot/find/{NAME}", headers={"X-Api-Dialect": "v1"})
    assert found["conversation_rules"] == RULES
    await house.ok("POST", path, json={"sign_msg": True})
    assert (await house.ok("GET", f"/chatwoot/find/{NAME}"))["conversationRules"] == RULES

    wrong = [{"do": "new"}, {"do": "new", "when": {"hours": {"timezone": "Brasília"}, "tag": 1}}]
    status, told = await house.call("POST", path, json={"conversation_rules": wrong})
    assert (status, told["response"]["code"]) == (400, "placement.rules")
    (sentence,) = told["response"]["message"]
    assert 'conversation_rules[1].when has no field "tag"' in sentence
    assert "conversation_rules[1].when.hours.timezone must be a time zone" in sentence
    assert "conversation_rules[0]" not in sentence
    assert (await house.ok("GET", f"/chatwoot/find/{NAME}"))["conversationRules"] == RULES

    huge = [{"do": "new", "when": {"label": [f"{n:03}" * 85 for n in range(100)]}}] * 3
    for hostile in (huge, [{f"x{n}": 1 for n in range(500)}] * 20):
        status, told = await house.call("POST", path, json={"conversationRules": hostile})
        assert (status, told["response"]["code"]) == (400, "placement.rules")
        assert len(str(told)) < 3000

    await house.ok("POST", path, json={"conversationRules": []})
    assert (await house.ok("GET", f"/chatwoot/find/{NAME}"))["conversationRules"] == []


async def test_the_servers_rules_come_after_those_of_the_inbox(tmp_path: Path) -> None:
    server = [
        {"when": {"inbox": "Outra"}, "do": "ignore"},
        {"name": "sempre", "when": {"inbox": "whatsapp loja"}, "status": "pending"},
    ]
    options = {"relay": {"conversation_rules": server}}
    await asyncio.to_thread(timezones)  # settings are read before there is an event loop
    async with bridge_house(tmp_path, options=options) as house:
        why, _ = await story(house, "oi")
        assert "[server rule 2 (sempre)]" in why
        own = [
            {"when": {"hours": {"days": "mon", "outside": False}}, "do": "new"},
            {"do": "reopen"},
        ]
        await house.ok("POST", f"/chatwoot/set/{NAME}", json={"conversationRules": own})
        why, _ = await story(house, "oi", RUI)
        assert "[rule 1]" in why or "[rule 2]" in why
        assert [one.status for one in house.chats()] == ["pending", "open"]


@pytest.mark.parametrize(("hours", "status"), [("closed", "pending"), ("open", "open")])
async def test_outside_working_hours_conversations_wait(
    tmp_path: Path, hours: str, status: str
) -> None:
    rules = [{"when": {"hours": hours}, "status": status}, {"do": "ignore"}]
    order = {"chatwootConversationRules": rules}
    async with bridge_house(tmp_path, order=order) as house:
        week = [
            {
                "day_of_week": day,
                "closed_all_day": hours == "closed",
                "open_all_day": hours == "open",
            }
            for day in range(7)
        ]
        told = {"working_hours_enabled": True, "working_hours": week, "timezone": "Asia/Tokyo"}
        await tell(house, told)
        assert (await house.talk()).status == status


async def tell(house: House, told: dict[str, Any]) -> None:
    """As the check of the inbox keeps what Chatwoot tells of it."""
    text = orjson.dumps(told).decode()
    await house.service.store.write(
        lambda unit: unit.db.execute("UPDATE chatwoot_inbox SET told=?", (text,))
    )
    for one in await house.rows("SELECT instance_id FROM chatwoot_inbox"):
        await house.service.directory.refresh(one["instance_id"])


async def test_what_a_rule_leaves_out_makes_nothing_in_chatwoot(tmp_path: Path) -> None:
    both = ["customer", "phone"]
    rules = [{"name": "grupos", "when": {"group": True, "origin": both}, "do": "ignore"}]
    order = {"chatwootConversationRules": rules}
    async with qr_house(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)
        contacts = len(house.chat.contacts)
        group = Party(group=GROUP, name="Família")
        await bring(house, phone, wrote("oi", group=GROUP), typed("bom dia", chat=group))
        await phone.bring(reacted("3B00", "👍", chat=Party(group=GROUP), sender=CUSTOMER))
        await house.pass_time(hours=0.1)  # what it is about has not come
        assert len(house.chat.contacts) == contacts
        assert house.chats() == []
        assert (await house.events())["inbound", "ignored", "conversation_rule"] == 3
        await bring(house, phone, wrote("e eu?"))
        assert len(house.chats()) == 1
        assert await balanced(house)


async def test_the_phone_opens_where_a_rule_says_so(tmp_path: Path) -> None:
    rules = [{"when": {"origin": "phone"}, "do": "reopen", "status": "open"}]
    order = {"chatwootConversationPending": True, "chatwootConversationRules": rules}
    async with qr_house(tmp_path, order=order) as (house, phone):
        await open_up(house, phone)
        await bring(house, phone, typed("Olá"))
        (chat,) = house.chats()
        assert chat.status == "open"
        for sleep in (house.chat.resolve, house.chat.snooze):
            sleep(chat.id)
            await house.quiet()
            await bring(house, phone, typed("e mais"))
            assert chat.status == "open"
        house.chat.resolve(chat.id)
        await house.quiet()
        await bring(house, phone, wrote("voltei", sender=CUSTOMER))
        assert [one.status for one in house.chats()] == ["resolved", "pending"]


async def test_an_agent_bot_has_it_pending_unless_a_rule_says_otherwise(house: House) -> None:
    house.inbox.bot = house.chat.add_bot("Robô")
    assert (await house.talk()).status == "pending"
    rules = [{"when": {"inbox": house.inbox.id}, "do": "reopen", "status": "open"}]
    await house.ok("POST", f"/chatwoot/set/{NAME}", json={"conversationRules": rules})
    other = await house.talk(RUI)
    assert other.status == "open"
    house.chat.resolve(other.id)
    await house.quiet()
    assert await house.talk(RUI, "de novo") is other
    assert other.status == "open"
