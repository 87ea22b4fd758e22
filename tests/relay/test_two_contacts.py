"""Two contacts of one person that nobody merges: whoever writes to one is answered there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.core.party import Party
from bridge.sim.chatwoot import Conversation, Message
from support.clientele import Line, Shop, client, shop
from support.sessions import balanced

ANA = client(1)
BY_NUMBER, BY_LID = ANA.alone[0], ANA.alone[-1]


async def writes(its: Shop, number: str, party: Party, nth: int) -> Message:
    """Somebody writes; gives what then stands in Chatwoot."""
    event = Line(number=number, client=ANA, party=party, text=f"{nth}", nth=nth).event
    await its.phones[number].bring(event)
    await its.house.quiet()
    return its.house.of(f"WAID:{event.id}")


def texts(chat: Conversation) -> list[str | None]:
    return [one.content for one in chat.messages if one.message_type == "incoming"]


@pytest.mark.parametrize(
    ("first", "second"), [(BY_LID, BY_NUMBER), (BY_NUMBER, BY_LID)], ids=["lid", "number"]
)
async def test_a_conversation_with_the_other_contact_goes_on_until_it_is_resolved(
    tmp_path: Path, first: Party, second: Party
) -> None:
    async with shop(tmp_path, merges=False) as its:
        mine = (await writes(its, "loja", first, 0)).conversation
        other = (await writes(its, "filial", second, 1)).conversation
        assert len(its.people) == 2
        await writes(its, "loja", ANA.together[0], 2)  # they turn out to be one

        assert (await writes(its, "filial", first, 3)).conversation is other
        assert texts(other) == ["1", "3"]
        its.house.chat.resolve(other.id)
        await its.house.quiet()
        new = (await writes(its, "filial", BY_NUMBER, 4)).conversation

        assert new is not other
        assert new.contact is mine.contact
        assert (await writes(its, "filial", BY_LID, 5)).conversation is new
        assert texts(new) == ["4", "5"]
        assert len(its.people) == 2
        assert await balanced(its.house)


async def test_an_agent_may_use_the_other_contact(tmp_path: Path) -> None:
    async with shop(tmp_path, merges=False) as its:
        house = its.house
        mine = (await writes(its, "loja", BY_LID, 0)).conversation
        twin = house.chat.agent_creates_contact("Ana", phone_number=f"+{ANA.long}")
        await writes(its, "loja", ANA.together[0], 1)
        filial = next(one for one in house.chat.inboxes.values() if its.number_of(one) == "filial")
        theirs = house.chat.agent_starts_conversation(twin.id, filial.id, "Olá, aqui é a filial")
        await its.phones["filial"].has_sent(1)
        await house.quiet()

        answer = await writes(its, "filial", BY_LID, 2)

        assert answer.conversation is theirs
        assert texts(theirs) == ["2"]
        assert texts(mine) == ["0", "1"]
        assert its.people == [mine.contact, twin]
        assert await balanced(house)
