"""Every sample of a worker's events becomes exactly the event that it means."""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import (
    Answer,
    Card,
    Contacts,
    Content,
    Location,
    Media,
    MediaKind,
    Phone,
    Poll,
    Text,
    Unsupported,
)
from bridge.core.message import (
    EVENT,
    Called,
    DeliveryState,
    Edited,
    Event,
    Reacted,
    Received,
    Revoked,
    SentByPhone,
    StatusReported,
    Unhandled,
)
from bridge.core.party import Party
from bridge.whatsapp.web.parser import events

SAMPLES: dict[str, Any] = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "whatsapp" / "web").glob("*.json"))
}
AT = datetime(2026, 11, 21, 18, tzinfo=UTC)
GROUP = "120363000000000001@g.us"
MARINA = Party(wa_id="5511987650001", name="Marina Alves")
MARINA_LID = Party(wa_id="5511987650001", lid="204871936502817", name="Marina Alves")
HER_IDS = Party(wa_id="5511987650001", lid="204871936502817")
TIAGO = Party(wa_id="558588880002", lid="118273645009182", name="Tiago Nunes")


def read(name: str) -> list[Event]:
    sample = SAMPLES[name]
    return events(sample["event"], sample["data"], number="shop", received_at=AT)


def at(name: str) -> datetime:
    return datetime.fromtimestamp(SAMPLES[name]["data"]["at_ms"] / 1000, UTC)


def received(name: str, content: Content, sender: Party = MARINA, **more: Any) -> Received:
    given_id = {"id": SAMPLES[name]["data"]["id"], **more}
    return Received(number="shop", sender=sender, at=at(name), content=content, **given_id)


def sent(name: str, content: Content, chat: Party) -> SentByPhone:
    data = SAMPLES[name]["data"]
    return SentByPhone(number="shop", id=data["id"], chat=chat, at=at(name), content=content)


def file(name: str, kind: str, media: MediaKind, mime: str, **more: Any) -> Media:
    """A file; its handle is what the sample says, without what no download needs."""
    message = SAMPLES[name]["data"]["message"]
    for wrapper in ("documentWithCaptionMessage", "viewOnceMessageV2"):
        message = message[wrapper]["message"] if wrapper in message else message
    body = message[kind]
    needed = ("directPath", "fileEncSHA256", "fileLength", "fileSHA256", "mediaKey")
    handle = {field: body[field] for field in (*needed, "mediaKeyTimestamp", "mimetype")}
    return Media(
        media=media,
        handle=orjson.dumps({"videoMessage" if kind == "ptvMessage" else kind: handle}).decode(),
        mime=mime,
        sha256=base64.b64decode(body["fileSHA256"]).hex(),
        size=183422,
        **more,
    )


def vcard(name: str, number: int = 0) -> str:
    body = SAMPLES[name]["data"]["message"]
    cards = body.get("contactsArrayMessage", {}).get("contacts") or [body["contactMessage"]]
    return str(cards[number]["vcard"])


def left_out(rule: str, detail: str | None = None) -> Unhandled:
    return Unhandled(number="shop", rule=f"web.{rule}", detail=detail)


def status(name: str, message_id: str, state: DeliveryState, **more: Any) -> StatusReported:
    return StatusReported(number="shop", id=message_id, state=state, at=at(name), **more)


PAULO = Card(
    name="Paulo Oficina",
    phones=(Phone(number="+55 85 8888-0002", wa_id="558588880002", label="Celular"),),
    vcard=vcard("contact"),
)

AD = {
    "headline": "Semana da bike",
    "body": "Frete grátis",
    "media_type": "IMAGE",
    "thumbnail_url": "https://scontent.xx.fbcdn.net/t.jpg",
    "source_type": "ad",
    "source_id": "120210000000000001",
    "source_url": "https://fb.me/9zQexample",
    "ctwa_clid": "AfExampleClid",
    "conversion_source": "FB_Ads",
    "conversion_data": SAMPLES["ad_referral"]["data"]["message"]["extendedTextMessage"][
        "contextInfo"
    ]["conversionData"],
    "entry_point_source": "ctwa_ad",
    "entry_point_app": "instagram",
}

#: Sample -> the events that it means.
MEANT: dict[str, list[Event]] = {
    name: [event]
    for name, event in {
        "ad_referral": received("ad_referral", Text(body="Quero saber mais"), referral=AD),
        "app_state_keys": left_out("protocol", "APP_STATE_SYNC_KEY_SHARE"),
        "audio": received(
            "audio",
            file("audio", "audioMessage", MediaKind.AUDIO, "audio/mpeg", seconds=181),
            MARINA_LID,
        ),
        "broadcast_list": received("broadcast_list", Text(body="boas festas"), MARINA_LID),
        "buttons_response": received(
            "buttons_response",
            Answer(source="button", title="Falar com vendas", id="menu:1"),
            reply_to="BAE5A1B2C3D4E5F7",
        ),
        "call_video": Called(
            number="shop",
            id="D8B7A1C2E3F40516",
            caller=HER_IDS,
            at=at("call_video"),
            handle='{"from":"204871936502817@lid","id":"D8B7A1C2E3F40516"}',
            video=True,
        ),
        "contact": received("contact", Contacts(cards=(PAULO,))),
        "contacts_array": received(
            "contacts_array",
            Contacts(
                cards=(
                    PAULO,
                    Card(
                        name="Disk Gás",
                        phones=(
                            Phone(number="+55 11 3234-5678", wa_id="551132345678", label="Celular"),
                        ),
                        vcard=vcard("contacts_array", 1),
                    ),
                )
            ),
        ),
        "document": received(
            "document",
            file(
                "document",
                "documentMessage",
                MediaKind.DOCUMENT,
                "application/pdf",
                filename="Boleto março.pdf",
            ),
            MARINA_LID,
        ),
        "document_with_caption": received(
            "document_with_caption",
            file(
                "document_with_caption",
                "documentMessage",
                MediaKind.DOCUMENT,
                "application/pdf",
                filename="Nota.pdf",
                caption="segue a nota",
            ),
            MARINA_LID,
        ),
        "edit": Edited(
            number="shop",
            id=SAMPLES["edit"]["data"]["id"],
            target="3A0177C0FFEE5A1D20B4",
            chat=MARINA_LID,
            at=at("edit"),
            content=Text(body="Oi, tudo bom?"),
        ),
        "ephemeral_text": received(
            "ephemeral_text", Text(body="some em um dia"), MARINA_LID, forwarded=True
        ),
        "from_phone": sent(
            "from_phone", Text(body="Oi, aqui é o Jorge, do celular"), Party(wa_id="5511987650001")
        ),
        "gif": received(
            "gif",
            file("gif", "videoMessage", MediaKind.VIDEO, "video/mp4", animated=True),
            MARINA_LID,
        ),
        "group": received("group", Text(body="reunião 15h"), TIAGO, group=GROUP),
        "group_from_phone": sent(
            "group_from_phone", Text(body="aviso a todos"), Party(group=GROUP)
        ),
        "history": left_out("history", "INITIAL_BOOTSTRAP"),
        "image": received(
            "image",
            file("image", "imageMessage", MediaKind.IMAGE, "image/jpeg", caption="Chegou assim"),
        ),
        "lid_only": received(
            "lid_only", Text(body="oi"), Party(lid="118273645009182", name="Rafa")
        ),
        "lid_with_phone": received("lid_with_phone", Text(body="bom dia"), MARINA_LID),
        "list_response": received(
            "list_response",
            Answer(
                source="list",
                title="Financeiro",
                id="setor:financeiro",
                description="Boletos e notas",
            ),
            reply_to="BAE5A1B2C3D4E5F8",
        ),
        "location": received(
            "location",
            Location(
                latitude=-23.561414,
                longitude=-46.655881,
                name="MASP",
                address="Av. Paulista, 1578",
            ),
            MARINA_LID,
        ),
        "note_to_self": left_out("own_chat"),
        "poll": received(
            "poll",
            Poll(question="Que dia?", options=("Segunda", "Terça"), most=1),
            MARINA_LID,
        ),
        "reaction": Reacted(
            number="shop",
            id=SAMPLES["reaction"]["data"]["id"],
            target="BAE5A1B2C3D4E5F6",
            chat=MARINA,
            at=at("reaction"),
            emoji="❤️",
        ),
        "receipt_delivered": status(
            "receipt_delivered",
            "3EB0A1B2C3D4E5F6A7B8C9",
            DeliveryState.DELIVERED,
            recipient=HER_IDS,
        ),
        "receipt_read_in_group": left_out("receipt", "read"),
        "revoke": Revoked(
            number="shop",
            id=SAMPLES["revoke"]["data"]["id"],
            target="3A0177C0FFEE5A1D20B4",
            chat=MARINA_LID,
            at=at("revoke"),
        ),
        "sender_key_only": left_out("empty"),
        "settled_sent": status(
            "settled_sent", "3EB0A1B2C3D4E5F6A7B8C9", DeliveryState.SENT, tag="0a1b2c.7.0.1"
        ),
        "status_update": left_out("status"),
        "sticker": received(
            "sticker", file("sticker", "stickerMessage", MediaKind.STICKER, "image/webp")
        ),
        "template_button_reply": received(
            "template_button_reply",
            Answer(source="template", title="Confirmar", id="CONFIRMAR"),
            reply_to="BAE5A1B2C3D4E5F9",
        ),
        "text": received("text", Text(body="Oi, tudo bem?")),
        "text_reply": received("text_reply", Text(body="esse aqui"), reply_to="BAE5A1B2C3D4E5F6"),
        "undecryptable": received(
            "undecryptable",
            Unsupported(upstream="undecryptable", raw={"unavailable": False}),
            MARINA_LID,
            id=f"{SAMPLES['undecryptable']['data']['id']}~undecryptable",
        ),
        "video": received(
            "video",
            file(
                "video",
                "videoMessage",
                MediaKind.VIDEO,
                "video/mp4",
                caption="olha isso",
                seconds=13,
            ),
        ),
        "video_note": received(
            "video_note",
            file("video_note", "ptvMessage", MediaKind.VIDEO, "video/mp4", round=True, seconds=9),
            MARINA_LID,
        ),
        "view_once_image": received(
            "view_once_image",
            file("view_once_image", "imageMessage", MediaKind.IMAGE, "image/jpeg", view_once=True),
            MARINA_LID,
        ),
        "voice_note": received(
            "voice_note",
            file(
                "voice_note",
                "audioMessage",
                MediaKind.AUDIO,
                "audio/ogg; codecs=opus",
                voice=True,
                seconds=7,
            ),
            MARINA_LID,
        ),
    }.items()
} | {
    "receipt_read": [
        status("receipt_read", one, DeliveryState.READ, recipient=HER_IDS, tag=tag)
        for one, tag in (
            ("3EB0A1B2C3D4E5F6A7B8C9", None),
            ("3EB0A1B2C3D4E5F6A7B8CA", "0a1b2c.7.0.1"),
        )
    ]
}


def test_every_sample_is_meant() -> None:
    assert MEANT.keys() == SAMPLES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_gives_the_events_that_it_means(name: str) -> None:
    assert read(name) == MEANT[name]


@pytest.mark.parametrize("name", SAMPLES)
def test_events_survive_the_queue(name: str) -> None:
    for event in read(name):
        assert EVENT.validate_json(orjson.dumps(event)) == event


@pytest.mark.parametrize("name", SAMPLES)
def test_parsing_changes_nothing_in_what_came(name: str) -> None:
    before = copy.deepcopy(SAMPLES[name])
    read(name)
    assert SAMPLES[name] == before


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(found for key, inner in items for found in _paths(inner, (*path, key)))]


_JUNK = st.sampled_from([None, True, -1, 2**70, 1.5, "", "\ud800", "x" * 600, [], [None], {}])


@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_a_sample_with_junk_anywhere_still_gives_events(name: str, data: st.DataObject) -> None:
    sample = copy.deepcopy(SAMPLES[name])
    paths = [path for path in _paths(sample["data"]) if path]
    for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3)):
        place: Any = sample["data"]
        try:
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = data.draw(_JUNK)
        except (KeyError, IndexError, TypeError):
            continue  # another junk has replaced what it stood in
    found = events(sample["event"], sample["data"], number="shop", received_at=AT)
    assert found
    for event in found:
        assert EVENT.validate_json(orjson.dumps(event)) == event
