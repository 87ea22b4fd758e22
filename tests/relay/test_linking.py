"""Two chats turn out to be one person's."""

from __future__ import annotations

from bridge.relay.lanes import to_chatwoot
from bridge.sim.chatwoot import Conversation
from bridge.sim.graph import Route, faults
from bridge.sim.pictures import png
from support.bridge_house import MARINA, House

BSUID = "BR.13491200000000000001"


async def two_chats(house: House) -> tuple[Conversation, Conversation]:
    """One person, once known by number only and once by BSUID only."""
    by_number = await house.talk(MARINA, "pelo número", bsuid=None)
    id_ = await house.graph.customer_writes(None, "sem número", bsuid=BSUID)
    await house.quiet()
    by_bsuid = house.of(f"WAID:{id_}").conversation
    assert by_number is not by_bsuid
    return by_number, by_bsuid


async def test_an_event_with_both_ids_makes_one_person_of_two(house: House) -> None:
    by_number, _ = await two_chats(house)
    assert await house.talk(MARINA, "os dois", bsuid=BSUID) is by_number
    id_ = await house.graph.customer_writes(None, "e de novo", bsuid=BSUID)
    await house.quiet()
    assert house.of(f"WAID:{id_}").conversation is by_number
    people = await house.rows("SELECT DISTINCT person_id FROM identity_key")
    bot = await house.rows("SELECT id FROM chat WHERE merged_into IS NULL")
    assert (len(people), len(bot)) == (1, 1)


async def test_what_waits_in_both_lanes_keeps_its_order(house: House) -> None:
    await two_chats(house)
    down = house.chat.faults.fail(502)
    await house.graph.customer_writes(MARINA, "1", bsuid=None)
    await house.graph.customer_writes(None, "2", bsuid=BSUID)
    await house.graph.customer_writes(MARINA, "3", bsuid=None)
    await house.graph.customer_writes(None, "4", bsuid=BSUID)
    await house.graph.customer_writes(MARINA, "5", bsuid=BSUID)
    await house.graph.customer_writes(None, "6", bsuid=BSUID)
    await house.chat.wait_for(lambda: down.hits >= 2)
    down.off()
    await house.quiet()
    shown = [text for text in house.shown() if text.isdigit()]
    assert sorted(shown) == list("123456")
    assert [text for text in shown if text in "135"] == list("135")
    assert [text for text in shown if text in "246"] == list("246")
    assert max(map(shown.index, "1234")) < shown.index("5") < shown.index("6")
    assert set((await house.balance()).values()) == {0}


async def test_what_waits_in_the_younger_chat_moves_over_before_what_comes_later(
    house: House,
) -> None:
    by_number, _ = await two_chats(house)
    (kept,) = await house.rows("SELECT id FROM chat WHERE conversation_id=?", by_number.id)
    house.graph.faults.next(Route.DOWNLOAD, faults.hang(0.5, acted=True))
    await house.graph.customer_writes(None, image=png(), bsuid=BSUID)
    waiting = await house.graph.customer_writes(None, "espera", bsuid=BSUID)
    await house.graph.customer_writes(MARINA, "os dois", bsuid=BSUID)
    await house.quiet()
    shown = house.shown()
    assert shown.index("espera") < shown.index("os dois")
    (job,) = await house.rows("SELECT lane FROM job WHERE ref=?", waiting)
    assert job["lane"] == to_chatwoot(kept["id"])


async def test_agents_may_answer_in_both_conversations(house: House) -> None:
    by_number, by_bsuid = await two_chats(house)
    await house.talk(MARINA, "os dois", bsuid=BSUID)
    house.chat.agent_writes(by_bsuid.id, "resposta na antiga")
    house.chat.agent_writes(by_number.id, "resposta na outra")
    await house.quiet()
    assert sorted(text or "" for text in house.texts) == [
        "resposta na antiga",
        "resposta na outra",
    ]
    assert {sent.to for sent in house.graph.sent} == {MARINA}


async def test_an_agents_first_message_teaches_us_the_bsuid(house: House) -> None:
    """The customer may answer without showing a number."""
    contact = house.chat.agent_creates_contact("Marina", phone_number=f"+{MARINA}")
    chat = house.chat.agent_starts_conversation(contact.id, house.inbox.id, "Olá")
    (sent,) = await house.sent()
    await house.quiet()
    id_ = await house.graph.customer_writes(None, "Oi!", bsuid=sent.person.bsuid)
    await house.quiet()
    assert house.of(f"WAID:{id_}").conversation is chat


async def test_a_number_that_changed_hands_makes_no_one_person_of_two(house: House) -> None:
    """Two people with ids of their own: one has given up the number that the other has now."""
    other = "BR.13491200000000000002"
    before = await house.talk(MARINA, "era meu", bsuid=BSUID)
    id_ = await house.graph.customer_writes(None, "ainda sem número", bsuid=other)
    await house.quiet()
    heir = house.of(f"WAID:{id_}").conversation
    assert heir is not before

    assert await house.talk(MARINA, "agora é meu", bsuid=other) is heir
    id_ = await house.graph.customer_writes(None, "sou a de antes", bsuid=BSUID)
    await house.quiet()
    assert house.of(f"WAID:{id_}").conversation is before
    house.chat.agent_writes(before.id, "para a de antes")
    (sent,) = await house.sent()
    assert sent.body["recipient"] == BSUID
