"""`readMessages` over a session: what agents can see is marked as read, also in groups."""

from __future__ import annotations

from dataclasses import replace

from support.happenings import GROUP, RUI, written
from support.sessions import change, open_up, qr_house


async def test_a_message_is_marked_as_read_with_its_sender_and_its_group(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await change(
            house, lambda now: replace(now, behaviour=replace(now.behaviour, read_messages=True))
        )
        await open_up(house, phone)
        alone, together = written("um"), written("dois", RUI, group=GROUP)

        await phone.bring(alone, together)
        await house.quiet()

        assert sorted(phone.read, key=lambda one: one.id) == [alone, together]


async def test_nothing_is_marked_unless_that_was_asked_for(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)

        await phone.bring(written())
        await house.quiet()

        assert phone.read == []
