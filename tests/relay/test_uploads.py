"""Files of agents on their way from Chatwoot: late, moved, odd, too large, or none at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from bridge.clock import ManualClock
from bridge.core.content import MediaKind
from bridge.core.outgoing import OutgoingMedia
from bridge.engine.queue import Job, Road
from bridge.errors import PeerBroke
from bridge.net.guard import Guard
from bridge.net.http import Http
from bridge.relay.directory import Entry
from bridge.relay.outgoing import AgentFile
from bridge.relay.recordings import Recordings
from bridge.relay.uploads import Unsendable, UploadLimits, Uploads
from bridge.sim.pictures import jpeg, png
from bridge.voice.notes import VoiceNotes
from bridge.whatsapp.channel import Capabilities, Channel
from bridge.whatsapp.cloud.capabilities import CAPABILITIES as CLOUD
from bridge.whatsapp.web.capabilities import CAPABILITIES as WEB
from support.bridge_house import bridge_house
from support.instances import inbox, instance
from support.sounds import encoded, wav

STORAGE = "/rails/active_storage"
MIB = 2**20


class EagerClock(ManualClock):
    """Whoever waits is waited for: time passes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[int] = []

    async def wait(self, event: asyncio.Event, until: int | None) -> None:  # noqa: ARG002
        assert until is not None
        self.waits.append(until - self.ms())
        self.advance((until - self.ms()) / 1000)


@dataclass
class Storage:
    """Chatwoot's address of a file, and where it redirects to. The last answer repeats."""

    url: str = ""
    answers: list[tuple[int, bytes, str]] = field(default_factory=list)
    location: str = f"{STORAGE}/disk/1"
    asked: list[str] = field(default_factory=list)

    def holds(self, data: bytes, mime: str = "application/octet-stream") -> None:
        self.answers.append((200, data, mime))

    def misses(self, times: int = 1, status: int = 404) -> None:
        self.answers += [(status, b"", "text/html")] * times

    async def redirect(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(status=302, headers={"Location": self.location})

    async def give(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        status, body, mime = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, body=body, headers={"Content-Type": mime})


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    made = Storage()
    app = web.Application()
    app.router.add_get(f"{STORAGE}/blobs/{{rest:.*}}", made.redirect)
    app.router.add_get(f"{STORAGE}/disk/{{rest:.*}}", made.give)
    async with TestServer(app) as server:
        made.url = str(server.make_url(f"{STORAGE}/blobs/redirect/key/file"))
        yield made


@dataclass(kw_only=True)
class Desk:
    """Takes files from the storage."""

    storage: Storage
    http: Http
    spool: Path
    clock: EagerClock = field(default_factory=EagerClock)
    recordings: Recordings = field(default_factory=lambda: Recordings(None, wanted=False))
    most: int = 100 * MIB
    readable: float = 10

    async def fetch(
        self, able: Capabilities = WEB, *, caption: str | None = None, **file: Any
    ) -> OutgoingMedia:
        uploads = Uploads(
            self.http,
            self.spool,
            limits=UploadLimits(most=self.most, timeout=20, readable=self.readable),
            recordings=self.recordings,
            clock=self.clock,
        )
        entry = Entry(
            instance=instance("loja"),
            inbox=inbox("loja", url=self.storage.url.partition("/rails")[0]),
            channel=cast("Channel", AbleChannel(able)),
            chatwoot=None,
            channel_peer="WhatsApp",
            fallback_language="en",
        )
        asked = AgentFile(**{"url": self.storage.url, "kind": "file", "name": "file"} | file)
        return await uploads.fetch(self.job(), 0, entry, asked, caption=caption)

    def job(self) -> Job:
        values: dict[str, Any] = dict.fromkeys(Job.__slots__, None)
        values |= {"id": 7, "road": Road.OUTBOUND, "steps": [], "payload": b""}
        return Job(**values | {"accepted_at": EagerClock().ms()})

    def left(self) -> list[str]:
        return [one.name for one in self.spool.iterdir()]


def content(sent: OutgoingMedia) -> bytes:
    return Path(sent.path).read_bytes()


@dataclass
class AbleChannel:
    """All that is asked of a channel here."""

    capabilities: Capabilities


@pytest.fixture
async def desk(storage: Storage, tmp_path: Path) -> AsyncIterator[Desk]:
    http = Http(Guard(["127.0.0.1"]))
    yield Desk(storage=storage, http=http, spool=tmp_path)
    await http.close()


# -- not there yet ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["404", "403", "empty"])
async def test_a_file_that_chatwoot_is_still_storing_is_waited_for(desk: Desk, first: str) -> None:
    if first == "empty":
        desk.storage.answers += [(200, b"", "image/png")] * 3
    else:
        desk.storage.misses(3, status=int(first))
    desk.storage.holds(png(9, 9), "image/png")
    sent = await desk.fetch()
    assert sent.media is MediaKind.IMAGE
    assert desk.clock.waits == [250, 500, 1000]


@pytest.mark.parametrize(
    ("answer", "cause"), [((404, b"", ""), "attachment.gone"), ((200, b"", ""), "attachment.empty")]
)
async def test_after_a_while_it_is_given_up(desk: Desk, answer: Any, cause: str) -> None:
    desk.storage.answers.append(answer)
    with pytest.raises(Unsendable) as caught:
        await desk.fetch()
    assert caught.value.cause == cause
    assert sum(desk.clock.waits) == 10_000
    assert len(desk.clock.waits) < 10


async def test_an_old_message_is_not_waited_for(desk: Desk) -> None:
    desk.clock.advance(11)
    desk.storage.misses()
    with pytest.raises(Unsendable):
        await desk.fetch()
    assert desk.clock.waits == []


async def test_the_whole_house_waits_for_the_storage(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, options={"relay": {"file_wait_seconds": 60}}) as house:
        chat = await house.talk()
        house.chat.faults.fail(404, route="GET file", times=1)
        house.chat.agent_writes(chat.id, "", attachments=[("a.png", png(9, 9), "image/png")])
        (sent,) = await house.sent()
        assert sent.type == "image"


async def test_a_storage_that_fails_is_retried_by_the_queue(desk: Desk) -> None:
    desk.storage.misses(status=500)
    with pytest.raises(PeerBroke):
        await desk.fetch()
    assert desk.clock.waits == []


# -- elsewhere ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data", "http://10.0.0.7/secret", "file:///etc/passwd"],
)
async def test_a_redirect_into_the_private_network_is_not_followed(
    desk: Desk, location: str
) -> None:
    desk.storage.location = location
    with pytest.raises(Unsendable) as caught:
        await desk.fetch()
    assert caught.value.cause == "attachment.address"
    assert (desk.clock.waits, desk.left()) == ([], [])


async def test_a_name_that_only_chatwoot_can_resolve_is_replaced_by_ours(desk: Desk) -> None:
    desk.storage.holds(b"%PDF-1.4", "application/pdf")
    path = "/rails" + desk.storage.url.partition("/rails")[2]
    sent = await desk.fetch(url=f"http://rails:3000{path}")
    assert sent.mime == "application/pdf"


# -- odd ----------------------------------------------------------------------------------------

OGG = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(60)
VORBIS = b"OggS\0\2" + bytes(20) + b"\1\x1e\1vorbis" + bytes(60)
STICKER = b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + b"\xff\1\0" * 2 + bytes(20)
PHOTO = b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\3\0" * 2 + bytes(20)
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(40)
MOV = b"\0\0\0\x14ftypqt  \0\0\0\0qt  "
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm" + bytes(20)
ZIP = b"PK\3\4\x14\0\6\0" + bytes(40)


@pytest.mark.parametrize(
    ("data", "told", "name", "kind", "mime"),
    [
        (jpeg(), "application/octet-stream", "a.bin", "image", "image/jpeg"),
        (jpeg(), "application/pdf", "a.pdf", "image", "image/jpeg"),
        (b"<html>login</html>", "image/jpeg", "a.jpg", "document", "text/html"),
        (b"bom dia", "video/mp4", "a.mp4", "document", "application/octet-stream"),
        (b"GIF89a" + bytes(20), "image/gif", "a.gif", "document", "image/gif"),
        (b"<svg xmlns=''></svg>", "image/svg+xml", "a.svg", "document", "image/svg+xml"),
        (b"II*\0" + bytes(40), "image/tiff", "a.tif", "document", "image/tiff"),
        (HEIC, "image/jpeg", "a.jpg", "document", "image/heic"),
        (STICKER, "image/webp", "a.webp", "sticker", "image/webp"),
        (PHOTO, "image/webp", "a.webp", "document", "image/webp"),
        (MP4, "application/octet-stream", "a.mp4", "video", "video/mp4"),
        (MP4, "audio/mp4", "a.m4a", "audio", "audio/mp4"),
        (MOV, "video/mp4", "a.mp4", "document", "video/quicktime"),
        (WEBM, "video/webm", "a.webm", "document", "video/webm"),
        (WEBM, "audio/webm", "a.webm", "document", "audio/webm"),
        (OGG, "video/ogg", "a.ogg", "audio", "audio/ogg"),
        (VORBIS, "application/ogg", "a.ogg", "audio", "audio/ogg"),
        (b"\xff\xf3\x40\xc4" + bytes(400), "audio/mp3", "a.mp3", "audio", "audio/mpeg"),
        (b"\xff\xf3\x40\xc4" + bytes(400), "", "a.mp3", "audio", "audio/mpeg"),
        (wav(0.01), "audio/x-wav", "a.wav", "document", "audio/wav"),
        (ZIP, "application/octet-stream", "a.XLS", "document", "application/vnd.ms-excel"),
        (ZIP, "application/zip", "a.docx", "document", "application/zip"),
        (b"nome;valor\n", "text/csv; charset=utf-8", "a.csv", "document", "text/csv"),
        (b"%PDF-1.4", "application/octet-stream", "sem nome", "document", "application/pdf"),
        (b"\x07\x08", "nonsense", "a", "document", "application/octet-stream"),
    ],
)  # fmt: skip
async def test_what_is_in_a_file_says_as_what_it_is_sent(  # noqa: PLR0917
    desk: Desk, data: bytes, told: str, name: str, kind: str, mime: str
) -> None:
    desk.storage.holds(data, told)
    sent = await desk.fetch(name=name)
    assert (sent.media.value, sent.mime, sent.filename) == (kind, mime, name)
    assert sent.voice is False
    assert sent.animated is (data is STICKER)
    assert content(sent) == data


async def test_a_picture_with_a_text_is_no_sticker(desk: Desk) -> None:
    desk.storage.holds(STICKER, "image/webp")
    sent = await desk.fetch(caption="veja")
    assert (sent.media, sent.caption) == (MediaKind.DOCUMENT, "veja")


# -- too large ----------------------------------------------------------------------------------


async def test_what_is_too_large_for_its_kind_goes_as_a_document(desk: Desk) -> None:
    desk.storage.holds(jpeg() + bytes(5 * MIB), "image/jpeg")
    assert (await desk.fetch(CLOUD)).media is MediaKind.DOCUMENT
    assert (await desk.fetch(WEB)).media is MediaKind.IMAGE


@pytest.mark.parametrize(
    ("most", "document", "says"),
    [
        (2 * MIB, 4 * MIB, "larger than 2 MB, the most that this server passes on"),
        (100 * MIB, MIB, "larger than 1 MB, the most that WhatsApp accepts"),
    ],
)
async def test_whose_limit_it_was_is_said_and_nothing_stays(
    desk: Desk, most: int, document: int, says: str
) -> None:
    rules = {
        kind: replace(rule, max_bytes=min(rule.max_bytes, document))
        for kind, rule in WEB.sendable.items()
    }
    desk.most = most
    desk.storage.holds(bytes(3 * MIB), "application/pdf")
    with pytest.raises(Unsendable, match=says) as caught:
        await desk.fetch(replace(WEB, sendable=rules))
    assert caught.value.cause == "attachment.too_big"
    assert (desk.left(), desk.clock.waits) == ([], [])


# -- sound --------------------------------------------------------------------------------------


@pytest.mark.parametrize("able", [WEB, CLOUD], ids=["web", "cloud"])
async def test_a_recording_becomes_a_voice_note(desk: Desk, able: Capabilities) -> None:
    desk.recordings = Recordings(VoiceNotes(), wanted=True)
    desk.storage.holds(encoded(wav(2), "mp3"), "audio/mpeg")
    sent = await desk.fetch(able, kind="audio", name="b1946ac9.mp3")
    assert (sent.media, sent.mime, sent.voice, sent.seconds) == (
        MediaKind.AUDIO,
        "audio/ogg",
        True,
        2,
    )
    assert len(sent.waveform or b"") == 64
    assert content(sent).startswith(b"OggS")
    assert desk.left() == ["out-7-0"]


async def test_a_voice_note_is_passed_on_as_it_is(desk: Desk) -> None:
    desk.recordings = Recordings(VoiceNotes(), wanted=True)
    note = encoded(wav(2), "ogg")
    desk.storage.holds(note, "audio/ogg")
    sent = await desk.fetch(kind="audio")
    assert (sent.voice, sent.seconds, len(sent.waveform or b"")) == (True, 2, 64)
    assert content(sent) == note


async def test_without_the_optional_part_sound_stays_as_it_is_and_that_is_said_once(
    desk: Desk,
) -> None:
    desk.recordings = Recordings(None, wanted=True)
    desk.storage.holds(b"ID3\4" + bytes(40), "audio/mpeg")
    with capture_logs() as logs:
        for _ in range(2):
            sent = await desk.fetch(kind="audio")
            assert (sent.media, sent.voice, sent.mime) == (MediaKind.AUDIO, False, "audio/mpeg")
        desk.storage.answers[:] = [(200, OGG, "audio/ogg")]
        assert (await desk.fetch(kind="audio")).voice is True
    assert [one["event"] for one in logs] == ["voice.not_installed"]


@pytest.mark.parametrize(
    ("data", "told", "kind"),
    [
        (b"ID3\4" + bytes(400), "audio/mpeg", MediaKind.AUDIO),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav", MediaKind.DOCUMENT),
    ],
)
async def test_sound_that_cannot_be_read_goes_as_the_file_that_it_is(
    desk: Desk, data: bytes, told: str, kind: MediaKind
) -> None:
    desk.recordings = Recordings(VoiceNotes(), wanted=True)
    desk.storage.holds(data, told)
    with capture_logs() as logs:
        sent = await desk.fetch(kind="audio")
    assert (sent.media, sent.voice, sent.seconds) == (kind, False, None)
    assert content(sent) == data
    assert desk.left() == ["out-7-0"]
    assert [one["event"] for one in logs] == ["voice.not_made"]


async def test_the_settings_may_leave_sound_alone(desk: Desk) -> None:
    desk.recordings = Recordings(VoiceNotes(), wanted=False)
    desk.storage.holds(OGG, "audio/ogg")
    sent = await desk.fetch(kind="audio")
    assert (sent.media, sent.voice) == (MediaKind.AUDIO, False)


async def test_sound_with_a_text_is_a_document_that_has_one(desk: Desk) -> None:
    desk.recordings = Recordings(VoiceNotes(), wanted=True)
    desk.storage.holds(OGG, "audio/ogg")
    sent = await desk.fetch(kind="audio", caption="ouça")
    assert (sent.media, sent.caption, sent.voice) == (MediaKind.DOCUMENT, "ouça", False)
