"""What administrators write in the bot's conversation is done once, and always answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from bridge.core.commands import Merge
from bridge.core.connection import LinkState
from bridge.engine.queue import LOCAL, NewJob, Road
from bridge.errors import Conflict, PeerDown
from bridge.relay import commands
from bridge.relay.answers import Order
from bridge.relay.commanding_merges import merged
from bridge.relay.merge_plans import MergePlans
from bridge.sim.chatwoot import Conversation, Message
from support.bridge_house import MARINA, NAME, House, bridge_house
from support.sessions import balanced, conversation, open_up, qr_house, reaches

HOUR = 3600


async def room(house: House) -> Conversation:
    (row,) = await house.rows("SELECT bot_conversation_id AS id FROM chatwoot_inbox")
    return house.chat.conversations[row["id"]]


def said(chat: Conversation, after: Message | None = None) -> list[str]:
    """What the bot said there, without the codes that stand there."""
    return [
        one.content or ""
        for one in chat.messages
        if (one.source_id or "").startswith("PONTE:state:") and (not after or one.id > after.id)
    ]


async def answers(house: House, text: str, **writing: Any) -> list[str]:
    chat = await room(house)
    written = house.chat.agent_writes(chat.id, text, **writing)
    await house.quiet()
    return said(chat, written)


async def answer(house: House, text: str) -> str:
    (told,) = await answers(house, text)
    return told


async def audited(house: House) -> list[tuple[str, int, str | None]]:
    rows = await house.rows("SELECT action, status, code FROM audit WHERE actor LIKE 'Chatwoot %'")
    return [(row["action"].removeprefix("room."), row["status"], row["code"]) for row in rows]


def share_clock(house: House) -> None:
    """Days that pass for us pass for Chatwoot too."""
    house.chat.world.clock = lambda: house.clock.ms() / 1000


async def die(house: House, count: int) -> None:
    """So many messages could not be delivered."""
    job = NewJob(
        kind="nothing",
        lane="x",
        road=Road.OUTBOUND,
        peer=LOCAL,
        account=LOCAL,
        payload=b"",
        now=house.clock.ms(),
        instance_id=house.service.instances.entry(NAME).id,
    )

    def write(unit: Any) -> None:
        for _ in range(count):
            house.service.queue.add_dead(unit, job, cause="a.cause", reason="No.")

    await house.service.store.write(write)


class _Gate(asyncio.Event):
    """Lets nobody through before it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = False

    async def wait(self) -> Literal[True]:
        self.waited = True
        return await super().wait()


async def test_a_number_is_connected_asked_about_and_disconnected(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        assert "QR code of *loja* is in this conversation" in await answer(house, "/Init")
        assert phone.calls == ["connect"]
        assert "waits for somebody to scan" in await answer(house, "status")
        told = await answer(house, "init: +55 (11) 98765-0009")
        assert "with the code to type right below it" in told
        assert phone.calls[-1] == "connect 5511987650009"
        chat = await room(house)
        await house.chat.wait_for(
            lambda: (
                ["PAIR-0009" in (one.content or "") for one in chat.messages if one.attachments]
                == [True]
            )
        )
        phone.scan()
        await reaches(house, LinkState.OPEN)
        await house.quiet()

        assert "connected already: +55 11 98765-0009 (Loja)" in await answer(house, "iniciar")
        assert "🟢 *loja* has been connected" in await answer(house, "*STATUS*")
        # One outcome: no note says once more that the session has ended.
        assert "Write `init` to connect it again" in await answer(house, "desconectar")
        assert "logout" in phone.calls
        assert not phone.is_open
        assert "is not connected" in await answer(house, "disconnect")
        assert "did not understand the number" in await answer(house, "init: my phone")

        assert await audited(house) == [
            ("connect", 200, None),
            ("connect", 200, None),
            ("connect", 200, None),
            ("disconnect", 200, None),
            ("disconnect", 409, "connection.closed"),
        ]
        (row,) = await house.rows("SELECT * FROM audit WHERE action='room.disconnect' LIMIT 1")
        agent = house.chat.agent
        assert row["actor"].startswith(f"Chatwoot user {agent.id} (")
        assert row["instance"] == NAME
        kept = await house.rows("SELECT payload FROM job")
        assert not any(b"PAIR" in bytes(one["payload"]) for one in kept)
        assert await balanced(house)


async def test_a_code_that_stands_there_is_shown_again_at_the_end(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        chat = await room(house)

        def pictures() -> list[Message]:
            return [one for one in chat.messages if one.attachments]

        await answer(house, "init")
        await house.chat.wait_for(lambda: len(pictures()) == 1)
        (first,) = pictures()
        assert "is in this conversation" in await answer(house, "qr")
        await house.chat.wait_for(lambda: len(pictures()) == 1 and pictures() != [first])
        (second,) = pictures()
        assert second.source_id == first.source_id
        assert first.content_attributes == {"deleted": True}
        assert phone.calls == ["connect"]


async def test_what_cannot_be_done_says_so_and_what_to_do(tmp_path: Path) -> None:
    options = {"api": {"qr_wait_seconds": 0}}
    async with qr_house(tmp_path, options=options) as (house, phone):
        phone.is_silent = True
        assert "gave no QR code in time" in await answer(house, "init")
        phone.logout_fails = PeerDown("WhatsApp is away.")
        told = await answer(house, "disconnect")
        assert "did not work" in told
        assert "WhatsApp is away." in told
        assert [one[1:] for one in await audited(house)] == [
            (503, "connection.no_qr"),
            (502, "peer.down"),
        ]


async def test_flows_are_silenced_and_speak_again(house: House) -> None:
    share_clock(house)
    before = house.clock.ms()
    told = await answer(house, "pausar bot 2h")
    assert "stay silent for 2 hours" in told
    assert "No flow is configured" in told
    until = house.service.instances.entry(NAME).instance.bots_paused_until
    assert until is not None
    assert until - before >= 2 * HOUR * 1000
    assert "Flows are silent for" in await answer(house, "status")

    assert "until somebody resumes them" in await answer(house, "pause bot")
    assert house.service.instances.entry(NAME).instance.bots_paused_until == 0
    assert "may speak" in await answer(house, "reanudar bot")
    assert house.service.instances.entry(NAME).instance.bots_paused_until is None
    assert "for how long" in await answer(house, "pause bot for a while")
    assert [one[0] for one in await audited(house)] == [
        "pause_bots",
        "pause_bots",
        "resume_bots",
    ]


async def test_an_official_number_is_told_what_applies_to_it(house: House) -> None:
    assert "without a QR code" in await answer(house, "init")
    assert "no session to end" in await answer(house, "desconectar")
    assert "🟢 *loja* has been connected" in await answer(house, "status")

    chat = await house.talk(MARINA)
    assert "checked now" in await answer(house, "clearcache")
    (row,) = await house.rows("SELECT fresh_at FROM chat")
    assert row["fresh_at"] == 0
    assert "checking this inbox" in await answer(house, "verificar")
    assert await house.rows("SELECT 1 FROM job WHERE kind='drift' AND state='delivered'")
    await house.talk(MARINA, "E aí?")
    assert house.shown(chat.id) == ["Oi", "E aí?"]

    assert "nothing to try again" in await answer(house, "retry")
    await die(house, 3)
    assert "Not delivered: 3" in await answer(house, "status")
    assert "Trying again: 3." in await answer(house, "/tentar")

    for text in ("initial plan", "obrigado", "x" * 20_000, "init\u202emoc", "\u200b/"):
        told = await answer(house, text)
        assert told.startswith("🤔")
        assert "`status`" in told
    assert not (await answer(house, "ajuda")).startswith("🤔")
    assert house.texts == []
    assert await balanced(house)


async def test_retry_lets_go_what_is_paused_and_leaves_the_rest_for_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.relay.commanding.MOST_REPLAYED", 2)
    await die(house, 3)
    entry = house.service.instances.entry(NAME)
    breaker = house.service.queue.lanes.breaker(entry.channel_account)
    breaker.trip(house.clock.ms(), "The token has expired.", waits=[10**9])
    assert "sending is paused (The token has expired.)" in await answer(house, "status")
    told = await answer(house, "retry")
    assert told == (
        "🔁 Trying again: 2. Still left: 1. Write `retry` once more. What was paused goes out now."
    )
    assert not breaker.is_open


async def test_a_merge_begins_once_and_says_what_it_cannot_do(house: House) -> None:
    assert "no plan for that" in await answer(house, "merge apply")
    assert "no plan of this number" in await answer(house, "mesclar aplicar 7")

    service = house.service
    entry = service.instances.entry(NAME)
    service.queue.pause(entry.chatwoot_account, until=10**15, reason="wait")
    plans = MergePlans(service.store, service.queue, house.clock)
    order = Order(entry=entry, actor="x", accepted_at=0, is_repeated=False)
    first = await merged(plans, Merge(), order)
    again = await merged(plans, Merge(), replace(order, is_repeated=True))
    assert await service.store.write(first.say) == await service.store.write(again.say)
    with pytest.raises(Conflict):
        await merged(plans, Merge(), order)
    service.queue.resume(entry.chatwoot_account)
    await house.quiet()
    assert "Plan 1" in said(await room(house))[-1]

    assert "Plan 1, ready to be applied" in await answer(house, "merge status")
    assert "Plan 1, dropped" in await answer(house, "merge drop")
    assert "cannot be applied now" in await answer(house, "merge apply 1")
    assert await audited(house) == [
        ("merge_apply", 409, "merge.unknown"),
        ("merge_apply", 404, "merge.unknown"),
        ("merge_drop", 200, None),
        ("merge_apply", 409, "merge.not_planned"),
    ]


async def test_commands_count_in_the_bots_conversation_and_from_agents_alone(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        await house.quiet()
        house.chat.agent_writes(chat.id, "disconnect")
        await phone.has_sent(1)
        assert phone.texts == ["disconnect"]

        bots = await room(house)
        before = len(bots.messages)
        house.chat.agent_writes(bots.id, "disconnect", private=True)
        house.inbox.bot = house.chat.bot
        automatic = {"content_attributes": {"automation_rule_id": 7}}
        for token, more in ((house.chat.bot_token, {}), (house.chat.admin_token, automatic)):
            path = f"{house.chat_url}/api/v1/accounts/1/conversations/{bots.id}/messages"
            head = {"api_access_token": token}
            body = {"content": "disconnect", **more}
            async with house.http.post(path, json=body, headers=head) as made:
                assert made.status == 200, await made.text()
        await house.quiet()
        assert len(bots.messages) == before + 3
        assert phone.is_open
        assert (await house.events())["outbound", "ignored", "bot_conversation"] >= 2

        # A new conversation with the bot is as good as the old one.
        house.chat.resolve(bots.id)
        other = house.chat.agent_starts_conversation(bots.contact.id, house.inbox.id, "status")
        await house.quiet()
        assert "has been connected" in said(await room(house))[-1]

        # Whoever merges the bot's contact with a customer's still writes to the customer.
        house.chat.agent_merges(bots.contact.id, chat.contact.id)
        house.chat.agent_writes(chat.id, "tudo bem?")
        await phone.has_sent(2)
        assert other.id != chat.id
        assert phone.texts == ["disconnect", "tudo bem?"]
        assert await balanced(house)


async def test_a_command_that_comes_several_times_is_done_once(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        house.chat.webhooks.copies = 3
        told = await answer(house, "init")
        house.chat.webhooks.copies = 1
        assert "QR code" in told
        chat = await room(house)
        (written,) = [one for one in chat.messages if one.content == "init"]
        house.chat.agent_edits(written.id, "disconnect")
        house.chat.agent_retries(written.id)
        await house.quiet()
        assert said(chat, written) == [told]
        assert phone.calls == ["connect"]
        assert await balanced(house)


async def test_a_command_is_answered_once_though_we_stop_in_the_middle(tmp_path: Path) -> None:
    async with qr_house(tmp_path, options={"server": {"drain_seconds": 0.05}}) as (house, phone):
        phone.is_silent = True
        chat = await room(house)
        house.chat.agent_writes(chat.id, "init")
        await phone.called("connect")
        await house.stop()
        phone.is_silent = False
        await house.start()
        await house.quiet()
        assert len(said(chat)) == 1
        assert [one[0] for one in await audited(house)] == ["connect"]


async def test_what_an_earlier_run_has_disconnected_was_disconnected(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await house.quiet()
        queue, now = house.service.queue, house.clock.ms()
        first = await answers(house, "disconnect")
        (job,) = await house.rows("SELECT id FROM job WHERE kind='command'")

        def as_after_a_crash(unit: Any) -> None:
            unit.db.execute("UPDATE job SET unknown_since=? WHERE id=?", (now, job["id"]))
            assert queue.revive(unit, job["id"], states=("delivered",), now=now)

        await house.service.store.write(as_after_a_crash)
        await house.quiet()
        told = said(await room(house))
        assert sum("Write `init` to connect it again" in one for one in told) == 2
        assert len(told) == len({*told}) + 1
        assert first


async def test_what_was_written_while_nobody_listened_is_not_done_late(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        share_clock(house)
        await open_up(house, phone)
        await house.quiet()
        chat = await room(house)
        async with house.stopped():
            for text in ("disconnect", "status", "obrigado"):
                written = house.chat.agent_writes(chat.id, text)
                await house.chat.settled()
                assert written.status == "failed"
            house.clock.ahead_seconds += HOUR
            soon = house.chat.agent_writes(chat.id, "pause bot")
            await house.chat.settled()
            house.clock.ahead_seconds += 60
        await house.quiet()
        told = said(chat, written)
        assert phone.is_open
        assert "logout" not in phone.calls
        assert [one.split()[0] for one in told] == ["⌛", "🟢", "🔇"]
        assert house.service.instances.entry(NAME).instance.bots_paused_until == 0
        assert (written.status, soon.status) == ("failed", "sent")
        assert await audited(house) == [
            ("disconnect", 409, "command.too_late"),
            ("pause_bots", 200, None),
        ]

        # Retry of what failed is the command once more, unless it was done.
        house.chat.agent_retries(soon.id)
        house.chat.agent_retries(written.id)
        await house.quiet()
        assert said(chat, written) == told
        assert await balanced(house)


async def test_retry_on_a_command_that_nobody_heard_gives_it(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, _):
        chat = await room(house)
        house.chat.webhooks.copies = 0
        written = house.chat.agent_writes(chat.id, "pause bot")
        await house.chat.settled()
        house.chat.webhooks.copies = 1
        written.status = "failed"
        house.chat.agent_retries(written.id)
        await house.quiet()
        assert len(said(chat, written)) == 1


async def test_a_flood_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "MOST_WAITING", 5)
    monkeypatch.setattr(commands, "MOST_HELP", 3)
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await house.quiet()
        chat = await room(house)
        phone.gates["logout"] = gate = _Gate()
        first = house.chat.agent_writes(chat.id, "disconnect")
        await phone.called("logout")
        for _ in range(10):
            house.chat.agent_writes(chat.id, "Olá! Em que posso ajudar?")
        await house.chat.settled()
        gate.set()
        await house.quiet()
        del phone.gates["logout"]
        told = said(chat, first)
        assert sum(one.startswith("🤔") for one in told) == 3
        events = await house.events()
        assert events["outbound", "ignored", "command.flood"] == 6
        assert events["outbound", "ignored", "command.unanswered"] == 1
        assert "disconnected" in await answer(house, "status")  # commands are heard as ever
        assert await balanced(house)


async def test_a_chatwoot_that_is_down_hinders_no_command(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await house.quiet()
        chat = await room(house)
        house.chat.faults.fail(503, route="POST messages")
        written = house.chat.agent_writes(chat.id, "disconnect")
        await phone.called("logout")
        house.chat.faults.clear()
        await house.quiet()
        assert any("Write `init` to connect it again" in one for one in said(chat, written))


async def test_the_answer_is_in_the_language_of_the_instance(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, chatwoot={"account_locale": "pt_BR"}) as house:
        assert "está conectado ao WhatsApp" in await answer(house, "status")
