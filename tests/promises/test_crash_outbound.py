"""Promise 2, onto WhatsApp: the service dies at each await of the outbound road, and yet: never
twice; once, or visibly failed with the reason."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bridge.sim.chatwoot import Message
from bridge.sim.pictures import png
from support.crashing import Road, crash_everywhere
from support.crossing import Crossing

MARINA = "5511987650001"
OUTBOUND = ("accept chatwoot", "outbound", "settle outbound")
PICTURE = png(24, 24)
#: Longer than one WhatsApp message (4,096 characters), so it goes as two.
LONG = " ".join(f"word{number:04d}" for number in range(700))


async def in_a_chat(its: Crossing) -> int:
    await its.customer(MARINA, "Oi", name="Marina")
    await its.quiet()
    return its.customers_conversations()[0].id


async def write_text(its: Crossing, chat: int) -> None:
    its.chat.agent_writes(chat, "Bom dia")


async def write_long(its: Crossing, chat: int) -> None:
    its.chat.agent_writes(chat, LONG)


async def write_picture(its: Crossing, chat: int) -> None:
    its.chat.agent_writes(chat, "Veja", attachments=[("foto.png", PICTURE, "image/png")])


async def write_picture_and_long(its: Crossing, chat: int) -> None:
    its.chat.agent_writes(chat, LONG, attachments=[("foto.png", PICTURE, "image/png")])


def agents_message(its: Crossing) -> Message:
    return next(one for one in its.chat.messages() if one.message_type == "outgoing")


async def text_or_why(its: Crossing, _: int) -> None:
    whole_or_why(its, ["Bom dia"])


async def picture_or_why(its: Crossing, _: int) -> None:
    whole_or_why(its, ["Veja"])
    for one in its.graph.sent:
        assert its.graph.media[one.media_id].data == PICTURE
    if agents_message(its).status != "failed":
        assert leftovers(its) == []


async def long_or_why(its: Crossing, _: int) -> None:
    whole_or_why(its, [None] * 2)
    if len(its.graph.sent) == 2:
        assert " ".join(one.text for one in its.graph.sent) == LONG


async def picture_and_long_or_why(its: Crossing, _: int) -> None:
    whole_or_why(its, [None] * 3)
    sent = [one.type for one in its.graph.sent]
    assert sent == ["text", "text", "image"][: len(sent)]


def whole_or_why(its: Crossing, texts: Sequence[str | None]) -> None:
    """Each part at most once; all of them, and then no red mark, or a red mark with the reason."""
    message, sent = agents_message(its), its.graph.sent
    assert len({one.callback_data for one in sent}) == len(sent)
    for one, text in zip(sent, texts, strict=False):
        assert text in (None, one.text)
    if len(sent) == len(texts):
        assert (message.status, message.external_error) != ("failed", None)
        assert message.status != "failed", message.external_error
    else:
        assert len(sent) < len(texts)
        assert message.status == "failed"
        assert message.external_error


def leftovers(its: Crossing) -> list[str]:
    return [path.name for path in (its.ponte.data / "spool").iterdir()]


ROADS = {
    "text": Road(places=OUTBOUND, prepare=in_a_chat, walk=write_text, check=text_or_why),
    "text of two parts": Road(
        places=OUTBOUND, prepare=in_a_chat, walk=write_long, check=long_or_why
    ),
    "picture with a caption": Road(
        places=OUTBOUND, prepare=in_a_chat, walk=write_picture, check=picture_or_why
    ),
    "picture and a text of two parts": Road(
        places=OUTBOUND,
        prepare=in_a_chat,
        walk=write_picture_and_long,
        check=picture_and_long_or_why,
    ),
    "statuses of a text": Road(
        places=("accept meta",), prepare=in_a_chat, walk=write_text, check=text_or_why
    ),
}


@pytest.mark.parametrize("road", ROADS.values(), ids=ROADS.keys())
@pytest.mark.timeout(120)
async def test_an_agents_message_is_sent_once_or_marked_wherever_the_service_dies(world, road):
    steps = await crash_everywhere(world, road)
    assert steps > 5
