"""After a stop: what agents wrote meanwhile goes out once, in order, and the red mark goes."""

from __future__ import annotations

from pathlib import Path

from bridge.locale import texts
from support.bridge_house import MARINA, RUI, House, bridge_house


async def test_what_was_written_while_we_were_down_is_sent_once(house: House) -> None:
    chat = await house.talk()
    async with house.stopped():
        first = house.chat.agent_writes(chat.id, "alguém aí?")
        second = house.chat.agent_writes(chat.id, "olá?")
        await house.chat.wait_for(lambda: {first.status, second.status} == {"failed"})
    await house.quiet()
    assert house.texts == ["alguém aí?", "olá?"]
    assert (first.status, second.status) == ("sent", "sent")
    assert first.external_error is None


async def test_messages_that_were_sent_before_the_stop_are_not_sent_again(house: House) -> None:
    chat = await house.talk()
    house.chat.agent_writes(chat.id, "antes")
    await house.quiet()
    async with house.stopped():
        house.chat.agent_writes(chat.id, "durante")
        await house.chat.settled()
    house.chat.agent_writes(chat.id, "depois")
    await house.quiet()
    assert house.texts == ["antes", "durante", "depois"]
    async with house.stopped():
        pass
    await house.quiet()
    assert house.texts == ["antes", "durante", "depois"]


async def test_a_new_message_waits_for_those_that_were_missed(house: House) -> None:
    chat = await house.talk()
    async with house.stopped():
        house.chat.agent_writes(chat.id, "durante")
        await house.chat.settled()
        house.chat.faults.hang(0.3, route="GET conversations", times=1)
    house.chat.agent_writes(chat.id, "depois")
    await house.quiet()
    assert house.texts == ["durante", "depois"]


async def test_private_notes_and_our_own_messages_are_left_alone(house: House) -> None:
    chat = await house.talk()
    async with house.stopped():
        house.chat.agent_writes(chat.id, "nota", private=True)
        deleted = house.chat.agent_writes(chat.id, "apagada")
        house.chat.agent_deletes(deleted.id)
        await house.chat.settled()
    await house.quiet()
    assert house.graph.sent == []


async def test_what_is_older_than_the_limit_fails_with_the_reason(house: House) -> None:
    chat = await house.talk()
    async with house.stopped():
        message = house.chat.agent_writes(chat.id, "ontem")
        await house.status(message, "failed")
        house.clock.ahead_seconds = 2 * 3600
    await house.chat.wait_for(lambda: message.external_error == texts("en")["failure.too_old"])
    await house.quiet()
    assert house.graph.sent == []
    house.chat.agent_retries(message.id)
    await house.sent()
    assert house.texts == ["ontem"]


async def test_no_look_goes_further_back_than_is_set(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, options={"chatwoot": {"catch_up_hours": 1}}) as house:
        chat = await house.talk()
        async with house.stopped():
            message = house.chat.agent_writes(chat.id, "ontem")
            await house.status(message, "failed")
            mark = message.external_error
            house.clock.ahead_seconds = 2 * 3600
        await house.quiet()
        assert (message.status, message.external_error) == ("failed", mark)
        assert house.graph.sent == []


async def test_what_was_written_before_we_were_set_up_is_never_sent(tmp_path: Path) -> None:
    """The inbox was Evolution's before: its messages are not ours to send, nor to repeat."""
    async with bridge_house(tmp_path, provisioned=False) as house:
        inbox = house.chat.add_inbox("WhatsApp Loja", members=[house.chat.agent])
        contact = house.chat.agent_creates_contact("Rui", phone_number=f"+{RUI}")
        old = house.chat.agent_starts_conversation(contact.id, inbox.id, "antiga")
        old.messages[0].created_at -= 30
        await house.create()
        async with house.stopped():
            house.chat.label(old.id, ["x"])
            await house.chat.settled()
        await house.quiet()
        assert house.graph.sent == []
        old.messages[0].status = "failed"
        house.chat.agent_retries(old.messages[0].id)
        await house.quiet()
        assert house.graph.sent == []
        assert (await house.events())["outbound", "ignored", "before_provisioning"] >= 1
        house.chat.agent_writes(old.id, "nova")
        await house.sent()
        assert house.texts == ["nova"]


async def test_a_contact_that_we_never_bound_is_found_when_catching_up(house: House) -> None:
    async with house.stopped():
        contact = house.chat.agent_creates_contact("Rui", phone_number=f"+{RUI}")
        chat = house.chat.agent_starts_conversation(contact.id, house.inbox.id, "Olá, Rui")
        await house.chat.settled()
    (sent,) = await house.sent()
    assert sent.to == RUI
    await house.quiet()
    assert chat.messages[0].status == "sent"


async def test_what_customers_write_while_we_are_down_comes_through_metas_repeats(
    house: House,
) -> None:
    await house.talk()
    house.graph.outbox.redelivery = (0.1,) * 30
    _, before = house.graph.draft(MARINA, "antes")
    await house.graph.deliver(before)
    await house.quiet()
    await house.stop()
    await house.graph.customer_writes(MARINA, "durante")
    await house.start()
    await house.graph.deliver(before)  # once more, as if the answer had been lost
    await house.quiet()
    assert house.shown() == ["Oi", "antes", "durante"]


async def test_catching_up_signs_with_the_same_name(house: House) -> None:
    body = {
        "accountId": house.chat.account_id,
        "token": house.chat.admin_token,
        "url": house.chat_url,
        "nameInbox": "WhatsApp Loja",
        "signMsg": True,
    }
    await house.ok("POST", "/chatwoot/set/loja", json=body)
    chat = await house.talk()
    async with house.stopped():
        house.chat.agent_writes(chat.id, "durante")
        await house.chat.settled()
    house.chat.agent_writes(chat.id, "depois")
    await house.quiet()
    assert house.texts == ["*Caio:*\ndurante", "*Caio:*\ndepois"]


async def test_a_restart_in_the_middle_loses_nothing_and_doubles_nothing(house: House) -> None:
    chat = await house.talk()
    house.graph.latency = 0.3
    house.chat.latency = 0.05
    for number in range(4):
        house.chat.agent_writes(chat.id, f"a{number}")
        await house.graph.customer_writes(MARINA, f"c{number}")
    await house.chat.settled()
    await house.stop()
    await house.start()
    await house.quiet(20)
    assert house.texts == [f"a{number}" for number in range(4)]
    assert house.shown() == ["Oi", *(f"c{number}" for number in range(4))]
