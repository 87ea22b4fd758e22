"""How far an agent's message came, and what Retry does."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.locale import LANGUAGES, texts
from bridge.sim.chatwoot import Message
from bridge.sim.graph import Route, faults
from support.bridge_house import House, bridge_house


def patches(house: House) -> list[str]:
    """The statuses that we wrote onto messages, oldest first."""
    return [str(seen.params.get("status")) for seen in house.chat.requests.of("PATCH message")]


async def answered(house: House, text: str = "resposta", *, statuses: bool = True) -> Message:
    chat = await house.talk()
    house.graph.auto_statuses = statuses
    message = house.chat.agent_writes(chat.id, text)
    await house.quiet()
    return message


async def test_sent_and_delivered_are_not_reported(house: House) -> None:
    await answered(house)
    assert patches(house) == []
    events = await house.events()
    assert events["status", "delivered", ""] == 2


async def test_delivered_is_reported_where_that_is_wanted(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, options={"relay": {"show_delivered": True}}) as house:
        message = await answered(house)
        assert patches(house) == ["delivered"]
        await house.graph.customer_reads(house.graph.sent[0].wamid)
        await house.quiet()
        assert message.status == "read"
        assert house.texts == ["resposta"]  # our own reports are no Retry
        assert set((await house.balance()).values()) == {0}


async def test_a_message_of_several_parts_is_read_with_its_last(house: House) -> None:
    message = await answered(house, "palavra " * 700)
    first, last = (one.wamid for one in house.graph.sent)
    await house.graph.customer_reads(first)
    await house.quiet()
    assert patches(house) == []
    await house.graph.customer_reads(last)
    await house.quiet()
    assert (message.status, patches(house)) == ("read", ["read"])


async def test_a_part_that_is_sent_again_is_read_like_the_rest(house: House) -> None:
    message = await answered(house, "palavra " * 700, statuses=False)
    first, last = (one.wamid for one in house.graph.sent)
    await house.graph.fail(first, 131026)
    await house.status(message, "failed")
    await house.graph.customer_reads(last)
    await house.quiet()
    house.chat.agent_retries(message.id)
    await house.sent(3)
    await house.quiet()
    await house.graph.customer_reads(house.graph.sent[2].wamid)
    await house.quiet()
    assert message.status == "read"


async def test_that_one_part_failed_stays_to_be_seen(house: House) -> None:
    message = await answered(house, "palavra " * 700, statuses=False)
    first, last = (one.wamid for one in house.graph.sent)
    await house.graph.fail(first, 131026)
    await house.status(message, "failed")
    await house.graph.customer_reads(last)
    await house.quiet()
    assert (message.status, patches(house)) == ("failed", ["failed"])


@pytest.mark.parametrize("state", ["read", "played"])
async def test_read_and_played_are_reported_as_read(house: House, state: str) -> None:
    message = await answered(house)
    await house.graph.customer_reads(house.graph.sent[0].wamid, state=state)
    await house.status(message, "read")
    await house.quiet()
    assert patches(house) == ["read"]
    # Our own report comes back as a webhook, and is no Retry.
    assert (await house.events())["outbound", "ignored", "chatwoot.nothing_new"] == 1


async def test_statuses_that_come_out_of_order_never_go_back(house: House) -> None:
    house.graph.shuffle = list.reverse
    message = await answered(house)
    wamid = house.graph.sent[0].wamid
    await house.graph.customer_reads(wamid)
    await house.graph.customer_reads(wamid, state="delivered")
    await house.quiet()
    assert message.status == "read"
    assert patches(house) == ["read"]


async def test_a_repeated_status_is_reported_once(house: House) -> None:
    house.graph.outbox.duplicate = True
    message = await answered(house)
    await house.graph.customer_reads(house.graph.sent[0].wamid)
    await house.quiet()
    assert message.status == "read"
    assert patches(house) == ["read"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_asynchronous_failure_is_told_in_the_agents_language_and_can_be_retried(
    tmp_path: Path, language: str
) -> None:
    async with bridge_house(tmp_path, options={"relay": {"language": language}}) as house:
        message = await answered(house, statuses=False)
        await house.graph.fail(house.graph.sent[0].wamid, 131047)
        await house.status(message, "failed")
        assert message.external_error == texts(language)["failure.whatsapp.window"]
        await house.quiet()
        house.chat.agent_retries(message.id)
        await house.sent(2)
        await house.quiet()
        assert house.texts == ["resposta", "resposta"]
        assert message.status == "sent"
        assert set((await house.balance()).values()) == {0}


async def test_a_failure_without_a_text_of_ours_shows_whatsapps_reason(house: House) -> None:
    message = await answered(house, statuses=False)
    await house.graph.fail(house.graph.sent[0].wamid, 132000)
    await house.status(message, "failed")
    assert "template" in (message.external_error or "")


async def test_a_refused_send_is_told_and_retry_sends_it_once_more_only(house: House) -> None:
    chat = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131026))
    message = house.chat.agent_writes(chat.id, "resposta")
    await house.status(message, "failed")
    await house.quiet()
    assert message.external_error == texts("en")["failure.whatsapp.recipient"]
    house.chat.agent_retries(message.id)
    house.chat.agent_retries(message.id)
    await house.quiet()
    assert house.texts == ["resposta"]
    assert message.status == "sent"


async def test_retry_that_fails_again_can_be_retried_again(house: House) -> None:
    chat = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.error(131026), count=2)
    message = house.chat.agent_writes(chat.id, "resposta")
    for _ in range(2):
        await house.status(message, "failed")
        await house.quiet()
        house.chat.agent_retries(message.id)
    await house.quiet()
    assert house.texts == ["resposta"]
    assert message.status == "sent"


async def test_retry_of_a_message_that_was_sent_does_nothing(house: House) -> None:
    message = await answered(house)
    house.chat.agent_retries(message.id)
    await house.quiet()
    assert house.texts == ["resposta"]


async def test_a_failure_after_the_delivery_is_not_believed(house: House) -> None:
    message = await answered(house)
    await house.graph.fail(house.graph.sent[0].wamid, 131047)
    await house.quiet()
    assert message.status == "sent"
    assert patches(house) == []


async def test_only_the_failed_part_is_sent_again(house: House) -> None:
    chat = await house.talk()
    house.graph.auto_statuses = False
    text = " ".join(f"palavra{number}" for number in range(700))
    message = house.chat.agent_writes(chat.id, text)
    await house.sent(2)
    await house.quiet()
    first, second = house.graph.sent
    await house.graph.fail(second.wamid, 131026)
    await house.status(message, "failed")
    await house.quiet()
    house.chat.agent_retries(message.id)
    await house.sent(3)
    await house.quiet()
    assert house.texts == [first.text, second.text, second.text]


async def test_retry_of_a_message_that_we_never_saw_sends_it(house: House) -> None:
    chat = await house.talk()
    await house.quiet()
    url, house.inbox.webhook_url = house.inbox.webhook_url, "http://127.0.0.1:9/closed"
    message = house.chat.agent_writes(chat.id, "perdida")
    await house.status(message, "failed")
    await house.chat.settled()
    house.inbox.webhook_url = url
    house.chat.agent_retries(message.id)
    await house.sent()
    await house.quiet()
    assert house.texts == ["perdida"]
    assert message.status == "sent"


# ---------------------------------------------------------------- sends that were not answered


async def unanswered(house: House, *, statuses: bool) -> Message:
    """A message that went out without our hearing of it."""
    chat = await house.talk()
    house.graph.auto_statuses = statuses
    house.graph.status_delay = 0.02
    house.graph.faults.next(Route.MESSAGES, faults.reset(acted=True))
    return house.chat.agent_writes(chat.id, "será?")


async def test_an_unanswered_send_is_settled_by_its_status(house: House) -> None:
    message = await unanswered(house, statuses=True)
    await house.quiet()
    assert house.texts == ["será?"]
    assert message.status == "sent"
    assert patches(house) == []


async def test_an_unanswered_send_without_a_status_is_marked_uncertain_and_not_repeated(
    house: House,
) -> None:
    message = await unanswered(house, statuses=False)
    await house.status(message, "failed")
    assert message.external_error == texts("en")["failure.uncertain"]
    await house.quiet()
    assert house.texts == ["será?"]
    assert (await house.events())["outbound", "dead", "uncertain"] == 1


async def test_a_status_that_comes_later_clears_the_red_mark(house: House) -> None:
    message = await unanswered(house, statuses=False)
    await house.status(message, "failed")
    await house.quiet()
    await house.graph.customer_reads(house.graph.sent[0].wamid, state="delivered")
    await house.status(message, "sent")
    await house.quiet()
    assert house.texts == ["será?"]
    assert message.external_error is None


async def test_a_read_mark_that_comes_later_clears_the_red_mark_too(house: House) -> None:
    message = await unanswered(house, statuses=False)
    await house.status(message, "failed")
    await house.quiet()
    await house.graph.customer_reads(house.graph.sent[0].wamid)
    await house.status(message, "read")
    await house.quiet()
    assert house.texts == ["será?"]


async def test_retry_of_an_uncertain_message_sends_it_once_more(house: House) -> None:
    message = await unanswered(house, statuses=False)
    await house.status(message, "failed")
    await house.quiet()
    house.chat.agent_retries(message.id)
    house.chat.agent_retries(message.id)
    await house.quiet()
    assert house.texts == ["será?", "será?"]


async def test_an_unanswered_send_that_failed_is_not_repeated_by_itself(house: House) -> None:
    message = await unanswered(house, statuses=False)
    await house.sent()
    await house.graph.fail(house.graph.sent[0].wamid, 131047)
    await house.status(message, "failed")
    await house.quiet()
    assert house.texts == ["será?"]
    assert message.external_error == texts("en")["failure.whatsapp.window"]
    house.chat.agent_retries(message.id)
    await house.sent(2)


async def test_an_uncertain_message_does_not_hold_up_the_next(house: House) -> None:
    message = await unanswered(house, statuses=False)
    house.chat.agent_writes(message.conversation.id, "e agora")
    await house.quiet()
    assert house.texts == ["será?", "e agora"]


async def test_a_send_that_was_cut_before_it_arrived_is_not_repeated_blindly(house: House) -> None:
    chat = await house.talk()
    house.graph.faults.next(Route.MESSAGES, faults.reset())
    message = house.chat.agent_writes(chat.id, "será?")
    await house.status(message, "failed")
    assert message.external_error == texts("en")["failure.uncertain"]
    assert house.graph.sent == []


async def test_an_older_chatwoot_gets_a_note_instead_of_a_status(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, chatwoot={"version": "4.1.0"}) as house:
        chat = await house.talk()
        house.graph.faults.next(Route.MESSAGES, faults.error(131026))
        house.chat.agent_writes(chat.id, "resposta")
        await house.quiet()
        notes = [one for one in chat.messages if one.private]
        assert len(notes) == 1
        assert "not delivered" in (notes[0].content or "")
        assert house.graph.sent == []


async def test_a_message_that_waited_too_long_is_not_sent(tmp_path: Path) -> None:
    async with bridge_house(tmp_path) as house:
        chat = await house.talk()
        house.graph.faults.always(Route.MESSAGES, faults.error(190))
        message = house.chat.agent_writes(chat.id, "urgente")
        await house.chat.settled()
        house.clock.ahead_seconds = 7200
        house.graph.faults.off()
        (entry,) = await house.service.directory.page()
        house.service.queue.resume(entry.channel_account)
        await house.status(message, "failed")
        assert message.external_error == texts("en")["failure.too_old"]
        await house.quiet()
        assert house.graph.sent == []
        house.chat.agent_retries(message.id)
        await house.sent()
