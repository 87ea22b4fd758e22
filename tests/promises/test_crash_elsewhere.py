"""The service dies at each await of the side roads: catching up, marking, linking two chats."""

from __future__ import annotations

import pytest

from bridge.sim.graph import faults
from support.crashing import Road, crash_everywhere
from support.crossing import Crossing

MARINA = "5511987650001"
BSUID = "BR.00000000000000000042"


async def in_a_chat(its: Crossing) -> int:
    await its.customer(MARINA, "Oi", name="Marina")
    await its.quiet()
    return its.customers_conversations()[0].id


# catching up: what an agent wrote while nobody listened ---------------------------------------


async def missed(its: Crossing) -> int:
    chat = await in_a_chat(its)
    await its.ponte.kill()
    its.chat.agent_writes(chat, "um")
    its.chat.agent_writes(chat, "dois")
    await its.chat.settled()
    return chat


async def do_nothing(its: Crossing, _: int) -> None:
    """The start alone sets it going."""


async def both_sent(its: Crossing, _: int) -> None:
    assert [one.text for one in its.graph.sent] == ["um", "dois"]
    outgoing = [one for one in its.chat.messages() if one.message_type == "outgoing"]
    assert [one.status for one in outgoing] == ["sent", "sent"]


# marking a failure ----------------------------------------------------------------------------


async def refused(its: Crossing) -> int:
    its.graph.faults.always(faults.Route.MESSAGES, faults.error(131026))
    return await in_a_chat(its)


async def write(its: Crossing, chat: int) -> None:
    its.chat.agent_writes(chat, "Bom dia")


async def marked(its: Crossing, _: int) -> None:
    assert its.graph.sent == []
    message = next(one for one in its.chat.messages() if one.message_type == "outgoing")
    assert message.status == "failed"
    assert message.external_error


# linking: a person known by number, and one known by BSUID, turn out to be the same -----------


async def two_strangers(its: Crossing) -> int:
    await its.customer(MARINA, "número", bsuid=None)
    await its.customer(None, "bsuid", bsuid=BSUID)
    await its.quiet()
    return 0


async def write_with_both(its: Crossing, _: int) -> None:
    await its.customer(MARINA, "os dois", bsuid=BSUID)
    await its.customer(None, "depois", bsuid=BSUID)


async def all_four_once(its: Crossing, _: int) -> None:
    texts = [one.content for one in its.incoming()]
    assert sorted(texts) == sorted(["número", "bsuid", "os dois", "depois"])
    assert texts.index("os dois") < texts.index("depois")
    assert its.ponte.query("SELECT COUNT(*) FROM chat WHERE merged_into IS NULL") == [(1,)]


ROADS = {
    "catching up": Road(
        places=("catch_up", "settle catch_up"),
        prepare=missed,
        walk=do_nothing,
        check=both_sent,
        from_start=True,
    ),
    "marking a failure": Road(
        places=("report", "settle report"), prepare=refused, walk=write, check=marked
    ),
    "linking two chats": Road(
        places=("accept meta", "link", "settle link", "inbound", "settle inbound"),
        prepare=two_strangers,
        walk=write_with_both,
        check=all_four_once,
    ),
}


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())
@pytest.mark.timeout(120)
async def test_nothing_is_lost_or_doubled_wherever_the_service_dies(world, road):
    assert await crash_everywhere(world, road) > 5
