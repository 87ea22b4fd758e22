"""What a stranger can send, and what must not come of it."""

from __future__ import annotations

import threading
from dataclasses import replace

from bridge.clock import utc
from bridge.core.content import Unsupported
from bridge.core.instance import InstanceOptions
from bridge.core.message import DeliveryState
from bridge.core.party import Party
from bridge.relay import content, outbound
from bridge.relay.calls import ANSWERED
from support.happenings import called
from support.qr_events import GROUP, new_id, reported, wrote
from support.sessions import change, open_up, qr_house

LURE = "[Clique aqui](https://evil.example) **urgente**"


async def test_a_name_in_a_group_holds_no_markup(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        speaker = Party(wa_id="5511987650009", name=LURE)
        await phone.bring(wrote("oi", group=GROUP, sender=speaker))
        await house.quiet()

        (shown,) = house.shown()
        assert r"\*\*urgente\*\*" in shown
        assert "](" not in shown.replace(r"\](", "")


async def test_what_is_told_of_a_kind_without_a_form_of_its_own_holds_no_markup(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await phone.bring(wrote(Unsupported(upstream="contactMessage", raw={}, detail=LURE)))
        await house.quiet()

        (shown,) = house.shown()
        assert r"\*\*urgente\*\*" in shown
        assert "](" not in shown.replace(r"\](", "")


async def test_a_text_of_nothing_but_marks_holds_nobody_up(tmp_path, monkeypatch):
    """Half a second of work, there and back, is done beside the event loop."""
    where: dict[str, set[int]] = {"in": set(), "out": set()}

    def noting(way, work):
        def noted(*args, **more):
            where[way].add(threading.get_ident())
            return work(*args, **more)

        return noted

    monkeypatch.setattr(content, "worded", noting("in", content.worded))
    monkeypatch.setattr(outbound, "plan", noting("out", outbound.plan))
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        written = wrote("*_~" * 10_000)
        await phone.bring(written)
        await house.quiet()
        chat = house.of(f"WAID:{written.id}").conversation
        house.chat.agent_writes(chat.id, "*a _b_ " * 2000)
        await phone.has_sent(1)
        await house.quiet()

    assert where["in"]
    assert where["out"]
    assert threading.get_ident() not in where["in"] | where["out"]


async def test_whoever_calls_again_and_again_is_answered_once(tmp_path):
    def declining(now: InstanceOptions) -> InstanceOptions:
        behaviour = replace(now.behaviour, reject_call=True, msg_call="Escreva!")
        return replace(now, behaviour=behaviour)

    async with qr_house(tmp_path) as (house, phone):
        await change(house, declining)
        await open_up(house, phone)
        house.clock.ahead_seconds += (ANSWERED - house.clock.ms() % ANSWERED) / 1000
        await phone.bring(*(replace(called(), at=utc(house.clock.ms())) for _ in range(5)))
        await house.quiet()

        assert len(phone.declined) == 5
        assert phone.texts == ["Escreva!"]

        house.clock.ahead_seconds += ANSWERED / 1000
        await phone.bring(replace(called(), at=utc(house.clock.ms())))
        await house.quiet()
        assert phone.texts == ["Escreva!"] * 2


async def test_receipts_for_ids_that_somebody_made_up_leave_nothing_behind(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        before = await house.rows("SELECT count(*) AS n FROM seen")
        await phone.bring(*(reported(new_id(), DeliveryState.READ) for _ in range(500)))
        await house.quiet()

        assert (await house.events())["status", "ignored", "status.not_our_message"] == 500
        assert await house.rows("SELECT count(*) AS n FROM seen") == before
        assert set((await house.balance()).values()) == {0}
