"""What lies behind the addresses of a flow, as far as they tell: pictures, films, documents. Pure.

Nothing is fetched here; who fetches guards against where an address leads.
"""

from __future__ import annotations

import re
from posixpath import basename
from typing import Final
from urllib.parse import unquote, urlsplit

from bridge.core.content import MediaKind
from bridge.core.flow import Attachment, Bubble, Line
from bridge.core.lines import one_line

LONGEST: Final = 4000
_LONGEST_NAME = 100
#: A host with a path: a name alone might as well be that of a file.
_HOST = re.compile(
    r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.[a-z]{2,24}(?::\d{1,5})?[/?#].*", re.IGNORECASE
)
_GIPHY = re.compile(r"(https://[\w-]+\.giphy\.com/media/[^?#\s]+)\.gif", re.ASCII)

_MEDIA: Final = {
    **dict.fromkeys(("jpg", "jpeg", "png", "webp"), MediaKind.IMAGE),
    **dict.fromkeys(("mp4", "3gp", "mov", "m4v", "webm", "avi"), MediaKind.VIDEO),
    **dict.fromkeys(("mp3", "ogg", "oga", "opus", "m4a", "aac", "amr", "wav"), MediaKind.AUDIO),
}
#: As Typebot's own channel has them (typebot-api.md 2), and their neighbours.
_DOCUMENTS: Final = frozenset(
    {"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf", "txt"}
    | {"csv", "zip", "rar", "7z", "tar", "gz", "tgz", "json", "xml", "js", "apk", "epub", "ics"}
)
_EMBEDS: Final = {
    "youtube": "https://youtu.be/{}",
    "vimeo": "https://vimeo.com/{}",
    "tiktok": "https://www.tiktok.com/embed/v2/{}",
    "gumlet": "https://play.gumlet.io/embed/{}",
}
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def is_web(url: str) -> bool:
    """Whether it is an address of the web, whole and on one line."""
    if len(url) > LONGEST or not url.lower().startswith(("https://", "http://")):
        return False
    try:
        return bool(urlsplit(url).hostname) and not any(mark <= " " for mark in url)
    except ValueError:
        return False


def whole(url: str) -> str | None:
    """An address of the web, also if it was written without ``https://``; None for others."""
    url = url.strip()
    if url.startswith("//"):
        url = f"https:{url}"
    elif _HOST.fullmatch(url[:LONGEST]):
        url = f"https://{url}"
    return url if is_web(url) else None


def is_writable(url: str) -> bool:
    """Whether it leads to a person: a mail, a call, a text message."""
    return url.lower().startswith(("mailto:", "tel:", "sms:")) and len(url) <= LONGEST


def extension(url: str) -> str:
    """The extension of the file that an address names, in lower case, without the dot."""
    _, dot, last = basename(urlsplit(url).path).rpartition(".")
    return last.lower() if dot else ""


def kind(url: str) -> MediaKind | None:
    """What kind of file an address names, if it is one that can be sent."""
    found = extension(url)
    return MediaKind.DOCUMENT if found in _DOCUMENTS else _MEDIA.get(found)


def is_media(url: str) -> bool:
    return kind(url) is not None or extension(url) in {"gif", "svg"}


def file_name(url: str, media: MediaKind) -> str:
    """The name of the file, as people may see it."""
    found = one_line(unquote(basename(urlsplit(url).path), errors="replace"))
    name = re.sub(r"[/\\:*?\"<>|]", "_", found).strip(". ")
    return name[-_LONGEST_NAME:] or media.value


def file(block: str, url: str, media: MediaKind, *, caption: str | None = None) -> Attachment:
    """A file at an address of the web; audio is heard as a voice note.

    When it cannot be had, its address is sent instead.
    """
    return Attachment(
        block=block,
        media=media,
        url=url,
        name=file_name(url, media),
        caption=caption,
        voice=media is MediaKind.AUDIO,
        fallback=f"{caption}\n{url}" if caption else url,
    )


def picture(block: str, url: str, *, caption: str | None = None) -> Bubble:
    """A picture as WhatsApp can show it.

    A GIF of Giphy moves as the film that lies beside it; any other is a file that moves when it
    is opened. What is drawn in SVG is a link: phones do not open it.
    """
    found = extension(url)
    if found == "gif":
        film = _GIPHY.match(url)
        if film is None:
            return file(block, url, MediaKind.DOCUMENT, caption=caption)
        shown = file(block, f"{film[1]}.mp4", MediaKind.VIDEO, caption=caption)
        told = f"{caption}\n{url}" if caption else url
        return Attachment(
            block=block,
            media=shown.media,
            url=shown.url,
            name=shown.name,
            caption=caption,
            fallback=told,
        )
    if found in {"svg", "svgz"}:
        return Line(block=block, body=f"{caption}\n{url}" if caption else url)
    return file(block, url, MediaKind.IMAGE, caption=caption)


def film_page(host: str, identity: str, url: str) -> str | None:
    """The page of a film that is kept elsewhere, which previews better than what is embedded.

    `url` comes without a scheme (typebot-api.md 2); it is better where it says more than the id:
    the key of a private film, the person who published it.
    """
    pattern = _EMBEDS.get(host)
    if pattern is None:
        return whole(url)
    page = whole(url) if host in {"vimeo", "tiktok"} else None
    if page is not None and identity and identity in page:
        return page
    return pattern.format(identity) if _ID.fullmatch(identity) else whole(url)
