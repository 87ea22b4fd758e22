"""Chatwoot's messages with rows: what is chosen from, read, or filled in. Pure.

The rows (chatwoot-api.md 1.8) come from whoever may write into Chatwoot's API. On a channel
without buttons a choice
is a text with numbers, and `relay.menus` reads the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bridge.chatwoot.attachments import filename
from bridge.core.outgoing import Option
from bridge.locale import say
from bridge.relay.outgoing import AgentFile, FilePart, MenuPart, Part, TextPart
from bridge.text.splitting import split
from bridge.whatsapp.channel import Capabilities

#: Ids of rows are shorter than those of buttons (whatsapp-channels.md A.8).
LONGEST_ID: Final = 200
_LONGEST_TITLE: Final = 500
_LONGEST_TEXT: Final = 4096
_LONGEST_LINK: Final = 2048

#: Rows of a message, and of one of its rows: nobody reads more, and each card is a message.
MOST: Final = 100
_MORE: Final = "…"

_FILES: Final = ("https://", "http://")
_LINKS: Final = (*_FILES, "tel:", "mailto:")

_Rows = Sequence[Mapping[str, Any]]


def choice(text: str, items: _Rows, *, able: Capabilities, language: str) -> list[Part]:
    """A text and what can be answered to it."""
    options = tuple(
        Option(id=_text(item, "value", most=_LONGEST_TEXT) or title, title=title)
        for item in items[:MOST]
        if (title := _line(item, "title") or _line(item, "value"))
    )
    body = "\n\n".join(one for one in (text, _rest(items)) if one)
    return asked(body, options, first=1, able=able, language=language)


def carousel(items: _Rows, *, able: Capabilities, language: str) -> Iterator[Part]:
    """Cards, one after the other; their options are numbered through, so that each is one."""
    first = 1
    for item in items[:MOST]:
        actions = _rows(item, "actions")
        options = tuple(_postbacks(actions))
        lines = [
            _bold(_line(item, "title")),
            _text(item, "description", most=_LONGEST_TEXT),
            *_links(actions),
        ]
        text = "\n".join(line for line in lines if line)
        picture = _link(item, "media_url", _FILES)
        if picture:
            file = AgentFile(url=picture, kind="image", name=filename(picture))
            yield from pictured(file, text, options, first, able=able, language=language)
        elif text or options:
            yield from asked(text, options, first=first, able=able, language=language)
        first += len(options)
    if rest := _rest(items):
        yield TextPart(body=rest)


def article(text: str, items: _Rows) -> str:
    """A text with everything that there is to read."""
    blocks = [text]
    for item in items[:MOST]:
        lines = [
            _bold(_line(item, "title")),
            _text(item, "description", most=_LONGEST_TEXT),
            _link(item, "link"),
        ]
        blocks.append("\n".join(line for line in lines if line))
    return "\n\n".join(block for block in (*blocks, _rest(items)) if block)


def form(text: str, items: _Rows) -> str:
    """A text that asks for every field."""
    lines = []
    for item in items[:MOST]:
        label = _line(item, "label") or _line(item, "placeholder") or _line(item, "name")
        options = _rows(item, "options")
        shown = [_line(one, "label") or _line(one, "value") for one in options]
        choices = " / ".join(one for one in shown if one)
        if label:
            lines.append(f"• {label}: {choices}" if choices else f"• {label}")
    return "\n\n".join(block for block in (text, "\n".join(lines), _rest(items)) if block)


def asked(
    text: str,
    options: tuple[Option, ...],
    *,
    first: int,
    able: Capabilities,
    language: str,
    label: str | None = None,
) -> list[Part]:
    """With buttons or as a list where they fit, else with numbers from `first` on.

    `label` is on the button that opens a list.
    """
    body = text or say(language, "menu.choose")
    shown = pressed(body, options, able) if options else None
    if shown is not None:
        return [MenuPart(body=body, offers=shown, label=label or say(language, "menu.label"))]
    bodies = split(numbered(text, options, first), able.text_limit)
    parts: list[Part] = [TextPart(body=one) for one in bodies]
    return [*parts[:-1], TextPart(body=bodies[-1], offers=options)] if parts else []


def pictured(
    file: AgentFile,
    text: str,
    options: tuple[Option, ...],
    first: int,
    *,
    able: Capabilities,
    language: str,
    label: str | None = None,
    tries: int = 0,
) -> Iterator[Part]:
    """A card with its picture. Without the picture it still says what it says.

    `tries`: so often the picture is fetched again before it goes without.
    """
    caption, offers = numbered(text, options, first), options
    follow: list[Part] = []
    has_buttons = bool(options) and pressed(text or "?", options, able) is not None
    if has_buttons or len(caption) > able.caption_limit:
        caption, offers = "", ()
        follow = asked(text, options, first=first, able=able, language=language, label=label)
    yield FilePart(
        file=file,
        caption=caption or None,
        offers=offers,
        fallback=caption or file.url,
        tries=tries,
    )
    yield from follow


def pressed(
    body: str, options: tuple[Option, ...], able: Capabilities
) -> tuple[Option, ...] | None:
    """The options as the channel can show them to be pressed; None: it cannot."""
    ids = {option.id for option in options}
    if (
        len(body) > able.menu_body
        or len(ids) < len(options)
        or any(len(one) > LONGEST_ID for one in ids)
    ):
        return None
    if (
        len(options) <= able.buttons
        and all(len(one.title) <= able.button_title for one in options)
        and _are_apart(options, able.button_title + 1)
    ):
        return options
    if len(options) <= able.list_rows and _differ(options):
        rows = tuple(_row(option, able.row_title) for option in options)
        if all(len(row.description or "") <= able.row_description for row in rows):
            return rows
    return None


def _row(option: Option, room: int) -> Option:
    """A title that a row has no room for stands whole in its description."""
    if len(option.title) <= room:
        return option
    return Option(id=option.id, title=option.title, description=option.title)


def _differ(options: Sequence[Option]) -> bool:
    """Whether the whole titles differ.

    Where a row cuts one, it stands whole below, and a number parts those that look alike (A.8).
    """
    return len({option.title.casefold() for option in options}) == len(options)


def _are_apart(options: Sequence[Option], room: int) -> bool:
    """Whether the titles differ also when they are shortened (A.8)."""
    return len({option.title[: room - 1].casefold() for option in options}) == len(options)


def numbered(text: str, options: Sequence[Option], first: int) -> str:
    """A text with its options below it, by number."""
    lines = "\n".join(f"{number}. {_told(one)}" for number, one in enumerate(options, first))
    return "\n\n".join(block for block in (text, lines) if block)


def _told(option: Option) -> str:
    more = option.description
    return f"{option.title} – {more}" if more and more != option.title else option.title


def _postbacks(actions: _Rows) -> Iterator[Option]:
    for one in actions:
        title = _line(one, "text") or _line(one, "payload")
        if one.get("type") == "postback" and title:
            payload = _text(one, "payload", most=_LONGEST_TEXT)
            yield Option(id=payload or title, title=title)


def _links(actions: _Rows) -> Iterator[str]:
    for one in actions:
        link = _link(one, "uri") if one.get("type") != "postback" else ""
        if link:
            text = _line(one, "text")
            yield f"{text}: {link}" if text and text != link else link


def _bold(title: str) -> str:
    return f"*{title}*" if title and "*" not in title else title


def _link(item: Mapping[str, Any], name: str, schemes: tuple[str, ...] = _LINKS) -> str:
    """An address as it is; empty for what is none."""
    value = item.get(name)
    link = value.strip() if isinstance(value, str) else ""
    is_one = len(link) <= _LONGEST_LINK and link.isprintable() and " " not in link
    return link if is_one and link.lower().startswith(schemes) else ""


def _line(item: Mapping[str, Any], name: str) -> str:
    """A short text on one line; a number will do."""
    return " ".join(_text(item, name, most=_LONGEST_TITLE).split())


def _text(item: Mapping[str, Any], name: str, *, most: int) -> str:
    value = item.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    kept = "".join(mark for mark in value[:most] if mark.isprintable() or mark.isspace())
    return kept.strip()


def _rows(item: Mapping[str, Any], name: str) -> _Rows:
    value = item.get(name)
    some = value[:MOST] if isinstance(value, list) else []
    return [one for one in some if isinstance(one, Mapping)]


def _rest(items: _Rows) -> str:
    """What says that there are more rows than are shown."""
    return _MORE if len(items) > MOST else ""
