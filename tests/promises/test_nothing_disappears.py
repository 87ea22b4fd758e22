"""Promise 4: every event ends as delivered, ignored (with the rule) or dead (with the cause)."""

from __future__ import annotations

import pytest

from bridge.sim.graph import Number, Route, faults
from bridge.sim.graph.payloads import envelope, template_news
from bridge.sim.pictures import png
from support.crashing import nothing_disappeared
from support.crossing import Crossing

MARINA = "5511987650001"


async def in_a_chat(its: Crossing) -> int:
    await its.customer(MARINA, "Oi")
    await its.quiet()
    return its.customers_conversations()[0].id


async def a_day(its: Crossing, chat: int) -> None:
    """Some of everything that can happen to an event."""
    its.chat.agent_writes(chat, "nota", private=True)
    its.chat.typing(chat)
    its.chat.resolve(chat)
    await its.quiet()
    await its.customer(MARINA, "de novo")
    _, again = its.graph.draft(MARINA, "duas vezes")
    await its.deliver(again)
    await its.deliver(again)
    await its.deliver(envelope(Number(phone_number_id="999"), messages=[{"id": "x"}]))
    await its.deliver(envelope(Number(), field="account_update", event="DISABLED"))
    await its.deliver(envelope(Number(), statuses=[{"id": "wamid.unknown", "status": "read"}]))
    await its.deliver({"object": "whatsapp_business_account", "entry": [None, 7, {"changes": 1}]})
    its.chat.faults.fail(422, route="POST messages", times=1, text='{"error": "too long"}')
    await its.customer(MARINA, "morre")
    its.graph.faults.next(Route.MESSAGES, faults.error(131026))
    its.chat.agent_writes(chat, "nunca")
    its.graph.faults.next(Route.MESSAGES, faults.reset())
    its.chat.agent_writes(chat, "talvez")
    await its.quiet()
    its.chat.webhooks.hold()
    deleted = its.chat.agent_writes(chat, "apagada")
    its.chat.agent_deletes(deleted.id)
    its.chat.webhooks.release(backwards=True)
    its.chat.agent_writes(chat, "enviada")
    await its.quiet()
    await changes(its, chat)


async def changes(its: Crossing, chat: int) -> None:
    """And what may happen to messages, of what there is and of what there is not."""
    theirs = (its.incoming()[0].source_id or "").removeprefix("WAID:")
    body = {"type": "text", "text": {"body": "Olá"}}
    for message in (
        {"type": "reaction", "reaction": {"message_id": theirs, "emoji": "👍"}},
        {"type": "reaction", "reaction": {"message_id": theirs, "emoji": ""}},
        {"type": "edit", "edit": {"original_message_id": theirs, "message": body}},
        {"type": "revoke", "revoke": {"original_message_id": theirs}},
        {"type": "revoke", "revoke": {"original_message_id": "wamid.unknown"}},
    ):
        await its.customer(MARINA, message=message)
    its.chat.agent_writes(chat, "/retry", private=True, in_reply_to=its.incoming()[0].id)
    items = [{"title": "Sim", "value": "s"}, {"title": "Não", "value": "n"}]
    asked = {"content_type": "input_select", "content_attributes": {"items": items}}
    its.chat.agent_writes(chat, "Continuar?", **asked)
    await its.quiet()
    await its.customer(MARINA, "1")
    await its.deliver(envelope(Number(), field="history", history=[{"threads": []}]))
    await its.deliver(template_news(Number().waba_id, "aviso", "pt_BR", "APPROVED"))
    await its.quiet()


async def test_accepted_is_delivered_ignored_dead_or_waiting_on_every_road(world):
    async with world() as its:
        chat = await in_a_chat(its)
        await a_day(its, chat)
        await nothing_disappeared(its)
        counts = await its.metrics()
        assert counts["inbound"]["dead"] == 1
        assert counts["outbound"]["dead"] == 2
        assert all(counts[road]["delivered"] for road in counts)
        assert all(counts[road]["ignored"] for road in ("inbound", "outbound", "status", "signal"))


async def test_the_counts_survive_a_death(world):
    async with world() as its:
        await a_day(its, await in_a_chat(its))
        await its.ponte.kill()
        await its.ponte.start()
        await its.quiet()
        await nothing_disappeared(its)
        assert (await its.metrics())["inbound"]["dead"] == 1


async def test_the_counts_hold_while_messages_wait(world):
    async with world() as its:
        await in_a_chat(its)
        stuck = its.chat.faults.hang(60, route="POST messages", times=1)
        for number in range(5):
            await its.customer(MARINA, f"{number}")
        await its.chat.wait_for(lambda: stuck.hits == 1)
        assert (await its.metrics())["inbound"]["waiting"] == 5
        await nothing_disappeared(its)
        stuck.off()
        await its.quiet()
        await nothing_disappeared(its)


async def test_dead_letters_are_listed_with_the_cause_and_can_be_replayed(world):
    async with world() as its:
        chat = await in_a_chat(its)
        await a_day(its, chat)
        letters = await (await its.api("GET", "/dead-letters")).json()
        assert [one["road"] for one in letters] == ["outbound", "outbound", "inbound"]
        assert all(one["cause"] and one["reason"] for one in letters)
        for one in letters:
            assert (await its.api("POST", f"/dead-letters/{one['id']}/replay")).status == 200
        await its.quiet()
        assert "morre" in [one.content for one in its.incoming()]
        sent = sorted(one.text for one in its.graph.sent)
        assert sent == ["Continuar?", "enviada", "nunca", "talvez"]
        assert await (await its.api("GET", "/dead-letters")).json() == []
        await nothing_disappeared(its)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "order", "order": {"catalog_id": "1"}},
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "João"}}]},
        {"type": "location", "location": {"latitude": -23.5, "longitude": -46.6}},
        {"type": "interactive", "interactive": {"type": "nfm_reply"}},
        {"type": "hologram", "hologram": {"of": "tomorrow"}},
        {"type": "unsupported", "errors": [{"code": 131051, "title": "Unsupported"}]},
        {"type": "text"},
        {"type": "image", "image": {"id": 7}},
        {},
    ],
    ids=lambda message: str(message.get("type")),
)
async def test_an_unknown_kind_of_message_is_shown_as_such(world, message):
    async with world() as its:
        await in_a_chat(its)
        await its.customer(MARINA, message=message)
        await its.quiet()
        shown = its.incoming()[1:]
        assert len(shown) == 1
        assert shown[0].content
        await nothing_disappeared(its)


async def test_a_file_that_is_gone_is_told_in_its_place(world):
    async with world() as its:
        await in_a_chat(its)
        its.graph.faults.always(Route.DOWNLOAD, faults.error(100))
        its.graph.faults.always(Route.LOOKUP, faults.error(100))
        await its.customer(MARINA, image=png(9, 9), caption="olha")
        await its.quiet()
        told = its.incoming()[1]
        assert "olha" in (told.content or "")
        assert told.attachments == []


async def test_we_say_how_late_we_are(world):
    """Promise 7: the age of the oldest that waits, the latency and the dead letters."""
    async with world() as its:
        chat = await in_a_chat(its)
        await a_day(its, chat)
        stuck = its.chat.faults.hang(60, route="POST messages", times=1)
        await its.customer(MARINA, "espera")
        await its.chat.wait_for(lambda: stuck.hits == 1)
        text = await (await its.api("GET", "/metrics")).text()
        stuck.off()
        assert age(text, "inbound") > 0
        assert age(text, "outbound") == 0
        assert 'ponte_delivery_seconds_count{road="inbound"}' in text
        assert "ponte_dead_letters 3.0" in text
        await its.quiet()


def age(text: str, road: str) -> float:
    line = f'ponte_oldest_waiting_seconds{{road="{road}"}} '
    return next(float(one.removeprefix(line)) for one in text.splitlines() if one.startswith(line))
