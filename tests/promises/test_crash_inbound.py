"""Promise 2, into Chatwoot: the service dies at each await of the inbound road, and yet: once."""

from __future__ import annotations

import pytest

from bridge.sim.pictures import png
from support.crashing import Road, crash_everywhere
from support.crossing import Crossing

MARINA = "5511987650001"
INBOUND = ("accept meta", "inbound", "settle inbound")
PICTURE = png(24, 24)


async def nothing(its: Crossing) -> None:
    """The road begins at its beginning."""


async def known(its: Crossing) -> None:
    await its.customer(MARINA, "first", name="Marina")


async def one_person(its: Crossing) -> None:
    contacts = [one for one in its.chat.contacts.values() if one.phone_number]
    assert [one.phone_number for one in contacts] == [f"+{MARINA}"]
    assert len(contacts[0].contact_inboxes) == 1
    assert len(its.customers_conversations()) == 1


def leftovers(its: Crossing) -> list[str]:
    return [path.name for path in (its.ponte.data / "spool").iterdir()]


async def write_first(its: Crossing, _: None) -> None:
    await its.customer(MARINA, "first", name="Marina")


async def only_first(its: Crossing, _: None) -> None:
    assert [one.content for one in its.incoming()] == ["first"]
    await one_person(its)


async def write_second(its: Crossing, _: None) -> None:
    await its.customer(MARINA, "second")


async def first_and_second(its: Crossing, _: None) -> None:
    assert [one.content for one in its.incoming()] == ["first", "second"]
    await one_person(its)


async def write_picture(its: Crossing, _: None) -> None:
    await its.customer(MARINA, image=PICTURE, caption="second")


async def first_and_picture(its: Crossing, _: None) -> None:
    await first_and_second(its, None)
    files = its.incoming()[1].attachments
    assert [one.data for one in files] == [PICTURE]
    assert leftovers(its) == []


ROADS = {
    "first message of a new person": Road(
        places=INBOUND, prepare=nothing, walk=write_first, check=only_first
    ),
    "message in a known chat": Road(
        places=INBOUND, prepare=known, walk=write_second, check=first_and_second
    ),
    "picture in a known chat": Road(
        places=INBOUND, prepare=known, walk=write_picture, check=first_and_picture
    ),
}


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())
@pytest.mark.timeout(120)
async def test_a_customers_message_arrives_once_wherever_the_service_dies(world, road):
    steps = await crash_everywhere(world, road)
    assert steps > 10
