"""A bubble waits its typing delay, visibly, and a restart neither repeats nor forgets it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.core.connection import Presence
from bridge.core.flow import TypingEmulation
from bridge.core.handoff import HumanSpoke, Phase
from bridge.core.typebot import BotSettings
from support.bot_says import endings, line, mirrored, says, signal, talk_of
from support.bridge_house import House
from support.qr_channel import QrPhone
from support.sessions import balanced, change, conversation, open_up, qr_house

HOUR = 3_600_000
LONG = BotSettings(delay_message=HOUR)


async def begun(house: House, phone: QrPhone) -> None:
    await open_up(house, phone)
    await conversation(house, phone)


async def due(house: House) -> list[int]:
    """In how many minutes each bubble is due that has not gone."""
    rows = await house.rows(
        "SELECT due_at FROM job WHERE kind='bubble' AND state='waiting' ORDER BY id"
    )
    return [round((row["due_at"] - house.clock.ms()) / 60_000) for row in rows]


async def test_each_bubble_waits_from_when_the_one_before_it_went(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await begun(house, phone)
        await says(house, line("um"), line("dois"), settings=LONG)
        assert phone.sent == []
        assert await due(house) == [60, 120]

        await house.pass_time(1.5)
        assert phone.texts == ["um"]
        assert await due(house) == [60]

        await house.pass_time(1.01)
        assert phone.texts == ["um", "dois"]
        assert (await talk_of(house)).state.phase is Phase.WAITING


async def test_a_restart_in_the_middle_of_a_delay_neither_repeats_nor_forgets(
    tmp_path: Path,
) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await begun(house, phone)
        await says(house, line("um"), line("dois"), settings=LONG)
        await house.pass_time(1.01)
        assert phone.texts == ["um"]
        await house.stop()
        await house.start()
        await open_up(house, phone)
        assert await due(house) == [60]
        await house.pass_time(1.01)
        await house.pass_time(5)
        assert phone.texts == ["um", "dois"]
        assert [one.content for one in mirrored(house)] == ["um", "dois"]
        assert await balanced(house)


async def test_what_a_long_stop_made_old_is_not_said_any_more(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await begun(house, phone)
        await says(house, line("um"), line("dois"), settings=LONG)
        await house.stop()
        house.clock.ahead_seconds += 30 * 3600
        await house.start()
        await open_up(house, phone)
        await house.quiet()
        assert phone.texts == []
        assert await endings(house) == [("dead", "too_old")] * 2
        assert (await talk_of(house)).state.left == 0


async def test_an_agents_signal_ends_a_delay_at_once(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await begun(house, phone)
        await says(house, line("um"), line("dois"), settings=LONG)
        await signal(house, HumanSpoke())
        await house.quiet()
        assert await endings(house) == [("ignored", "bot.silenced")] * 2
        assert phone.sent == []
        assert await balanced(house)


async def test_the_next_turn_does_not_wait_for_a_delay_that_was_cut_off(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await begun(house, phone)
        await says(house, line("um", pause_ms=1), line("dois"), settings=BotSettings())
        await house.quiet()
        await says(house, line("três"), line("quatro"), settings=LONG)
        await signal(house, HumanSpoke())
        house.clock.ahead_seconds += 60
        entry_talk = await talk_of(house)
        assert entry_talk.state.phase is Phase.PAUSED
        assert phone.texts == ["um", "dois"]


async def test_the_person_sees_somebody_writing_while_a_bubble_waits(tmp_path: Path) -> None:
    typing = TypingEmulation(speed=2, max_delay=60, not_on_first=False)
    async with qr_house(tmp_path) as (house, phone):
        await begun(house, phone)
        await says(house, line("uma palavra"), line("outra palavra"), typing=typing)
        await phone.has_typed(1)
        assert phone.sent == []
        await house.pass_time(60.1 / 3600)
        await phone.has_typed(2)
        assert phone.texts == ["uma palavra"]
        assert [presence for _, presence in phone.typed] == [Presence.COMPOSING] * 2
        await house.pass_time(60.1 / 3600)
        await house.quiet()
        assert phone.texts == ["uma palavra", "outra palavra"]


async def test_a_sign_that_fails_or_hangs_holds_no_bubble_up(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await begun(house, phone)
        phone.refuses["typing"] = [RuntimeError("a bug")] * 3  # type: ignore[list-item]
        await says(house, line("um"), line("dois"), settings=BotSettings(delay_message=500))
        await house.quiet()
        assert phone.texts == ["um", "dois"]


async def test_nobody_is_shown_as_writing_where_that_would_mark_messages_as_read(
    house: House,
) -> None:
    await house.talk()
    waits = BotSettings(delay_message=450)
    await says(house, line("um"), settings=waits)
    await house.quiet()
    assert house.graph.typing == []

    await change(
        house, lambda now: replace(now, behaviour=replace(now.behaviour, read_messages=True))
    )
    await says(house, line("dois"), settings=waits)
    await house.graph.wait_for(lambda: len(house.graph.typing) == 1)
    await house.quiet()
    assert house.texts == ["um", "dois"]
