"""What agents see of each kind of message, and of what surrounds it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.core.content import (
    Answer,
    Card,
    Contacts,
    Content,
    Form,
    Invitation,
    Location,
    Media,
    MediaKind,
    Menu,
    Order,
    OrderLine,
    Payment,
    Phone,
    Poll,
    Product,
    Text,
    Unsupported,
)
from bridge.core.party import Party
from bridge.sim.graph.records import File
from bridge.sim.pictures import jpeg, png
from support.bridge_house import MARINA, RUI, bridge_house
from support.qr_events import GROUP, typed, wrote
from support.sessions import balanced, bring, open_up, qr_house

#: The head of an Ogg file with Opus, as phones record it.
VOICE = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(30)
#: Keeps what machines are told.
NEWER = {"version": "4.13.0"}
RUI_AND_LID = Party(wa_id=RUI, lid="103899771990001", name="Rui")

KINDS: list[tuple[Content, str]] = [
    (Text(body="*oi*"), "**oi**"),
    (Location(latitude=-23.5, longitude=-46.6), "query=-23.5,-46.6"),
    (Contacts(cards=(Card(name="Ana", phones=(Phone(number="+5511900000001"),)),)), "+551190"),
    (Answer(source="list", title="Segunda via", id="row-2"), "Segunda via"),
    (Form(source="flow", values={"cor": "azul"}), "**cor:** azul"),
    (Order(lines=(OrderLine(product="sku-1", quantity=2),)), "• 2 × sku-1"),
    (Product(title="Camisa"), "**Camisa**"),
    (Payment(what="request", amount="10", currency="BRL"), "R$ 10.00"),
    (Poll(question="Qual?", options=("A", "B")), "• B"),
    (
        Invitation(what="event", title="Feira", begins=datetime(2026, 11, 21, tzinfo=UTC)),
        "2026-11-21, 00:00 (UTC)",
    ),
    (Menu(body="Escolha", options=("Um",)), "• Um"),
    (Unsupported(upstream="carrierPigeon", raw={}), "carrierPigeon"),
]


def held(handle: str = "1", kind: MediaKind = MediaKind.IMAGE, **more: object) -> Media:
    given: dict[str, object] = {"mime": "application/octet-stream", **more}
    return Media(media=kind, handle=handle, **given)  # type: ignore[arg-type]


async def test_each_kind_is_shown_once_and_says_what_it_is(tmp_path: Path) -> None:
    async with qr_house(tmp_path, chatwoot=NEWER) as (house, phone):
        await open_up(house, phone)
        events = [wrote(content) for content, _ in KINDS]
        await bring(house, phone, *events, *events)

        assert len(house.shown()) == len(KINDS)
        for event, (content, wanted) in zip(events, KINDS, strict=True):
            shown = house.of(f"WAID:{event.id}")
            assert wanted in (shown.content or "")
            told = shown.content_attributes["whatsapp"]
            assert (told["kind"], told["id"]) == (content.kind, event.id)
        assert await balanced(house)


async def test_an_official_number_shows_places_files_and_answers(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, chatwoot={"version": "4.15.0"}) as house:
        place = {"latitude": -23.5, "longitude": -46.6, "name": "Padaria"}
        await house.talk(text=None, message={"type": "location", "location": place})
        reply = {"type": "list_reply", "list_reply": {"id": "row-2", "title": "Segunda via"}}
        await house.talk(text=None, message={"type": "interactive", "interactive": reply})
        voice = house.graph.add_media(VOICE, "audio/ogg; codecs=opus")
        audio = {"id": voice, "mime_type": "audio/ogg; codecs=opus", "voice": True}
        chat = await house.talk(text=None, message={"type": "audio", "audio": audio})

        first, second, third = (one for one in chat.messages if one.message_type == "incoming")
        assert "Padaria" in (first.content or "")
        assert second.content == "Segunda via"
        assert second.content_attributes["whatsapp"]["answer_id"] == "row-2"
        (file,) = third.attachments
        assert (file.file_type, file.meta) == ("audio", {"is_voice_message": True})
        assert (file.blob.filename, third.content) == ("audio.ogg", None)


async def test_an_older_chatwoot_drops_the_attributes_and_shows_the_same(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, chatwoot={"version": "4.2.0"}) as house:
        first = await house.graph.customer_writes(MARINA, "pergunta")
        await house.talk(text="sobre isso", reply_to=first)
        chat = await house.talk(text=None, image=png(), caption="foto")
        assert house.shown() == ["pergunta", "sobre isso", "foto"]
        quoted, answer, picture = chat.messages
        assert answer.content_attributes["in_reply_to"] == quoted.id
        assert "whatsapp" not in picture.content_attributes


async def test_what_surrounds_a_message_is_decoration(tmp_path: Path) -> None:
    ad = {
        "source_url": "https://fb.example/ad",
        "source_id": "120-ad",
        "ctwa_clid": "clid-1",
        "headline": "*Oferta*",
        "body": "x" * 5000,
        "image_url": "https://nobody.invalid/picture",
        "odd": [{"deep": "\0"}],
    }
    async with qr_house(tmp_path, chatwoot=NEWER) as (house, phone):
        await open_up(house, phone)
        lead = wrote("Quero", referral=ad)
        broken = wrote("Quero também", referral={"headline": {"no": 1}, "source_url": "x:y"})
        often = wrote("Corrente", forwarded=True, forwarded_often=True)
        once = wrote("Recado", forwarded=True)
        asks = wrote("Tem?", product={"catalog_id": "c", "product_retailer_id": "sku-1"})
        await bring(house, phone, lead, broken, often, once, asks)

        text, ad_text, rest = house.shown()[0].partition("\n\n_📣")
        assert (text, bool(ad_text)) == ("Quero", True)
        assert r"**\*Oferta\***" in rest
        assert rest.endswith("…\nhttps://fb.example/ad")
        assert len(rest) < 600
        told = house.of(f"WAID:{lead.id}").content_attributes["whatsapp"]["referral"]
        assert (told["source_id"], told["ctwa_clid"]) == ("120-ad", "clid-1")
        assert house.shown()[1].startswith("Quero também")
        assert house.shown()[2] == "_⏩ Forwarded many times_\n\nCorrente"
        assert house.shown()[3] == "_↪️ Forwarded_\n\nRecado"
        assert house.shown()[4] == "**Asks about the product:** sku-1\n\nTem?"
        product = house.of(f"WAID:{asks.id}").content_attributes["whatsapp"]["product"]
        assert product == {"catalog_id": "c", "product_retailer_id": "sku-1"}


async def test_mentions_have_the_names_that_we_know(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        await bring(house, phone, wrote("oi", sender=RUI_AND_LID))
        mentions = (Party(lid=RUI_AND_LID.lid), Party(lid="103899771990002"))
        text = f"@{RUI_AND_LID.lid} e @103899771990002"
        await bring(house, phone, wrote(text, group=GROUP, mentions=mentions))
        assert house.shown()[-1].endswith("\n\n@Rui e @103899771990002")


async def test_what_our_phone_wrote_runs_no_liquid(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        place = typed(Location(latitude=1, longitude=2, name="{{ contact.name }}{% if %}"))
        await bring(house, phone, place)
        shown = house.of(f"WAID:{place.id}")
        assert shown.message_type == "outgoing"
        assert "{\u200b{" in (shown.content or "")
        assert "{%" not in (shown.content or "")


#: What WhatsApp tells of a file, what is in it, and how Chatwoot is to know it.
FILES: list[tuple[Media, bytes, tuple[str, str, str]]] = [
    (held(), png(), ("image.png", "image/png", "image")),
    (held(mime="image/jpeg"), png(), ("image.png", "image/png", "image")),
    (held(mime="image/jpeg"), jpeg(), ("image.jpg", "image/jpeg", "image")),
    (
        held(kind=MediaKind.AUDIO, mime="audio/ogg; codecs=opus", voice=True),
        VOICE,
        ("audio.ogg", "audio/ogg", "audio"),
    ),
    (
        held(kind=MediaKind.DOCUMENT, filename="../nota\u202efdp.jpg"),
        b"%PDF-1.7 ",
        ("notafdp.pdf", "application/pdf", "file"),
    ),
    (
        held(kind=MediaKind.DOCUMENT, filename="planilha.xlsx", mime="text/csv"),
        b"a;b\n",
        ("planilha.xlsx", "text/csv", "file"),
    ),
    (
        held(kind=MediaKind.STICKER, mime="application/was"),
        b"PK\3\4" + bytes(30),
        ("sticker.was", "application/was", "file"),
    ),
    (
        held(kind=MediaKind.STICKER, mime="image/webp", animated=True),
        b"RIFF\x24\0\0\0WEBPVP8X" + bytes(24),
        ("sticker.webp", "image/webp", "image"),
    ),
    (
        held(kind=MediaKind.VIDEO, mime=""),
        b"",
        ("video", "application/octet-stream", "file"),
    ),
]


async def test_a_file_is_what_is_in_it(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        events = []
        for number, (media, data, _) in enumerate(FILES):
            phone.files[f"{number}"] = data
            events.append(wrote(replace(media, handle=f"{number}")))
        await bring(house, phone, *events)

        for event, (media, data, wanted) in zip(events, FILES, strict=True):
            shown = house.of(f"WAID:{event.id}")
            (file,) = shown.attachments
            assert (file.blob.filename, file.blob.mime, file.file_type) == wanted
            assert file.blob.data == data
            is_lottie = media.mime == "application/was"
            assert ("Animated sticker" in (shown.content or "")) is is_lottie


@pytest.mark.parametrize("policy", ["show", "placeholder"])
async def test_what_is_to_be_seen_once(tmp_path: Path, policy: str) -> None:
    options = {"relay": {"view_once": policy}}
    async with qr_house(tmp_path, options=options) as (house, phone):
        await open_up(house, phone)
        phone.files["1"] = png()
        event = wrote(held(view_once=True, round=True, caption="segredo"))
        await bring(house, phone, event)
        shown = house.of(f"WAID:{event.id}")
        marks = "_🎥 Video note · 1️⃣ View once_\n\n"
        if policy == "show":
            assert (shown.content, len(shown.attachments)) == (f"{marks}segredo", 1)
        else:
            note = "[image, to be seen once: look at the phone]\n\nsegredo"
            assert (shown.content, len(shown.attachments)) == (f"{marks}{note}", 0)


async def test_what_could_not_be_read_is_answered_by_the_message_itself(tmp_path: Path) -> None:
    async with qr_house(tmp_path) as (house, phone):
        await open_up(house, phone)
        waiting = wrote(Unsupported(upstream="undecryptable", raw={}), id="3AA1~undecryptable")
        await bring(house, phone, waiting, wrote("outra"), wrote("enfim", id="3AA1"))
        placeholder, late = house.of("WAID:3AA1~undecryptable"), house.of("WAID:3AA1")
        assert late.content == "enfim"
        assert late.content_attributes["in_reply_to"] == placeholder.id
        assert len(house.shown()) == 3


async def test_a_file_that_is_too_large_says_how_large_one_may_be(tmp_path: Path) -> None:
    async with bridge_house(tmp_path, options={"cloud": {"max_media_mb": 1}}) as house:
        large = File(kind="document", data=bytes(1024 * 1024 + 1), mime="text/plain")
        chat = await house.talk(text=None, file=large)
        (shown,) = chat.messages
        assert "larger than the limit of this server, 1 MB" in (shown.content or "")
        assert "/retry" not in (shown.content or "")
