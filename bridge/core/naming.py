"""What a contact is called: whose name wins, and which one may be replaced.

What a person, a CRM or an import wrote beats what WhatsApp tells; the address book of the number's
phone beats the profile name; any name beats a made-up one. What stands in Chatwoot is a person's
unless we know that we wrote it, or it is merely a number or an id. So names that come in any order
end the same (issue 6).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bridge.core.identity import display_name, is_placeholder
from bridge.core.party import Party
from bridge.core.phone import typed_digits

#: The free attribute of a contact in which the name stands that we wrote last. It stays with the
#: contact when contacts are merged, or when our own memory is an older one.
WRITTEN: Final = "whatsapp_name"


#: Fewer digits may be a name, of a shop for example.
_SHORTEST_NUMBER: Final = 8


class Source(StrEnum):
    """Where a name of ours is from, the weakest first."""

    PLACEHOLDER = "placeholder"
    #: What people call themselves; of a group its subject.
    PROFILE = "profile"
    ADDRESS_BOOK = "address_book"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    text: str
    source: Source


def best_name(party: Party, address_name: str | None = None) -> Name:
    """The best name that WhatsApp knows of somebody. Never empty.

    A name that merely is the person's number, as address books have them, counts as none; what
    people call themselves also when it is another number, since agents would take it for theirs.
    """
    nameless = replace(party, name=None)
    told = ((address_name, Source.ADDRESS_BOOK), (party.name, Source.PROFILE))
    for text, source in told[1:] if party.group else told:
        if is_placeholder(text, nameless):
            continue
        if party.group or source is not Source.PROFILE or not _is_number(text):
            return Name(text=display_name(replace(party, name=text)), source=source)
    return Name(text=display_name(nameless), source=Source.PLACEHOLDER)


def better_name(
    shown: str | None, best: Name, *, written: Collection[str], parties: Sequence[Party]
) -> Name | None:
    """The name to write in place of the one that Chatwoot shows; None: that one stays.

    `written` is what we wrote, as far as we remember; `parties` are all the ids of the person. A
    made-up name replaces nothing but one of our own made-up names.
    """
    if shown == best.text:
        return None
    if not (shown or "").strip():
        return best
    made_up = any(_is_made_up(shown, party) for party in parties)
    if best.source is Source.PLACEHOLDER:
        return best if made_up and shown in written else None
    return best if made_up or shown in written else None


def _is_number(name: str | None) -> bool:
    digits = typed_digits(unicodedata.normalize("NFKC", name or "")) or ""
    return len(digits.lstrip("+")) >= _SHORTEST_NUMBER


def _is_made_up(shown: str | None, party: Party) -> bool:
    nameless = replace(party, name=None)
    return is_placeholder(shown, nameless) or shown == display_name(nameless)
