"""Who a party is: keys to find the person by, and the spellings under which Chatwoot knows them.

Keys are for us (equality), identifiers and numbers are for Chatwoot (design.md 4,
evolution-chatwoot.md 6.5). None of them is an address: for sending, `Party` itself is used.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

from bridge.core.lines import one_line
from bridge.core.party import Party
from bridge.core.phone import (
    Kind,
    Subject,
    dialable,
    from_channel,
    from_person,
    region_of,
    typed_digits,
)

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
#: Chatwoot's limit for names and identifiers (chatwoot-api.md 2).
_LONGEST = 255
_LONGEST_BSUID = 200
#: Fewer digits at the end of a number say nothing about it.
_TELLING_TAIL = 8
_TELLING_ID = 6
#: Letters and marks that show nothing.
_BLANK = frozenset(" \u115f\u1160\u2800\u3164\uffa0\ufe0e\ufe0f")


def keys(party: Party) -> tuple[str, ...]:
    """Lookup keys, strongest first; equal keys are one person, within one account.

    Only a phone gives a phone key: a group, a short code or a broken `wa_id` gives none. A party
    that is a group has the key of the group.
    """
    if party.group:
        return (f"group:{party.group}",)
    phone = _phone(party)
    found = (
        ("bsuid", _bsuid(party)),
        ("lid", _lid(party)),
        ("phone", phone.key if phone else None),
    )
    return tuple(f"{kind}:{value}" for kind, value in found if value)


def are_two(one: Party, other: Party) -> bool:
    """Whether these certainly are two people: an id that both have, the strongest, differs."""
    theirs = {key.partition(":")[0]: key for key in keys(other)}
    both = (key for key in keys(one) if key.partition(":")[0] in theirs)
    return any(theirs[key.partition(":")[0]] != key for key in islice(both, 1))


def e164(party: Party) -> str | None:
    """Give the number to write into Chatwoot, in Brazil with the ninth digit; None: omit it.

    A number of an impossible length for its country is omitted: it may be a LID in disguise, and
    Chatwoot would show it as a phone for ever.
    """
    phone = _phone(party)
    return phone.e164 if phone and dialable(phone) else None


def identifier(party: Party) -> str | None:
    """Give the identifier for a new Chatwoot contact: phone JID, else LID JID, else BSUID.

    The phone JID has the digits as WhatsApp sent them. A group has its group JID.
    """
    if party.group:
        return party.group if "@" in party.group else f"{party.group}@g.us"
    phone, lid = _phone(party), _lid(party)
    if phone:
        return f"{phone.digits}@s.whatsapp.net"
    return f"{lid}@lid" if lid else _bsuid(party)


def identifiers(party: Party) -> tuple[str, ...]:
    """List the identifiers under which Chatwoot may hold this person already, best first.

    Chatwoot looks identifiers up without regard to case, BSUIDs differ by it: compare what it
    found with these before trusting it.
    """
    if party.group:
        return _unique((identifier(party) or "",))
    phone, lid, bsuid = _phone(party), _lid(party), _bsuid(party)
    digits = _unique((phone.digits or "", *phone.tries)) if phone else ()
    jids = (f"{number}@s.whatsapp.net" for number in digits)
    return _unique((*jids, *digits, f"{lid}@lid" if lid else "", bsuid or ""))


def numbers(party: Party) -> tuple[str, ...]:
    """List the E.164 numbers under which Chatwoot may hold this person already, best first.

    Includes a number that `e164` would not write: others may have written it.
    """
    phone = _phone(party)
    if not phone:
        return ()
    spelled = (phone.e164 or "", *(f"+{number}" for number in phone.tries))
    return tuple(number for number in _unique(spelled) if _E164.fullmatch(number))


def is_placeholder(name: str | None, party: Party) -> bool:
    """Whether a contact's name is empty or merely one of the person's ids, in any spelling.

    Such a name may be replaced by the profile name; what a person wrote may not. The names that
    `display_name` makes up are placeholders too, also those made while less was known.
    """
    told = _clean(name)
    if not told:
        return True
    if told.casefold() in {word.casefold() for word in _words(party)}:
        return True
    return _is_number(told, party)


def display_name(party: Party) -> str:
    """Name a person for people: profile name, user name, number, else a short id. Never empty.

    Safe for Chatwoot: no control characters, at most 255 characters. A group is marked as such,
    in Evolution's way (evolution-chatwoot.md 3.5).
    """
    if party.group:
        return f"{_clean(party.name) or _short_name((party.group,))} (GROUP)"[:_LONGEST]
    return _clean(party.name) or _clean(party.username) or e164(party) or _short_name(_ids(party))


def merge(old: Party, new: Party) -> Party:
    """Put together what two events said about one person: the newest that is not empty wins."""
    return Party(
        wa_id=_newest(old.wa_id, new.wa_id),
        bsuid=_newest(old.bsuid, new.bsuid),
        parent_bsuid=_newest(old.parent_bsuid, new.parent_bsuid),
        lid=_newest(old.lid, new.lid),
        username=_newest(old.username, new.username),
        name=_newest(old.name, new.name),
        group=_newest(old.group, new.group),
    )


def person_of(number: str | None, identifier: str | None) -> Party:
    """Whom a contact's number and identifier name; an identifier counts only as a WhatsApp id.

    CRM ids and e-mail addresses stand in identifiers too, and so may bare digits of any meaning
    (evo#1166).
    """
    told = (identifier or "").strip()
    read = from_channel(told if "@" in told or "." in told else "")
    if read.kind is Kind.GROUP:
        return Party(group=told)
    return Party(
        wa_id=(number or "").lstrip("+") or read.digits,
        lid=(read.key or "").partition(":")[2] if read.kind is Kind.LID else None,
        bsuid=told if read.kind is Kind.BSUID else None,
    )


def contact_keys(number: str | None, identifier: str | None) -> tuple[str, ...]:
    """The identity keys of a contact, those of its identifier's number included."""
    named = (*keys(person_of(number, identifier)), *keys(person_of(None, identifier)))
    return tuple(dict.fromkeys(named))


# ------------------------------------------------------------------ the ids of a party


def _phone(party: Party) -> Subject | None:
    if not party.wa_id:
        return None
    subject = from_channel(party.wa_id)
    return subject if subject.kind is Kind.PHONE else None


def _lid(party: Party) -> str | None:
    """Give the digits of the LID, whether it came bare or as a JID with a device."""
    if not party.lid:
        return None
    raw = party.lid.strip()
    subject = from_channel(raw if "@" in raw else f"{raw}@lid")
    return subject.key.partition(":")[2] if subject.key and subject.kind is Kind.LID else None


def _bsuid(party: Party) -> str | None:
    """Give the BSUID as it came: opaque, so that a new form of Meta's still is a key."""
    bsuid = (party.bsuid or "").strip()
    usable = 0 < len(bsuid) <= _LONGEST_BSUID and bsuid.isascii() and bsuid.isprintable()
    return bsuid if usable and " " not in bsuid else None


def _ids(party: Party) -> tuple[str, ...]:
    """List all bare ids, best first, without spelling variants."""
    phone = _phone(party)
    digits = phone.digits if phone else _clean(party.wa_id)
    bare = (digits, _lid(party), _bsuid(party), _clean(party.parent_bsuid))
    return tuple(value for value in bare if value)


# ------------------------------------------------------------------ names


def _words(party: Party) -> tuple[str, ...]:
    """List what is no name of a person, apart from numbers."""
    ids = _ids(party)
    username = _clean(party.username)
    return (
        *ids,
        *identifiers(party),
        *(word for word in (username, f"@{username}" if username else "") if word),
        *(_short_name((single,)) for single in ids),
        _short_name(()),
    )


def _is_number(name: str, party: Party) -> bool:
    """Whether a name is the person's number or LID as somebody would write it."""
    phone, lid = _phone(party), _lid(party)
    read = from_channel(name)
    if read.key is not None and read.key in (phone.key if phone else None, f"lid:{lid}"):
        return True
    typed = typed_digits(name)
    if typed is None:
        return False
    digits = typed.lstrip("+0")
    if digits == lid:
        return True
    if phone is None:
        return False
    if len(digits) >= _TELLING_TAIL and any(one.endswith(digits) for one in phone.tries):
        return True
    return from_person(name, region=region_of(phone) or "").key == phone.key


def _short_name(ids: tuple[str, ...]) -> str:
    return f"WhatsApp …{ids[0][-_TELLING_ID:]}" if ids else "WhatsApp"


def _clean(text: str | None) -> str:
    """Make one line that databases accept and that cannot turn its surroundings around.

    Empty when nothing of it can be seen: some people name themselves with invisible letters.
    """
    if not text:
        return ""
    line = one_line(text[: 4 * _LONGEST])[:_LONGEST].rstrip()
    seen = any(char not in _BLANK and unicodedata.category(char) != "Cf" for char in line)
    return line if seen else ""


def _newest(old: str | None, new: str | None) -> str | None:
    return new if new and not new.isspace() else old


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))
