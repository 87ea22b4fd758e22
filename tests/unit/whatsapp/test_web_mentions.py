"""Numbers of members in a text to a group become mentions; all others stay as they were typed."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.clock import ManualClock
from bridge.core.content import MediaKind
from bridge.core.outgoing import OutgoingLocation, OutgoingMedia, OutgoingText
from bridge.core.party import Party
from bridge.errors import PeerDown
from bridge.whatsapp.web.mentions import Mentions

GROUP = Party(group="120363000000000001@g.us")
MEMBERS = {
    "members": [
        {"jid": "77@lid", "lid": "77@lid", "pn": "553190000001@s.whatsapp.net"},
        {"jid": "4915100000001@s.whatsapp.net", "lid": None, "pn": None},
        {"jid": None, "lid": 5, "pn": ["x"]},
        "nonsense",
    ]
}


class Worker:
    def __init__(self, answer: Any = MEMBERS) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, op: str, args: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((op, args))
        if isinstance(self.answer, Exception):
            raise self.answer
        found: dict[str, Any] = self.answer
        return found


async def said(body: str, worker: Worker | None = None, to: Party = GROUP) -> tuple[str, Any]:
    mentions = Mentions((worker or Worker()).ask, ManualClock())
    content, jids = await mentions.resolve(to, OutgoingText(body=body))
    assert isinstance(content, OutgoingText)
    return content.body, jids


@pytest.mark.parametrize(
    ("body", "expected", "jids"),
    [
        ("@553190000001 olá", "@77 olá", ("77@lid",)),
        ("@+553190000001, veja", "@77, veja", ("77@lid",)),
        pytest.param("@5531990000001", "@77", ("77@lid",), id="with the ninth digit"),
        ("@4915100000001", "@4915100000001", ("4915100000001@s.whatsapp.net",)),
        ("@77 @77777 @553190000001", "@77 @77777 @77", ("77@lid",)),
        ("x@553190000001", "x@553190000001", ()),
        ("@5531900000019", "@5531900000019", ()),
        (
            "@4915100000001\n@553190000001",
            "@4915100000001\n@77",
            ("4915100000001@s.whatsapp.net", "77@lid"),
        ),
    ],
)
async def test_who_is_meant(body: str, expected: str, jids: tuple[str, ...]) -> None:
    assert await said(body) == (expected, jids)


@pytest.mark.parametrize(
    ("body", "to"),
    [("bom dia", GROUP), ("a@b.example", GROUP), ("@553190000001", Party(wa_id="553190000001"))],
)
async def test_nobody_is_asked_where_nobody_can_be_meant(body: str, to: Party) -> None:
    worker = Worker()
    assert await said(body, worker, to) == (body, ())
    assert worker.asked == []


async def test_a_text_goes_out_also_when_nobody_knows_the_members() -> None:
    body = "@553190000001"
    assert await said(body, Worker(PeerDown("no"))) == (body, ())
    assert await said(body, Worker({})) == (body, ())


async def test_members_are_asked_for_once_in_a_while() -> None:
    worker, clock = Worker(), ManualClock()
    mentions = Mentions(worker.ask, clock)
    for _ in range(3):
        await mentions.resolve(GROUP, OutgoingText(body="@553190000001"))
    assert worker.asked == [("group", {"jid": GROUP.group})]
    clock.advance(301)
    await mentions.resolve(GROUP, OutgoingText(body="@553190000001"))
    assert len(worker.asked) == 2


async def test_captions_mention_too_and_other_kinds_do_not() -> None:
    mentions = Mentions(Worker().ask, ManualClock())
    file = OutgoingMedia(
        media=MediaKind.IMAGE, path="/x", mime="image/png", filename="x", caption="@553190000001"
    )
    told, jids = await mentions.resolve(GROUP, file)
    assert isinstance(told, OutgoingMedia)
    assert (told.caption, jids) == ("@77", ("77@lid",))
    place = OutgoingLocation(latitude=0, longitude=0)
    assert await mentions.resolve(GROUP, place) == (place, ())
