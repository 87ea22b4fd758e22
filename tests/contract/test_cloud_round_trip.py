"""The Cloud channel against the stand-in for Meta: what one sends, the other understands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bridge.core.connection import LinkState
from bridge.core.content import Media, MediaKind
from bridge.core.message import Received
from bridge.core.outgoing import OutgoingMedia, OutgoingText
from bridge.core.party import Party
from bridge.errors import PeerBroke, PeerBusy, PeerDown, PeerGone, PeerLocked, PeerRefused
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.sim.graph import File, GraphSim, Route, faults
from bridge.whatsapp.cloud.client import CloudChannel
from bridge.whatsapp.cloud.parser import parse

MARINA = Party(wa_id="5511987650001")
AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
async def sim() -> AsyncIterator[GraphSim]:
    stand_in = GraphSim()
    async with stand_in.serving():
        yield stand_in


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    client = Http(Guard({"127.0.0.1"}))
    yield client
    await client.close()


@pytest.fixture
def channel(sim: GraphSim, http: Http) -> CloudChannel:
    return CloudChannel(
        http=http,
        base_url=sim.base_url or "",
        version="v26.0",
        phone_number_id=next(iter(sim.numbers)),
        access_token=sim.access_token,
        timeout=5.0,
    )


async def test_a_text_arrives_with_its_key(sim: GraphSim, channel: CloudChannel) -> None:
    accepted = await channel.send(MARINA, OutgoingText(body="Olá"), key="job-1")
    (sent,) = sim.sent
    assert (sent.wamid, sent.text, sent.callback_data) == (accepted.id, "Olá", "job-1")
    assert accepted.wa_id == "5511987650001"


async def test_a_file_arrives(sim: GraphSim, channel: CloudChannel, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"%PDF-1.7 hello")
    content = OutgoingMedia(
        media=MediaKind.DOCUMENT,
        path=str(file),
        mime="application/pdf",
        filename="nota.pdf",
        caption="Sua nota",
    )
    await channel.send(MARINA, content, key="job-2")
    (sent,) = sim.sent
    assert sent.media_id is not None
    assert sim.media[sent.media_id].data == b"%PDF-1.7 hello"
    assert (sent.text, sent.body["document"]["filename"]) == ("Sua nota", "nota.pdf")


async def test_a_picture_of_a_customer_is_parsed_and_fetched(
    sim: GraphSim, channel: CloudChannel, tmp_path: Path
) -> None:
    _, payload = sim.draft(
        "5511987650001", file=File(kind="image", data=b"\xff\xd8\xff", mime="image/jpeg")
    )
    (event,) = parse(orjson.loads(orjson.dumps(payload)), received_at=AT)
    assert isinstance(event, Received)
    assert isinstance(event.content, Media)
    got = await channel.fetch(event.content, tmp_path / "a", limit=100)
    assert (tmp_path / "a").read_bytes() == b"\xff\xd8\xff"
    assert got.sha256 == event.content.sha256


async def test_an_unknown_file_is_gone(channel: CloudChannel, tmp_path: Path) -> None:
    unknown = Media(media=MediaKind.IMAGE, handle="1290000000000000", mime="image/jpeg")
    with pytest.raises(PeerGone):
        await channel.fetch(unknown, tmp_path / "a", limit=100)


async def test_the_number_is_open(channel: CloudChannel) -> None:
    link = await channel.link()
    assert (link.state, link.reason) == (LinkState.OPEN, None)
    assert link.display_number == "+55 11 3000-1234"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.error(131056), PeerBusy),
        (faults.error(130429), PeerBusy),
        (faults.error(190), PeerLocked),
        (faults.error(131042), PeerLocked),
        (faults.error(131047), PeerRefused),
        (faults.error(131000), PeerBroke),
        (faults.broken(acted=True), PeerBroke),
        (faults.reset(acted=True), PeerBroke),
    ],
)
async def test_what_meta_refuses_has_its_class(
    sim: GraphSim, channel: CloudChannel, fault: faults.Fault, expected: type[Exception]
) -> None:
    sim.faults.next(Route.MESSAGES, fault)
    with pytest.raises(expected):
        await channel.send(MARINA, OutgoingText(body="x"), key="k")
    assert sim.requests[Route.MESSAGES] == 1


async def test_a_broken_upload_sends_nothing(
    sim: GraphSim, channel: CloudChannel, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xd8\xff")
    sim.faults.next(Route.UPLOAD, faults.reset(acted=True))
    content = OutgoingMedia(
        media=MediaKind.IMAGE, path=str(tmp_path / "x"), mime="image/jpeg", filename="x.jpg"
    )
    with pytest.raises(PeerDown):
        await channel.send(MARINA, content, key="k")
    assert sim.requests[Route.MESSAGES] == 0
