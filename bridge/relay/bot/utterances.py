"""What a person wrote in one turn, put together: the texts of a burst, and its files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from bridge.core.content import (
    Answer,
    Card,
    Contacts,
    Content,
    Form,
    Location,
    Media,
    MediaKind,
    Text,
)
from bridge.core.flow import FileRef, Utterance
from bridge.relay.bot.memory import Heard
from bridge.typebot.taming import tamed

#: So much of a turn is said to a flow; WhatsApp's longest text is 65,536 characters.
LONGEST: Final = 65_536
MOST_FILES: Final = 30

#: What a caption looks like that phones make of a document's name.
_FILE_NAME: Final = re.compile(r"\S{1,100}\.\w{2,5}")

#: What Evolution calls a message, by kinds of ours (evolution-instance-typebot.md 5.8).
_TYPES: Final = {
    MediaKind.IMAGE: "imageMessage",
    MediaKind.VIDEO: "videoMessage",
    MediaKind.AUDIO: "audioMessage",
    MediaKind.DOCUMENT: "documentMessage",
    MediaKind.STICKER: "stickerMessage",
}
_ANSWERS: Final = {"list": "listResponseMessage", "template": "templateButtonReplyMessage"}


def utterance_of(heard: Sequence[Heard]) -> Utterance:
    """All messages of a turn as one: texts joined by line breaks, files in their order."""
    contents = [one.content for one in heard]
    files = [file for one in heard if (file := _file(one)) is not None]
    choices = [one.id for one in contents if isinstance(one, Answer) and one.id]
    return Utterance(
        text=_joined(_readable(one) for one in contents),
        choice=choices[-1] if choices else None,
        files=tuple(files[:MOST_FILES]),
        strange=tuple(kind for one in contents if (kind := _strange(one)) is not None),
    )


def words_of(heard: Sequence[Heard]) -> str:
    """What a turn says in words of the person's own: triggers go by this alone.

    Empty for stickers, places, files without a caption: nothing is triggered by them.
    """
    return _joined(_words(one.content) for one in heard)


def type_of(content: Content) -> str:
    """Evolution's word for a kind of message."""
    match content:
        case Text() | Form():
            return "conversation"
        case Media(media=media):
            return _TYPES[media]
        case Location(live=live):
            return "liveLocationMessage" if live else "locationMessage"
        case Contacts(cards=cards):
            return "contactMessage" if len(cards) == 1 else "contactsArrayMessage"
        case Answer(source=source):
            return _ANSWERS.get(source, "buttonsResponseMessage")
        case _:
            return f"{content.kind}Message"


def _joined(parts: Iterable[str]) -> str:
    return tamed("\n".join(part for part in parts if part.strip())[:LONGEST])


def _words(content: Content) -> str:
    match content:
        case Text(body=body):
            return body
        case Media():
            return _caption(content)
        case Answer(title=title, id=id_):
            return title or id_ or ""
        case Form(body=body):
            return body or ""
        case _:
            return ""


def _readable(content: Content) -> str:
    """What of a message can be read by a flow, a place and a contact included."""
    match content:
        case Location(latitude=latitude, longitude=longitude):
            return f"{latitude}, {longitude}"
        case Contacts(cards=cards):
            return "\n".join(_card(card) for card in cards)
        case _:
            return _words(content)


def _caption(media: Media) -> str:
    """Without what is only the name of the file (typebot-api.md 5, number 12)."""
    caption = (media.caption or "").strip()
    is_name = media.media is MediaKind.DOCUMENT and _FILE_NAME.fullmatch(caption)
    return "" if is_name or caption == (media.filename or "").strip() else caption


def _card(card: Card) -> str:
    return " ".join(part for part in (card.name, *(one.number for one in card.phones)) if part)


def _file(heard: Heard) -> FileRef | None:
    content = heard.content
    if not isinstance(content, Media) or content.media is MediaKind.STICKER:
        return None
    return FileRef(
        message_id=heard.id,
        media=content.media,
        mime=content.mime,
        name=content.filename,
        size=content.size,
        voice=content.voice,
    )


def _strange(content: Content) -> str | None:
    """The kind of what is no answer by itself."""
    match content:
        case Text() | Answer() | Form(body=str()):
            return None
        case Media(media=media):
            return "sticker" if media is MediaKind.STICKER else None
        case _:
            return content.kind
