"""What wordings are made of: lines of labels and foreign words, safe as Chatwoot's Markdown.

Foreign words never mean anything here: they are put into the formatting tree as plain text, on one
line, without control characters or what turns the direction of a text, and cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from bridge.core.lines import fits, one_line
from bridge.text import markdown, to_chatwoot
from bridge.text.tree import Bold, Break, Document, Inline, Italic, Paragraph, Plain

#: Characters of a name or value in a line; of a paragraph in a person's own words; of everything.
LINE: Final = 500
PROSE: Final = 16_000
#: WhatsApp's own limit of a text.
TEXT: Final = 65_536
#: Chatwoot takes 150,000 characters (chatwoot-api.md 4.2); escaping may double a text.
WHOLE: Final = 140_000
#: So many entries of anything are shown.
ENTRIES: Final = 60

_CUT: Final = "…"
_LONGEST_URL: Final = 2048

Line: TypeAlias = str | Sequence[Inline]


def words(text: str | None, longest: int = LINE) -> str:
    """Foreign words for one line; empty when nothing of them can be seen."""
    if not text:
        return ""
    rest = text[: 4 * longest]
    line = one_line(rest)
    if len(line) > longest or len(rest) < len(text):
        line = line[: longest - 1].rstrip() + _CUT
    return line


def said(text: str | None, longest: int = TEXT) -> str:
    """What a person wrote, with WhatsApp's marks in it; empty when there is nothing."""
    if not text or not text.strip():
        return ""
    return to_chatwoot(storable(text if len(text) <= longest else text[: longest - 1] + _CUT))


def prose(text: str | None) -> str:
    """What a person wrote, as a paragraph among others."""
    return said(text, PROSE).strip("\n")


def storable(text: str) -> str:
    """Text without what no database takes: NUL, and halves of characters."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def address(url: str | None) -> str:
    """A web address of somebody else's; empty when it is none. Nothing ever calls it."""
    if not url or len(url) > _LONGEST_URL or not url.lower().startswith(("https://", "http://")):
        return ""
    is_plain = all(char > " " and char not in '<>"`\\' and fits(char) for char in url)
    return url if is_plain and not any(char.isspace() for char in url) else ""


def bold(text: str) -> Bold:
    return Bold(children=(Plain(text=text),))


def italic(text: str) -> Italic:
    return Italic(children=(Plain(text=text),))


def head(sign: str, title: str) -> Line:
    return (Plain(text=f"{sign} "), bold(title))


def labelled(label: str, value: str) -> Line:
    """A line such as **Total:** 12; empty without a value."""
    return (bold(f"{label}:"), Plain(text=f" {value}")) if value else ""


def lines(found: Iterable[Line]) -> str:
    """One paragraph, empty lines left out."""
    children: list[Inline] = []
    for line in found:
        if not line:
            continue
        if children:
            children.append(Break())
        children.extend((Plain(text=line),) if isinstance(line, str) else line)
    return markdown.write(Document(blocks=(Paragraph(children=tuple(children)),)))


def blocks(*found: str) -> str:
    """Paragraphs below each other, empty ones left out, all of it at most as long as it may be."""
    whole = "\n\n".join(block for block in found if block)
    return whole if len(whole) <= WHOLE else whole[: WHOLE - 1] + _CUT


def some(entries: Sequence[Line], more: str) -> list[Line]:
    """The first entries; `more` is what stands for the others."""
    shown = list(entries[:ENTRIES])
    return [*shown, more] if len(entries) > ENTRIES else shown
