"""Which conversation a customer's message goes into, with a real Chatwoot around the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.sim.chatwoot import Conversation, conversations, messages, templates
from support.bridge_house import MARINA, House, bridge_house


def order(*, reopen: bool = False, pending: bool = False) -> dict[str, bool]:
    return {"chatwootReopenConversation": reopen, "chatwootConversationPending": pending}


@pytest.mark.parametrize(
    ("reopen", "pending", "before", "same", "after"),
    [
        pytest.param(False, False, "open", True, "open", id="open is used"),
        pytest.param(False, False, "pending", True, "pending", id="pending is used"),
        pytest.param(False, False, "snoozed", True, "open", id="snoozed wakes up"),
        pytest.param(False, False, "resolved", False, "open", id="resolved: a new one"),
        pytest.param(True, False, "resolved", True, "open", id="resolved: reopened"),
        pytest.param(False, True, "resolved", False, "pending", id="resolved: a new pending one"),
        pytest.param(True, True, "resolved", True, "pending", id="resolved: reopened as pending"),
        pytest.param(True, True, "snoozed", True, "pending", id="snoozed wakes up as pending"),
        pytest.param(True, True, "open", True, "open", id="a human has it: it stays open"),
    ],
)
async def test_where_the_next_message_goes(  # noqa: PLR0917  (a table)
    tmp_path: Path, reopen: bool, pending: bool, before: str, same: bool, after: str
) -> None:
    async with bridge_house(tmp_path, order=order(reopen=reopen, pending=pending)) as house:
        first = await house.talk()
        set_status(house, first, before)
        await house.quiet()
        second = await house.talk(text="de novo")
        assert (second is first) == same
        assert second.status == after
        third = await house.talk(text="e mais")
        assert third is second
        assert third.status == after


def set_status(house: House, chat: Conversation, status: str) -> None:
    match status:
        case "open":
            house.chat.open(chat.id)
        case "pending":
            house.chat.pend(chat.id)
        case "snoozed":
            house.chat.snooze(chat.id)
        case _:
            house.chat.resolve(chat.id)


@pytest.mark.parametrize("pending", [False, True])
async def test_the_first_conversation_starts_as_wished(tmp_path: Path, pending: bool) -> None:
    async with bridge_house(tmp_path, order=order(pending=pending)) as house:
        chat = await house.talk()
        assert chat.status == ("pending" if pending else "open")


async def test_an_agents_answer_does_not_open_a_resolved_conversation_in_our_books(
    house: House,
) -> None:
    """Chatwoot opens on incoming messages only: the next one still starts a new conversation."""
    first = await house.talk()
    house.chat.resolve(first.id)
    house.chat.agent_writes(first.id, "Até logo!")
    await house.sent()
    await house.quiet()
    second = await house.talk(text="voltei")
    assert second is not first


async def test_a_locked_inbox_keeps_its_one_conversation(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, provisioned=False) as house:
        made = house.chat.add_inbox("WhatsApp Loja")
        house.chat.update_inbox(made.id, lock_to_single_conversation=True)
        await house.create()
        first = await house.talk()
        house.chat.resolve(first.id)
        await house.quiet()
        assert await house.talk(text="de novo") is first


async def test_the_conversation_that_an_agent_opened_is_used(house: House) -> None:
    first = await house.talk()
    house.chat.resolve(first.id)
    opened = house.chat.agent_starts_conversation(first.contact.id, house.inbox.id, "Tudo certo?")
    await house.sent()
    await house.quiet()
    assert await house.talk(text="tudo!") is opened


async def test_blocked_contacts_open_no_new_conversation_each_time(house: House) -> None:
    first = await house.talk()
    house.chat.block_contact(first.contact.id)
    house.chat.resolve(first.id)
    await house.quiet()
    chats = {(await house.talk(text=f"{number}")).id for number in range(4)}
    assert len(chats) == 1
    assert len(house.chats()) <= 2


async def test_a_contact_that_is_blocked_from_the_start_has_one_conversation(house: House) -> None:
    made = house.chat.agent_creates_contact("Marina", phone_number="+5511987650001")
    house.chat.block_contact(made.id)
    chats = {(await house.talk(text=f"{number}")).id for number in range(4)}
    async with house.stopped():
        pass
    chats.add((await house.talk(text="depois")).id)
    assert len(chats) == 1
    house.chat.block_contact(made.id, blocked=False)
    assert (await house.talk(text="desbloqueada")).status == "open"


async def test_what_changed_while_we_were_down_is_looked_up(house: House) -> None:
    first = await house.talk()
    async with house.stopped():
        house.chat.resolve(first.id)
        await house.chat.settled()
    second = await house.talk(text="depois")
    assert second is not first


async def test_status_webhooks_that_come_late_do_not_overwrite_newer_ones(house: House) -> None:
    first = await house.talk()
    house.chat.webhooks.hold()
    house.chat.resolve(first.id)
    house.chat.open(first.id)
    house.chat.webhooks.release(backwards=True)
    await house.quiet()
    assert await house.talk(text="ainda aqui") is first


async def test_the_decision_and_its_reason_are_in_the_story(house: House) -> None:
    id_ = await house.graph.customer_writes("5511987650001", "Oi")
    await house.quiet()
    (story,) = await house.ok("GET", "/why", params={"message": id_})
    steps = {one["step"]: one["detail"] for one in story["steps"]}
    assert "first conversation" in steps["placed"]
    assert story["state"] == "delivered"


async def test_what_a_blocked_contact_writes_wakes_nothing_whatever_the_switches_say(
    tmp_path: Path,
) -> None:
    async with bridge_house(tmp_path, order=order(reopen=True, pending=True)) as house:
        first = await house.talk()
        house.chat.resolve(first.id)
        await house.quiet()
        house.chat.block_contact(first.contact.id)  # of which no webhook tells
        assert await house.talk(text="oi?") is first
        house.chat.snooze(first.id)
        await house.quiet()
        assert await house.talk(text="alô?") is first
        assert first.status == "snoozed"
        assert "POST conversation/toggle_status" not in house.chat.requests
        assert house.shown(first.id) == ["Oi", "oi?", "alô?"]


async def test_that_an_inbox_was_locked_meanwhile_is_learnt_from_the_answer(house: House) -> None:
    first = await house.talk()
    house.chat.update_inbox(house.inbox.id, lock_to_single_conversation=True)
    house.chat.resolve(first.id)
    await house.quiet()
    id_ = await house.graph.customer_writes(MARINA, "de novo")
    await house.quiet()
    assert house.of(f"WAID:{id_}").conversation is first
    assert first.status == "open"
    assert house.chats() == [first]
    (story,) = await house.ok("GET", "/why", params={"message": id_})
    assert "locked" in story["steps"][0]["detail"]


@pytest.mark.parametrize("before", ["open", "resolved"])
async def test_a_campaign_takes_no_open_conversation_away_and_its_answer_comes_to_it(
    house: House, before: str
) -> None:
    first = await house.talk()
    set_status(house, first, before)
    await house.quiet()
    sold = conversations.create(house.chat.world, first.contact_inbox, {}, actor=None)
    text = templates.template(house.chat.world, sold, "Novidades da padaria!")
    messages.store(house.chat.world, text, actor=None)
    await house.sent()
    await house.quiet()
    assert await house.talk(text="Que bom!") is (first if before == "open" else sold)
    assert len(house.chats()) == 2


async def test_the_answer_to_a_campaign_that_came_first_goes_there_though_it_is_resolved(
    house: House,
) -> None:
    first = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA}")
    held = conversations.place(house.chat.world, first, house.inbox, "campaign-1")
    sold = conversations.create(house.chat.world, held, {"status": "resolved"}, actor=None)
    text = templates.template(house.chat.world, sold, "Novidades da padaria!")
    messages.store(house.chat.world, text, actor=None)
    await house.sent()
    await house.quiet()
    assert await house.talk(text="Quero!") is sold
    assert sold.status == "open"


async def test_after_an_agents_change_the_best_conversation_is_looked_for(house: House) -> None:
    first = await house.talk()
    house.chat.snooze(first.id)
    second = house.chat.agent_starts_conversation(first.contact.id, house.inbox.id, "Oi!")
    await house.sent()
    await house.quiet()
    house.chat.resolve(second.id)
    await house.quiet()
    assert await house.talk(text="ainda aqui") is first  # snoozed comes before resolved
    assert (first.status, second.status) == ("open", "resolved")
    house.chat.snooze(first.id)
    house.chat.pend(second.id)
    await house.quiet()
    assert await house.talk(text="e agora?") is second
    assert (first.status, second.status) == ("snoozed", "pending")
    house.chat.open(first.id)
    house.chat.open(second.id)
    await house.quiet()
    assert await house.talk(text="e com os dois?") is first  # the one that was better at first
    house.chat.pend(first.id)
    await house.quiet()
    assert await house.talk(text="e assim?") is second


async def test_what_a_webhook_tells_while_a_message_is_posted_is_newer_than_what_we_knew(
    house: House,
) -> None:
    first = await house.talk()
    answer = house.chat.faults.hang(30, route="POST messages", times=1, acts=True)
    await house.graph.customer_writes(MARINA, "obrigada!")
    await house.chat.wait_for(lambda: "obrigada!" in house.shown(first.id))
    house.chat.resolve(first.id)
    await house.chat.settled()
    answer.off()
    await house.quiet()
    assert await house.talk(text="mais uma coisa") is not first
    assert first.status == "resolved"
