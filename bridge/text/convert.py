"""Texts on their way between WhatsApp and Chatwoot."""

from __future__ import annotations

from unicodedata import category

from bridge.core.lines import one_line
from bridge.text import markdown, rendered, whatsapp
from bridge.text.escaping import Piece, Role, escape

_ZERO_WIDTH = "\u200b"
_MAX_NAME = 100
#: Characters that alone can make Markdown or HTML mean something inside a line.
_MARKDOWN = "*_~`[\\<&>#"
#: The same for WhatsApp's marks, and what Markdown would misread in its texts.
_WHATSAPP = "*_~`[\\<&"
#: What may begin a block of Markdown at the start of a line.
_BLOCK_STARTS = frozenset("#>+-=|:0123456789 \t")


def to_whatsapp(text: str) -> str:
    """Chatwoot's Markdown (or its HTML) as WhatsApp text, without trailing white space.

    Text without markup comes back as it is. The answer may be empty.
    """
    text = _line_ends(text)
    if not any(char in text for char in _MARKDOWN):
        return text.rstrip()
    if rendered.is_rendered(text):
        return whatsapp.write(rendered.read(text)).strip()
    return whatsapp.write(markdown.read(text)).rstrip()


def to_chatwoot(text: str) -> str:
    """WhatsApp text as the Markdown that Chatwoot's dashboard shows alike.

    Text that Markdown does not misread comes back as it is. Nothing is done about Liquid, which
    Chatwoot runs in outgoing texts alone (`neutralise_liquid`).
    """
    text = _line_ends(text)
    if not any(char in text for char in _WHATSAPP) and not _may_begin_block(text):
        return text
    return markdown.write(whatsapp.read(text))


def _line_ends(text: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _may_begin_block(text: str) -> bool:
    return any(line[:1] in _BLOCK_STARTS for line in text.split("\n") if line)


def literal(text: str) -> str:
    """Words of others, for use in a line of ours: on one line, and without any Markdown in them."""
    return escape([Piece(text=" ".join(text.split()), role=Role.LITERAL)])


def neutralise_liquid(text: str) -> str:
    """Keep Chatwoot from running Liquid in a text that we mirror as outgoing.

    A zero-width space parts the braces (chatwoot-api.md 4.3); incoming texts need none.
    """
    while "{{" in text:
        text = text.replace("{{", "{" + _ZERO_WIDTH + "{")
    return text.replace("{%", "{" + _ZERO_WIDTH + "%")


def sign(text: str, *, name: str, delimiter: str | None) -> str:
    r"""Put the agent's name above a WhatsApp text: ``*name:*``, delimiter, text.

    The two characters ``\n`` in the delimiter are a line break, and so is no delimiter
    (evolution-chatwoot.md 4.5). An empty text gives the name alone; a name with nothing to show
    gives the text alone.
    """
    shown = displayed_name(name)
    if not shown:
        return text
    if not text.strip():
        return f"*{shown}:*"
    between = (delimiter or "\n").replace("\\n", "\n")
    return f"*{shown}:*{between}{text}"


def displayed_name(name: str) -> str:
    """A name in one line, without what would end its bold or hide in it; empty: nothing to show."""
    kept = "".join(char for char in name if char not in "*_~`")
    shown = one_line(kept)[:_MAX_NAME].strip()
    return shown if any(category(char)[0] in "LNPS" for char in shown) else ""
