"""A send that was never answered: the channel's own log of sends is asked what became of it."""

from __future__ import annotations

import asyncio

import pytest

from bridge.core.message import DeliveryState
from bridge.errors import PeerBroke, PeerDown
from bridge.whatsapp.channel import Fate, Remembered
from support.bridge_house import House
from support.qr_channel import LoggingQrChannel
from support.qr_events import reported
from support.sessions import balanced, conversation, open_up, qr_house

ID = "3EB0FFFFFFFFFFFFFFFFFF"
SENT = Remembered(fate=Fate.SENT, id=ID)
NOT_SENT = Remembered(fate=Fate.NOT_SENT)
UNKNOWN = Remembered(fate=Fate.UNKNOWN)
UNKNOWN_BUT_NAMED = Remembered(fate=Fate.UNKNOWN, id=ID)
BROKE = PeerBroke("The connection went in the middle.", code="whatsapp.broke")
DOWN = PeerDown("The worker does not run.", code="whatsapp.disconnected")
#: Longer than any test: what ends earlier was not ended by giving up.
PATIENT = {"relay": {"uncertain_after_seconds": 300}}


def house_of(tmp_path, **more):
    return qr_house(tmp_path, channel=LoggingQrChannel, **more)


async def states(house: House) -> list[tuple[str, str | None]]:
    rows = await house.rows(
        "SELECT state, whatsapp_id FROM ledger WHERE origin='agent' ORDER BY id"
    )
    return [(row["state"], row["whatsapp_id"]) for row in rows]


async def test_what_was_sent_is_recorded_and_not_sent_again(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [SENT]

        message = house.chat.agent_writes(chat.id, "resposta")
        await house.quiet()

        assert phone.calls.count("send") == 1
        assert await states(house) == [("accepted", ID)]
        assert message.status == "sent"
        assert await balanced(house)
        # From then on it is a message like any other.
        await phone.bring(reported(ID, DeliveryState.READ))
        await house.status(message, "read")


async def test_what_was_not_sent_is_sent_at_once_under_a_new_key(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [NOT_SENT]

        message = house.chat.agent_writes(chat.id, "resposta")
        house.chat.agent_writes(chat.id, "depois")
        await phone.has_sent(2)
        await house.quiet()

        assert phone.texts == ["resposta", "depois"]
        ((asked, _),) = phone.asked_about
        assert asked not in phone.keys
        assert [state for state, _ in await states(house)] == ["superseded", "accepted", "accepted"]
        assert message.status == "sent"
        assert await balanced(house)


async def test_the_log_is_asked_since_the_send_was_begun(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [SENT]

        house.chat.agent_writes(chat.id, "resposta")
        await house.quiet()

        rows = await house.rows("SELECT tag, created_at FROM ledger WHERE origin='agent'")
        assert phone.asked_about == [(row["tag"], row["created_at"]) for row in rows]


@pytest.mark.parametrize("first", [UNKNOWN, DOWN, Remembered(fate=Fate.SENT)])
async def test_while_the_log_does_not_know_it_is_asked_again(tmp_path, first):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [first, SENT]

        message = house.chat.agent_writes(chat.id, "resposta")
        await phone.called("remembered", 2)
        await house.quiet()

        assert phone.calls.count("send") == 1
        assert await states(house) == [("accepted", ID)]
        assert message.status == "sent"
        assert await balanced(house)


@pytest.mark.parametrize("always", [UNKNOWN, DOWN])
async def test_what_nobody_knows_becomes_uncertain_and_retry_sends_it(tmp_path, always):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [always]

        message = house.chat.agent_writes(chat.id, "resposta")
        await house.status(message, "failed")
        await house.quiet()
        assert phone.texts == []
        assert [state for state, _ in await states(house)] == ["uncertain"]

        phone.remembers = [UNKNOWN]
        house.chat.agent_retries(message.id)
        await phone.has_sent(1)
        assert await balanced(house)


async def test_a_status_with_our_key_still_settles_it(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [UNKNOWN]
        message = house.chat.agent_writes(chat.id, "resposta")
        await phone.called("remembered")
        ((tag, _), *_) = phone.asked_about

        await phone.bring(reported(ID, DeliveryState.SENT, tag=tag))
        await house.quiet()

        assert phone.calls.count("send") == 1
        assert await states(house) == [("sent", ID)]
        assert message.status == "sent"
        assert await balanced(house)


async def test_a_status_that_comes_while_the_log_is_asked_wins(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [NOT_SENT]
        gate = phone.gates["remembered"] = asyncio.Event()
        house.chat.agent_writes(chat.id, "resposta")
        await phone.called("remembered")
        ((tag, _),) = phone.asked_about

        await phone.bring(reported(ID, DeliveryState.SENT, tag=tag))
        gate.set()
        await house.quiet()

        assert phone.texts == []
        assert await states(house) == [("sent", ID)]
        assert await balanced(house)


async def test_a_status_that_came_before_the_id_was_known_settles_it(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [UNKNOWN_BUT_NAMED]
        gate = phone.gates["remembered"] = asyncio.Event()
        message = house.chat.agent_writes(chat.id, "resposta")
        await phone.called("remembered")

        await phone.bring(reported(ID, DeliveryState.DELIVERED))
        gate.set()
        await house.quiet()

        assert phone.calls.count("send") == 1
        assert await states(house) == [("delivered", ID)]
        assert message.status == "sent"
        assert await balanced(house)


async def test_an_id_without_a_status_settles_nothing(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [UNKNOWN_BUT_NAMED]

        message = house.chat.agent_writes(chat.id, "resposta")
        await house.status(message, "failed")
        await house.quiet()

        assert await states(house) == [("uncertain", None)]
        assert await balanced(house)


async def test_a_failure_that_is_certain_asks_nobody(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [DOWN]

        house.chat.agent_writes(chat.id, "resposta")
        await phone.has_sent(1)
        await house.quiet()

        assert phone.asked_about == []
        assert phone.texts == ["resposta"]


async def test_of_two_parts_only_the_one_that_was_not_sent_is_sent(tmp_path):
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [SENT]

        house.chat.agent_writes(chat.id, "a" * 65536 + "b")
        await phone.has_sent(1)
        await house.quiet()

        assert phone.texts == ["b"]
        assert await balanced(house)


@pytest.mark.parametrize(
    ("told", "texts"),
    [pytest.param(SENT, [], id="sent"), pytest.param(NOT_SENT, ["resposta"], id="not sent")],
)
async def test_after_a_crash_inside_the_send_the_log_knows(tmp_path, told, texts):
    """However long the service was down: the log could not be asked meanwhile."""
    async with house_of(tmp_path, options=PATIENT) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.gates["sending"] = asyncio.Event()
        message = house.chat.agent_writes(chat.id, "resposta")
        await phone.called("sending")

        await house.stop()
        phone.gates.clear()
        phone.remembers = [DOWN, told]
        house.clock.ahead_seconds += 1800
        await house.start()
        await open_up(house, phone)
        await phone.called("remembered", 2)
        await house.quiet()

        assert phone.texts == texts
        assert len(await ids(house)) == 1
        assert message.status == "sent"
        assert await balanced(house)


async def ids(house: House) -> list[str]:
    return [id_ for state, id_ in await states(house) if state == "accepted" and id_]


async def test_where_there_is_no_log_it_is_uncertain_as_before(tmp_path):
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]

        message = house.chat.agent_writes(chat.id, "resposta")
        await house.status(message, "failed")
        await house.quiet()

        assert phone.texts == []
        assert [state for state, _ in await states(house)] == ["uncertain"]


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        pytest.param(SENT, [], id="sent"),
        pytest.param(NOT_SENT, ["resposta"], id="not sent"),
        pytest.param(UNKNOWN, ["resposta"], id="still unknown"),
    ],
)
async def test_retry_asks_the_log_before_it_sends_again(tmp_path, told, sent):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [DOWN]
        message = house.chat.agent_writes(chat.id, "resposta")
        await house.status(message, "failed")
        await house.quiet()
        asked = len(phone.asked_about)

        phone.remembers = [told]
        house.chat.agent_retries(message.id)
        await phone.called("remembered", asked + 1)
        await house.quiet()

        assert phone.texts == sent
        assert message.status == "sent"
        assert len(await ids(house)) == 1
        assert await balanced(house)


async def test_retry_waits_while_the_log_cannot_be_asked(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [DOWN]
        message = house.chat.agent_writes(chat.id, "resposta")
        await house.status(message, "failed")
        await house.quiet()
        asked = len(phone.asked_about)

        phone.remembers = [DOWN, DOWN, SENT]
        house.chat.agent_retries(message.id)
        await phone.called("remembered", asked + 3)
        await house.quiet()

        assert phone.texts == []
        assert await ids(house) == [ID]
        assert await balanced(house)


async def test_what_is_settled_late_loses_its_red_mark_and_is_not_sent_again(tmp_path):
    async with house_of(tmp_path) as (house, phone):
        await open_up(house, phone)
        chat = await conversation(house, phone)
        phone.refuses["send"] = [BROKE]
        phone.remembers = [UNKNOWN]
        message = house.chat.agent_writes(chat.id, "resposta")
        await house.status(message, "failed")
        await house.quiet()
        ((tag, _), *_) = phone.asked_about

        await phone.bring(reported(ID, DeliveryState.DELIVERED, tag=tag))
        await house.status(message, "sent")
        await phone.bring(reported(ID, DeliveryState.READ))
        await house.status(message, "read")
        await house.quiet()

        assert phone.calls.count("send") == 1
        assert await balanced(house)
