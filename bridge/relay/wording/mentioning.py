"""People who are mentioned: ``@<digits>`` becomes ``@Name``, or a number that says something."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bridge.core.identity import e164
from bridge.core.party import Party
from bridge.relay.wording.sheet import words

#: Not in an address, nor in a longer word.
_MENTION: Final = re.compile(r"(?<![\w@/.])@(\d{5,20})(?!\d)", re.ASCII)
#: What would mean something in Markdown: a name of these is shown without them.
_MARKS: Final = str.maketrans("", "", "*_~`[]<>\\|&#")
_MOST: Final = 1000


def named(text: str, mentions: Sequence[Party]) -> str:
    """A text with names in it; digits of people who are not known stay."""
    names: dict[str, str] = {}
    for party in mentions[:_MOST]:
        name = _name(party)
        if name:
            names.update(dict.fromkeys(_digits(party), name))
    if not names:
        return text
    return _MENTION.sub(lambda found: f"@{names.get(found[1], found[1])}", text)


def _name(party: Party) -> str:
    known = words(party.name, 100) or words(party.username, 100)
    return known.translate(_MARKS).strip() or e164(party) or ""


def _digits(party: Party) -> list[str]:
    """How a text may call somebody: by the digits of either id, without server and device."""
    ids = [one for one in (party.wa_id, party.lid) if one]
    return [re.split(r"[@:.]", one, maxsplit=1)[0].removeprefix("+") for one in ids]
