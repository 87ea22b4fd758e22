"""The service dies at each await of a deletion: the instance is there whole, or gone whole."""

from __future__ import annotations

import aiohttp
import pytest

from support.crashing import Road, crash_everywhere
from support.crossing import HTTP_OK, Crossing
from support.ponte_process import poll

NAME = "loja"
MARINA, RUI = "5511987650001", "5511987650002"
TABLES = (
    "instance",
    "chatwoot_inbox",
    "connection",
    "chat",
    "ledger",
    "seen",
    "person",
    "identity_key",
)
#: Nothing hangs here, and machines are slow at times.
PATIENT = {"chatwoot": {"timeout_seconds": 15}}


async def in_a_chat(its: Crossing) -> None:
    await its.customer(MARINA, "Oi")
    await its.quiet()
    its.chat.agent_writes(its.customers_conversations()[0].id, "Bom dia")


async def ask_for_it(its: Crossing, **query: str) -> int | None:
    """The status of one deletion, None when no answer came."""
    try:
        answer = await its.api("DELETE", f"/instance/delete/{NAME}", params=query)
    except (aiohttp.ClientError, OSError):
        return None
    return answer.status


async def delete_once(its: Crossing, _: None) -> None:
    await ask_for_it(its)
    await its.ponte.up.wait()
    await its.customer(RUI, "ainda aí?")


async def delete_all_until_told(its: Crossing, _: None) -> None:
    while await ask_for_it(its, inbox="delete") is None:
        await its.ponte.up.wait()


async def whole_or_gone(its: Crossing, _: None) -> None:
    answer = await its.api("GET", "/instance/fetchInstances")
    assert answer.status == HTTP_OK
    if await answer.json():
        assert [one.content for one in its.incoming()] == ["Oi", "ainda aí?"]
        assert await ask_for_it(its) == HTTP_OK
    await gone(its)
    assert len(its.chat.inboxes) == 1
    await its.provision()  # its name and its number are free


async def gone_with_its_inbox(its: Crossing, _: None) -> None:
    await gone(its)
    assert its.chat.inboxes == {}
    assert [one for one in its.chat.contacts.values() if one.name == "Ponte"] == []


async def gone(its: Crossing) -> None:
    """Nothing of it is left, what a death cut off included."""
    await poll(lambda: not left(its), seconds=10)
    told = "SELECT COUNT(*) FROM event WHERE name='instance.delete'"
    assert its.ponte.query(told) == [(1,)]


def left(its: Crossing) -> bool:
    counts = " + ".join(f"(SELECT COUNT(*) FROM {table})" for table in TABLES)  # noqa: S608
    return its.ponte.query(
        f"SELECT {counts} + (SELECT COUNT(*) FROM job WHERE instance_id IS NOT NULL)"  # noqa: S608
    ) != [(0,)]


ROADS = {
    "asked once": Road(
        places=(f"accept instance/delete/{NAME}",),
        prepare=in_a_chat,
        walk=delete_once,
        check=whole_or_gone,
    ),
    "with its inbox, until told": Road(
        places=(f"accept instance/delete/{NAME}",),
        prepare=in_a_chat,
        walk=delete_all_until_told,
        check=gone_with_its_inbox,
    ),
}


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())
@pytest.mark.timeout(120)
async def test_it_is_there_whole_or_gone_whole_wherever_the_service_dies(world, road):
    assert await crash_everywhere(world, road, sections=PATIENT) > 10
