"""Kinds of messages beyond texts and files, as other people's clients write them."""

from __future__ import annotations

import json
import time
from typing import Any

from google.protobuf.json_format import ParseDict

from support.whatsapp_web import protocols
from support.whatsapp_web.media import File


def of(**parts: Any) -> protocols.Message:
    """A message by its parts, in protobuf's JSON mapping. Raises for what is no field."""
    return ParseDict(parts, protocols.e2e.Message())


def wrapped(message: protocols.Message, *names: str) -> protocols.Message:
    """In envelopes, the innermost first: `ephemeralMessage`, `viewOnceMessageV2`, ..."""
    for name in names:
        inner, message = message, protocols.e2e.Message()
        getattr(message, name).message.CopyFrom(inner)
    return message


def round_video(file: File, **more: Any) -> protocols.Message:
    part = protocols.e2e.VideoMessage(**file.fields(), **more)
    return protocols.e2e.Message(ptvMessage=part)


def place(latitude: float, longitude: float, **more: Any) -> protocols.Message:
    where = {"degreesLatitude": latitude, "degreesLongitude": longitude}
    return of(locationMessage=where | more)


def live_place(latitude: float, longitude: float, **more: Any) -> protocols.Message:
    where = {"degreesLatitude": latitude, "degreesLongitude": longitude, "sequenceNumber": "1"}
    return of(liveLocationMessage=where | more)


def vcard(name: str, number: str) -> str:
    """As an iPhone writes it."""
    return (
        f"BEGIN:VCARD\nVERSION:3.0\nN:;{name};;;\nFN:{name}\n"
        f"item1.TEL;waid={number}:+{number}\nitem1.X-ABLabel:Celular\nEND:VCARD"
    )


def card(name: str, number: str) -> protocols.Message:
    return of(contactMessage={"displayName": name, "vcard": vcard(name, number)})


def cards(*people: tuple[str, str]) -> protocols.Message:
    listed = [{"displayName": name, "vcard": vcard(name, number)} for name, number in people]
    return of(contactsArrayMessage={"displayName": f"{len(people)} contatos", "contacts": listed})


def button_answer(chosen: str, shown: str) -> protocols.Message:
    said = {"selectedButtonID": chosen, "selectedDisplayText": shown, "type": "DISPLAY_TEXT"}
    return of(buttonsResponseMessage=said)


def list_answer(chosen: str, shown: str, description: str = "") -> protocols.Message:
    said = {
        "title": shown,
        "description": description,
        "listType": "SINGLE_SELECT",
        "singleSelectReply": {"selectedRowID": chosen},
    }
    return of(listResponseMessage=said)


def template_answer(chosen: str, shown: str) -> protocols.Message:
    return of(templateButtonReplyMessage={"selectedID": chosen, "selectedDisplayText": shown})


def native_answer(name: str, values: object, *, text: str) -> protocols.Message:
    """To a native flow, such as `quick_reply` or `flow`."""
    flow = {"name": name, "paramsJSON": json.dumps(values), "version": 3}
    return of(
        interactiveResponseMessage={"body": {"text": text}, "nativeFlowResponseMessage": flow}
    )


def native_menu(body: str, **buttons: object) -> protocols.Message:
    """With buttons by their names: the values of each as an object."""
    made = [
        {"name": name, "buttonParamsJSON": json.dumps(values)} for name, values in buttons.items()
    ]
    return of(interactiveMessage={"body": {"text": body}, "nativeFlowMessage": {"buttons": made}})


def pix_key(key: str, merchant: str) -> protocols.Message:
    code = {"key": key, "key_type": "EMAIL", "merchant_name": merchant}
    values = {
        "currency": "BRL",
        "total_amount": {"value": 0, "offset": 100},
        "reference_id": "4PVSNK5RNNJ",
        "payment_settings": [{"type": "pix_static_code", "pix_static_code": code}],
    }
    return native_menu("", payment_info=values)


def album(pictures: int) -> protocols.Message:
    """What comes before its pictures."""
    return of(albumMessage={"expectedImageCount": pictures})


def event(name: str, *, begins: int, **more: Any) -> protocols.Message:
    return of(eventMessage={"name": name, "startTime": str(begins)} | more)


def pinned(key: Any) -> protocols.Message:
    made = protocols.e2e.PinInChatMessage(key=key, senderTimestampMS=int(time.time() * 1000))
    made.type = protocols.e2e.PinInChatMessage.PIN_FOR_ALL
    return protocols.e2e.Message(pinInChatMessage=made)
