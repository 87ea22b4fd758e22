"""Promise 2: once, as far as anyone can see. Doubled webhooks, batches, one person in two
spellings, and a Chatwoot that acts after it was given up on."""

from __future__ import annotations

import asyncio
from collections import Counter

from bridge.sim.graph import Number, batch, faults
from bridge.sim.graph.payloads import envelope
from bridge.sim.pictures import png
from support.crashing import nothing_disappeared
from support.crossing import Crossing, duplicates

MARINA = "5511987650001"
RUI = "5511987650002"
MARINA_WITHOUT_NINE = "551187650001"


async def test_every_webhook_twice_gives_nothing_twice(world):
    async with world() as its:
        its.copies = 2
        its.graph.outbox.duplicate = True
        its.chat.webhooks.copies = 2
        await its.customer(MARINA, "Oi")
        await its.customer(MARINA, image=png(20, 20), caption="foto")
        await its.quiet()
        chat = its.customers_conversations()[0]
        first = its.chat.agent_writes(chat.id, "Bom dia")
        await its.quiet()
        its.chat.agent_deletes(first.id)
        await its.graph.customer_reads(its.graph.sent[0].wamid)
        await its.quiet()
        assert [one.content for one in its.incoming()] == ["Oi", "foto"]
        assert [one.text for one in its.graph.sent] == ["Bom dia"]
        assert len(its.customers_conversations()) == 1
        counts = (await its.metrics())["inbound"]
        assert counts["accepted"] == 4
        assert counts["ignored"] == 2
        await nothing_disappeared(its)


async def test_every_change_and_choice_twice_gives_nothing_twice(world):
    items = [{"title": "Sim", "value": "s"}, {"title": "Não", "value": "n"}]
    said = {"type": "text", "text": {"body": "dez"}}
    async with world() as its:
        its.copies = 2
        its.chat.webhooks.copies = 2
        theirs, other = await its.customer(MARINA, "nove"), await its.customer(MARINA, "outra")
        await its.quiet()
        chat = its.customers_conversations()[0]
        fields = {"content_type": "input_select", "content_attributes": {"items": items}}
        its.chat.agent_writes(chat.id, "Continuar?", **fields)
        await its.quiet()
        changed = [
            {"type": "reaction", "reaction": {"message_id": theirs, "emoji": "👍"}},
            {"type": "edit", "edit": {"original_message_id": theirs, "message": said}},
            {"type": "revoke", "revoke": {"original_message_id": other}},
            {"type": "system", "system": {"type": "user_changed_number", "wa_id": RUI}},
        ]
        for message in changed:
            await its.customer(MARINA, message=message)
        await its.customer(RUI, "2")
        await its.deliver(envelope(Number(), field="history", history=[{"threads": []}]))
        await its.quiet()

        shown = [one.content or "" for one in its.incoming()]
        assert shown[:4] == ["nove", "outra", "👍", "✏️ dez"]
        assert [text.partition("\n")[0] for text in shown[4:]] == ["Não"]
        assert [one.type for one in its.graph.sent] == ["interactive"]
        assert len([one for one in its.chat.messages() if one.private]) == 2
        assert len(its.customers_conversations()) == 1
        assert its.ponte.query("SELECT COUNT(*) FROM history") == [(1,)]
        assert (await its.metrics())["inbound"]["ignored"] == 6
        await nothing_disappeared(its)


async def test_three_messages_in_one_webhook_are_three(world):
    async with world() as its:
        drafts = [its.graph.draft(MARINA, text) for text in ("um", "dois", "três")]
        await its.deliver(batch(*(payload for _, payload in drafts)))
        await its.quiet()
        assert [one.content for one in its.incoming()] == ["um", "dois", "três"]
        assert [one.source_id for one in its.incoming()] == [f"WAID:{id_}" for id_, _ in drafts]


async def test_hundreds_of_messages_in_one_webhook_arrive_in_their_order(world):
    """Meta sends up to a thousand updates in one webhook (whatsapp-channels.md A.2)."""
    async with world() as its:
        drafts = [its.graph.draft(MARINA, str(number)) for number in range(300)]
        await its.deliver(batch(*(payload for _, payload in drafts)))
        await its.quiet()
        assert [one.content for one in its.incoming()] == [str(number) for number in range(300)]


async def test_a_hundred_first_messages_of_one_new_person_make_one_conversation(world):
    async with world() as its:
        numbers = [MARINA, MARINA_WITHOUT_NINE] * 50
        await asyncio.gather(
            *(
                its.customer(number, f"text {i}", name="Marina", bsuid=None)
                for i, number in enumerate(numbers)
            )
        )
        await its.quiet()
        assert Counter(one.content for one in its.incoming()) == Counter(
            f"text {i}" for i in range(100)
        )
        await _one_of_each(its)
        await nothing_disappeared(its)


async def test_a_hundred_first_messages_with_and_without_bsuid_make_one_conversation(world):
    """The BSUIDs of the two spellings differ at the stand-in: the number is what they share."""
    async with world() as its:
        numbers = [MARINA, MARINA_WITHOUT_NINE] * 50
        await asyncio.gather(
            *(
                its.customer(number, f"text {i}", bsuid="BR.00000000000000000042")
                if i % 3
                else its.customer(number, f"text {i}", bsuid=None)
                for i, number in enumerate(numbers)
            )
        )
        await its.quiet()
        assert len(its.incoming()) == 100
        await _one_of_each(its)


async def _one_of_each(its: Crossing) -> None:
    own = {one.conversation.contact_id for one in its.chat.messages() if "PONTE:" in one.source_id}
    contacts = [one for one in its.chat.contacts.values() if one.id not in own]
    assert [one.phone_number for one in contacts] == [f"+{MARINA}"]
    assert len(contacts[0].contact_inboxes) == 1
    assert len(its.customers_conversations()) == 1
    assert duplicates(one.source_id for one in its.incoming()) == []


async def test_a_message_that_chatwoot_stores_after_our_time_out_is_not_posted_again(world):
    """Rails may still commit when we have given up: the proof is looked for later."""
    sections = {"chatwoot": {"timeout_seconds": 0.3, "proof_delay_seconds": 1}}
    async with world(sections=sections) as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        slow = its.chat.faults.hang(60, route="POST messages", times=1)
        id_ = await its.customer(MARINA, "devagar")
        await its.chat.wait_for(lambda: slow.hits == 1)
        # Given up on, looked for in vain, and only then stored.
        await its.chat.wait_for(lambda: its.chat.requests["GET messages"] >= 1)
        assert f"WAID:{id_}" not in [one.source_id for one in its.incoming()]
        slow.off()
        await its.quiet()
        assert [one.content for one in its.incoming()] == ["Oi", "devagar"]


async def test_a_contact_and_conversation_created_after_our_time_out_are_used(world):
    sections = {"chatwoot": {"timeout_seconds": 0.3}}
    async with world(sections=sections) as its:
        for route in ("POST contacts", "POST conversations", "POST messages"):
            its.chat.faults.hang(60, route=route, times=1, acts=True)
        await its.customer(MARINA, "Oi")
        await its.quiet()
        assert [one.content for one in its.incoming()] == ["Oi"]
        await _one_of_each(its)


async def test_a_send_that_was_not_answered_is_settled_by_its_status(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        its.graph.faults.next(faults.Route.MESSAGES, faults.reset(acted=True))
        message = its.chat.agent_writes(its.customers_conversations()[0].id, "Bom dia")
        await its.quiet()
        assert [one.text for one in its.graph.sent] == ["Bom dia"]
        assert message.status != "failed"


async def test_a_send_that_nothing_settles_is_marked_uncertain_and_sent_again_only_by_retry(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        its.graph.auto_statuses = False
        its.graph.faults.next(faults.Route.MESSAGES, faults.reset(acted=True))
        message = its.chat.agent_writes(its.customers_conversations()[0].id, "Bom dia")
        await its.quiet()
        assert [one.text for one in its.graph.sent] == ["Bom dia"]
        assert message.status == "failed"
        assert message.external_error
        its.chat.agent_retries(message.id)
        await its.quiet()
        assert [one.text for one in its.graph.sent] == ["Bom dia", "Bom dia"]
        assert message.status != "failed"


async def test_a_late_status_takes_the_mark_of_an_uncertain_message_away(world):
    async with world() as its:
        await its.customer(MARINA, "Oi")
        await its.quiet()
        its.graph.auto_statuses = False
        its.graph.faults.next(faults.Route.MESSAGES, faults.reset(acted=True))
        message = its.chat.agent_writes(its.customers_conversations()[0].id, "Bom dia")
        await its.quiet()
        assert message.status == "failed"
        await its.graph.customer_reads(its.graph.sent[0].wamid)
        await its.quiet()
        assert (message.status, message.external_error) == ("read", None)
