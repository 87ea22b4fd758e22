"""Text bubbles: rich text as WhatsApp writes it, and what flows hide in texts. Pure.

Hidden are commands (`commands`), menus (`text_menus`) and files: a picture in Markdown's form,
``![what](https://.../it.jpg)``, is sent as that file (evolution-instance-typebot.md 5.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.core.content import MediaKind
from bridge.core.flow import Bubble, Line
from bridge.core.lines import one_line
from bridge.text import markdown, richtext_reader, whatsapp
from bridge.typebot import addresses
from bridge.typebot.commands import Wish, in_text
from bridge.typebot.fields import text
from bridge.typebot.text_menus import is_menu, menu

#: Characters of one bubble: sixteen messages of WhatsApp.
LONGEST = 65_536
#: Of what is read to get there; marks and addresses take their share. Markdown is read slowly, and
#: only by servers that ignore what form we asked for.
_LONGEST_SOURCE = 1_000_000
_LONGEST_MARKDOWN = 20_000
_MOST_FILES = 20
_LONGEST_CAPTION = 1024

_FILE = re.compile(r"!\[([^\]\[\n]{0,300}+)\]\((https?://[^\s()<>]{1,2000}+)\)", re.IGNORECASE)
_UNDERLINED = re.compile(r"</?u>")


def written(content: Mapping[str, Any]) -> str:
    """A text bubble in WhatsApp's marks, without line breaks at its end."""
    tree, source = content.get("richText"), text(content.get("markdown"))
    if isinstance(tree, list):
        return whatsapp.write(richtext_reader.read(tree)).rstrip("\n")
    if source is not None:
        plain = _UNDERLINED.sub("", source[:_LONGEST_MARKDOWN])
        return whatsapp.write(markdown.read(plain)).rstrip("\n")
    return (text(content.get("plainText")) or "")[:_LONGEST_SOURCE]


def spoken(block: str, content: Mapping[str, Any]) -> tuple[tuple[Bubble, ...], Wish, int]:
    """The bubbles of a text, what it asks of us, and how many characters were too many."""
    body = written(content)
    cut = max(len(body) - LONGEST, 0)
    body, wish = in_text(body[:LONGEST])
    if is_menu(body) and (found := menu(block, body)) is not None:
        return (found,), wish, cut
    return tuple(_parts(block, body)), wish, cut


def _parts(block: str, body: str) -> Iterator[Bubble]:
    """A text around the files in it, in order."""
    done = found = 0
    for file in _FILE.finditer(body) if "![" in body else ():
        if found >= _MOST_FILES or not (addresses.is_web(file[2]) and addresses.is_media(file[2])):
            continue
        found += 1
        yield from _line(block, body[done : file.start()].strip("\n"))
        yield _file(block, file[2], one_line(file[1])[:_LONGEST_CAPTION] or None)
        done = file.end()
    yield from _line(block, body[done:].strip("\n") if done else body)


def _line(block: str, body: str) -> Iterator[Line]:
    if body.strip():
        yield Line(block=block, body=body)


def _file(block: str, url: str, caption: str | None) -> Bubble:
    media = addresses.kind(url)
    if media in (None, MediaKind.IMAGE):
        return addresses.picture(block, url, caption=caption)
    return addresses.file(block, url, media, caption=caption)
