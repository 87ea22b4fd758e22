"""What people say to a flow must not become what the flow says to us.

Flows repeat what they were told ("Olá, {{nome}}"), and what stands in a flow's text may be a
command (`commands`), a menu (`text_menus`) or a file that we fetch (`texts`). A sign that nobody
sees, put into a stranger's words, keeps them words. Pure.
"""

from __future__ import annotations

import re
from typing import Final

from bridge.typebot.commands import LINE

#: Takes no room, and parts nothing.
JOINER: Final = "\u2060"

_MENU: Final = re.compile(r"\[(?=(?:list|buttons)\])", re.IGNORECASE)
_FILE: Final = re.compile(r"!(?=\[[^\]\[\n]{0,300}+\]\()")


def tamed(text: str) -> str:
    """A stranger's words, in which nothing is a command, a menu or a file any more."""
    if "[" not in text:
        return text
    text = _FILE.sub(f"!{JOINER}", _MENU.sub(f"[{JOINER}", text))
    return "\n".join(
        line.replace("[", f"[{JOINER}") if "[" in line and LINE.fullmatch(line) else line
        for line in text.split("\n")
    )
