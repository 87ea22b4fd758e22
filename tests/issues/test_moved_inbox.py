"""An instance moves to another Chatwoot, where the same ids belong to other people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.sim.chatwoot import ChatwootSim, Inbox
from support.bridge_house import MARINA, RUI, House


@asynccontextmanager
async def another_chatwoot() -> AsyncIterator[tuple[ChatwootSim, str]]:
    chat = ChatwootSim(webhook_timeout=5)
    async with chat.serving() as url:
        yield chat, url


async def move(house: House, chat: ChatwootSim, url: str) -> Inbox:
    body = {
        "accountId": chat.account_id,
        "token": chat.admin_token,
        "url": url,
        "nameInbox": "WhatsApp Loja",
    }
    await house.ok("POST", "/chatwoot/set/loja", json=body)
    (inbox,) = chat.inboxes.values()
    inbox.members.setdefault(chat.agent.id, chat.agent)
    return inbox


def strangers(chat: ChatwootSim, count: int = 20) -> None:
    for number in range(count):
        chat.agent_creates_contact(f"Outra {number}", phone_number=f"+55119555500{number:02}")


async def test_what_waits_during_a_move_goes_to_its_own_contact(house: House) -> None:
    await house.talk(MARINA)
    async with another_chatwoot() as (chat, url):
        strangers(chat)
        down = house.chat.faults.fail(503)
        await house.graph.customer_writes(MARINA, "esperava")
        await house.chat.wait_for(lambda: down.hits >= 1)
        await move(house, chat, url)
        await chat.wait_for(lambda: any(one.content == "esperava" for one in chat.messages()))
        (shown,) = [one for one in chat.messages() if one.content == "esperava"]
        assert shown.conversation.contact.phone_number == f"+{MARINA}"
        await house.quiet()
        await chat.settled()


async def test_an_agent_of_the_new_chatwoot_writes_to_whom_its_contact_names(house: House) -> None:
    marina = (await house.talk(MARINA)).contact.id
    async with another_chatwoot() as (chat, url):
        inbox = await move(house, chat, url)
        while max(chat.contacts, default=0) < marina - 1:
            chat.agent_creates_contact("Outra")
        rui = chat.contacts.get(marina) or chat.agent_creates_contact("Rui")
        assert rui.id == marina
        chat.agent_edits_contact(rui.id, phone_number=f"+{RUI}")
        chat.agent_starts_conversation(rui.id, inbox.id, "Olá, Rui!")
        sent = await house.sent()
        assert sent[-1].to == RUI
        await house.quiet()
        await chat.settled()


async def test_a_failure_from_before_the_move_leaves_no_note_with_a_stranger(house: House) -> None:
    before = await house.talk(MARINA)
    for number in range(10):  # so that the messages of the two have different ids
        await house.talk(MARINA, str(number))
    house.graph.auto_statuses = False  # a failure may still come
    house.chat.agent_writes(before.id, "Olá!")
    (sent,) = await house.sent()
    await house.quiet()
    async with another_chatwoot() as (chat, url):
        strangers(chat)
        await house.service.store.write(
            lambda unit: unit.db.execute("UPDATE ledger SET created_at=created_at-60000")
        )
        inbox = await move(house, chat, url)
        for contact in [one.id for one in chat.contacts.values() if one.phone_number][:5]:
            chat.agent_starts_conversation(contact, inbox.id, "Bom dia!")
        await house.sent(6)
        await house.quiet()
        assert before.id in chat.conversations
        await house.graph.fail(sent.wamid, 131026)
        await house.quiet()
        await chat.settled()
        assert [one.content for one in chat.messages() if one.private] == []


async def test_the_old_chatwoot_knows_the_address_no_more(house: House) -> None:
    talk = await house.talk(MARINA)
    async with another_chatwoot() as (chat, url):
        await move(house, chat, url)
        late = house.chat.agent_writes(talk.id, "Quem me ouve?")
        await house.status(late, "failed")
        assert house.texts == []
        await chat.settled()
