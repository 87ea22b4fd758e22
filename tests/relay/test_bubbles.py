"""What a flow says goes out once and in order, is shown to agents, and ends when a human speaks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.clock import utc
from bridge.core.content import MediaKind, Text
from bridge.core.flow import Attachment, Next
from bridge.core.handoff import HumanSpoke, Phase, Stopped
from bridge.core.message import DeliveryState, SentByPhone, StatusReported
from bridge.core.typebot import BotSettings
from bridge.engine import rows
from bridge.errors import PeerBroke, PeerRefused
from bridge.relay import lanes
from bridge.relay.bot.bubble_ends import BubbleEnds
from bridge.store.engine import Unit
from bridge.store.queries import jobs
from bridge.whatsapp.channel import Fate, Remembered
from support.bot_says import (
    chat_of,
    endings,
    entry_of,
    line,
    mirrored,
    play,
    says,
    signal,
    talk_of,
    told,
)
from support.bridge_house import House
from support.file_host import file_host
from support.happenings import written
from support.qr_channel import LoggingQrChannel, QrPhone
from support.qr_events import CUSTOMER
from support.sessions import balanced, conversation, open_up, qr_house


async def test_bubbles_go_out_in_order_and_are_shown_once_without_opening_anything(
    house: House,
) -> None:
    chat = await house.talk()
    laid = await says(house, line("Olá!"), line("Tudo *bem*?"))
    await house.quiet()

    assert laid.bubbles == 2
    assert house.texts == ["Olá!", "Tudo *bem*?"]
    assert [one.content for one in mirrored(house)] == ["Olá!", "Tudo **bem**?"]
    assert {one.conversation.id for one in mirrored(house)} == {chat.id}
    assert await endings(house) == [("delivered", None)] * 2
    talk = await talk_of(house)
    assert (talk.state.left, talk.state.phase) == (0, Phase.WAITING)
    assert await balanced(house)


async def test_the_last_bubble_ends_the_flow(house: House) -> None:
    await house.talk()
    await says(house, line("Até logo!"), next_=Next.END)
    await house.quiet()
    talk = await talk_of(house)
    assert talk.state.phase is Phase.PAUSED  # handed over
    assert talk.state.ended_at is not None


async def test_after_a_human_spoke_nothing_more_of_the_flow_goes_out(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        await says(house, line("um"), line("dois"), line("três"))
        await phone.called("sending")
        await signal(house, HumanSpoke())
        gate.set()
        await house.quiet()

        assert phone.texts == ["um"]  # it was on its way
        assert [one.content for one in mirrored(house)] == ["um"]
        assert await endings(house) == [
            ("delivered", None),
            ("ignored", "bot.silenced"),
            ("ignored", "bot.silenced"),
        ]
        assert (await talk_of(house)).state.left == 0
        assert await balanced(house)


async def test_a_bubble_that_fails_is_told_in_a_note_and_the_flow_goes_on(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        phone.refuses["send"] = [PeerRefused("Not like this.")]
        await says(house, line("um"), line("dois"))
        await house.quiet()

        assert phone.texts == ["dois"]
        assert [one.content for one in mirrored(house)] == ["dois"]
        assert len([one for one in told(house) if "um" in one]) == 1
        talk = await talk_of(house)
        assert (talk.state.left, talk.state.phase) == (0, Phase.WAITING)
        assert await balanced(house)


async def test_a_signal_between_preparing_and_the_send_still_stops_it(tmp_path: Path) -> None:
    async with file_host() as host, qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        url = host.put("a.pdf", b"%PDF-1.4", "application/pdf")
        host.gate = asyncio.Event()
        document = Attachment(block="b", media=MediaKind.DOCUMENT, url=url, name="a.pdf")
        await says(house, play(document))
        await host.was_asked(1)
        await signal(house, HumanSpoke())
        host.gate.set()
        await house.quiet()
        assert phone.sent == []
        assert await endings(house) == [("ignored", "bot.silenced")]
        assert mirrored(house) == []
        assert await balanced(house)


async def test_of_a_long_text_what_went_before_a_human_spoke_is_shown(tmp_path: Path) -> None:
    body = "um " * 1500 + "\n" + "dois " * 700
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        gate = phone.gates["sending"] = asyncio.Event()
        await says(house, line(body))
        await phone.called("sending")
        await signal(house, HumanSpoke())
        gate.set()
        await house.quiet()
        (sent,) = phone.texts
        (shown,) = mirrored(house)
        assert (shown.content or "").split() == sent.split()
        assert await endings(house) == [("ignored", "bot.silenced")]


async def test_a_bubble_of_an_old_epoch_is_ignored_at_once_also_when_nobody_cancelled_it(
    house: House,
) -> None:
    await house.talk()
    async with file_host() as host:
        url = host.put("a.pdf", b"%PDF-1.4", "application/pdf")
        document = Attachment(block="b", media=MediaKind.DOCUMENT, url=url, name="a.pdf")
        await says(house, play(document), settings=BotSettings(delay_message=60_000))
        await house.service.store.write(
            lambda unit: unit.db.execute(
                "UPDATE talk SET epoch=epoch+1, state=json_set(state, '$.epoch', epoch+1)"
            )
        )
        await house.pass_time(0.1)
        await house.quiet()
        assert (house.texts, host.asked) == ([], [])
        assert await endings(house) == [("ignored", "bot.silenced")]


async def test_the_hand_off_hears_once_of_each_end(house: House) -> None:
    await house.talk()
    await says(house, line("um"), line("dois"), settings=BotSettings(delay_message=3_600_000))
    service, entry = house.service, entry_of(house)
    ends = BubbleEnds(
        queue=service.queue, talks=service.talks, typing=None, clock=house.clock, not_after=0
    )

    def end_twice(unit: Unit) -> None:
        first = rows.first(unit.db, lanes.to_whatsapp(chat_of(unit.db, house).id))
        assert first is not None
        job = rows.job(jobs.load(unit.db, first.id))
        for _ in range(2):
            ends.of(entry, job, None, None)(unit)

    await service.store.write(end_twice)
    assert (await talk_of(house)).state.left == 1


async def test_what_was_uncertain_is_shown_once_a_status_says_that_it_went(
    tmp_path: Path,
) -> None:
    """The flow has gone on meanwhile."""
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        phone.refuses["send"] = [PeerBroke("cut in the middle")]
        await says(house, line("um"), line("dois", pause_ms=3_600_000))
        await house.chat.wait_for(lambda: len(told(house)) == 1)  # nobody knows of the first
        assert (await talk_of(house)).state.left == 1
        assert await endings(house) == [("dead", "uncertain"), ("waiting", None)]
        (row,) = await house.rows("SELECT tag FROM ledger WHERE state='uncertain'")

        await bring_status(house, phone, tag=row["tag"])
        assert (await talk_of(house)).state.left == 1
        await house.pass_time(1.1)
        await house.quiet()
        assert (await talk_of(house)).state.left == 0
        assert phone.texts == ["dois"]
        assert sorted(one.content or "" for one in mirrored(house)) == ["dois", "um"]
        assert await balanced(house)


async def bring_status(house: House, phone: QrPhone, *, tag: str) -> None:
    await phone.bring(
        StatusReported(
            number="loja",
            id="3EB0LATE",
            state=DeliveryState.DELIVERED,
            at=utc(house.clock.ms()),
            tag=tag,
        )
    )


@pytest.mark.parametrize(
    ("fate", "sent", "ending"),
    [
        pytest.param(Remembered(fate=Fate.SENT, id="3EB0GONE"), [], "delivered", id="it went"),
        pytest.param(Remembered(fate=Fate.NOT_SENT), ["um"], "delivered", id="it did not"),
        pytest.param(Remembered(fate=Fate.UNKNOWN), [], "dead", id="nobody knows"),
    ],
)
async def test_after_a_crash_inside_the_send_nothing_is_said_twice_and_the_flow_goes_on(
    tmp_path: Path, fate: Remembered, sent: list[str], ending: str
) -> None:
    async with qr_house(tmp_path, channel=LoggingQrChannel) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        phone.remembers = [fate]
        phone.gates["sending"] = asyncio.Event()
        await says(house, line("um"), line("dois"))
        await phone.called("sending")
        await house.stop()  # it is cut off there
        del phone.gates["sending"]
        await house.start()
        await open_up(house, phone)
        await house.quiet()

        assert phone.texts == [*sent, "dois"]
        assert [row[0] for row in await endings(house)] == [ending, "delivered"]
        said = [one.content for one in mirrored(house)]
        assert said == (["um", "dois"] if ending == "delivered" else ["dois"])
        talk = await talk_of(house)
        assert (talk.state.left, talk.state.phase) == (0, Phase.WAITING)
        assert await balanced(house)


async def test_an_agents_message_and_the_flows_keep_the_order_of_their_acceptance(
    house: House,
) -> None:
    """Where the bot is not to be silent when humans speak."""
    chat = await house.talk()
    await says(house, line("um", pause_ms=300), line("dois"))
    house.chat.agent_writes(chat.id, "Sou eu")
    await house.quiet()
    assert house.texts in (["um", "dois", "Sou eu"], ["Sou eu"], ["um", "Sou eu"])
    assert house.texts[-1] == "Sou eu"
    assert await balanced(house)


async def test_a_last_word_is_said_after_the_flow_was_stopped_unless_a_human_speaks(
    house: House,
) -> None:
    await house.talk()
    await says(house, line("um"), settings=BotSettings(delay_message=3_600_000))
    entry = entry_of(house)
    service = house.service

    def stop(unit: Unit) -> None:
        now = house.clock.ms()
        chat = chat_of(unit.db, house)
        talk = service.talks.signal(unit, entry, chat, Stopped(), now)
        service.bubbles.farewell(unit, entry, chat, talk, "Até logo!", now=now)

    await service.store.write(stop)
    await house.quiet()
    assert house.texts == ["Até logo!"]
    assert [one.content for one in mirrored(house)] == ["Até logo!"]
    assert await balanced(house)


async def test_what_is_paused_for_the_whole_number_is_not_said_but_the_flow_stays(
    house: House,
) -> None:
    await house.talk()
    await says(house, line("um", pause_ms=60_000))
    await house.service.store.write(
        lambda unit: unit.db.execute("UPDATE instance SET bots_paused_until=0")
    )
    await house.service.directory.refresh(entry_of(house).id)
    await house.pass_time(0.1)
    assert house.texts == []
    talk = await talk_of(house)
    assert (talk.state.left, talk.state.phase) == (0, Phase.WAITING)
    assert talk.state.has_session


async def test_a_channel_that_tells_of_our_send_first_shows_it_once_and_as_the_bots(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        phone.echoes_sends = True
        gate = phone.gates["sending"] = asyncio.Event()
        await says(house, line("um"))
        await phone.called("sending")
        echo = SentByPhone(
            number="loja",
            id=f"3EB0{1:016X}",
            chat=CUSTOMER,
            at=utc(house.clock.ms()),
            content=Text(body="um"),
        )
        await phone.bring(echo)
        gate.set()
        await house.quiet()
        (shown,) = mirrored(house)
        assert type(shown.sender).__name__ == "AgentBot"
        assert await balanced(house)


async def test_what_whatsapp_refuses_later_is_told_and_not_shown_as_said(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        away = house.chat.faults.fail(502, route="POST messages")
        phone.refuses["send"] = [PeerBroke("cut in the middle")]
        await says(house, line("um"))
        await phone.called("send")
        (row,) = await house.rows("SELECT tag FROM ledger WHERE tag IS NOT NULL")
        await phone.bring(
            StatusReported(
                number="loja",
                id="3EB0FAILED",
                state=DeliveryState.FAILED,
                at=utc(house.clock.ms()),
                tag=row["tag"],
            )
        )
        away.off()
        await house.quiet()
        assert mirrored(house) == []
        assert len([one for one in told(house) if "um" in one]) == 1
        assert (await talk_of(house)).state.left == 0


async def test_a_failure_that_comes_before_agents_see_the_bubble_is_shown_on_it(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path, chatwoot={"version": "4.13.0"}) as (house, phone):
        await open_up(house, phone)
        await conversation(house, phone)
        away = house.chat.faults.fail(502, route="POST messages")
        await says(house, line("um"))
        await phone.has_sent(1)
        await phone.bring(
            StatusReported(
                number="loja",
                id=f"3EB0{1:016X}",
                state=DeliveryState.FAILED,
                at=utc(house.clock.ms()),
            )
        )
        away.off()
        await house.quiet()
        (shown,) = mirrored(house)
        await house.status(shown, "failed")
        assert await balanced(house)


async def test_a_failure_before_the_conversation_stands_is_told_in_it_later(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        away = house.chat.faults.fail(502, route="POST conversations")
        await phone.bring(written("oi"))
        phone.refuses["send"] = [PeerRefused("Not like this.")]
        await says(house, line("um"))
        await ended(house)
        assert await house.rows("SELECT 1 FROM chat WHERE conversation_id IS NOT NULL") == []
        away.off()
        await house.quiet()
        assert [one for one in told(house) if "um" in one]
        assert await balanced(house)


async def ended(house: House) -> None:
    """Wait until no bubble is on its way."""
    async with asyncio.timeout(30):
        while True:
            house._moved.clear()
            if all(state != "waiting" for state, _ in await endings(house)):
                return
            await house._moved.wait()
