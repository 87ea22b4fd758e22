"""Phone identity: what an id or a typed number is, and when two of them are one subject.

The rules are those of whatsapp-channels.md F.5. Three values are kept apart: the *digits* as they
came (the address), the *key* (equality) and the *E.164 number* (for people and for Chatwoot).
A WhatsApp id is never computed here; `tries` only says what to look up, likeliest first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

import phonenumbers

from bridge.core.numbering import LONGEST, SHORTEST, Line, complete, parsed, read

__all__ = [
    "Kind",
    "Line",
    "Subject",
    "dialable",
    "from_channel",
    "from_person",
    "readable",
    "region_of",
    "same",
    "typed_digits",
]


class Kind(StrEnum):
    """What an id names. Only `PHONE` is a phone, whatever digits the others are made of."""

    PHONE = "phone"
    SHORT = "shortcode"
    GROUP = "group"
    BSUID = "bsuid"
    LID = "lid"
    NEWSLETTER = "newsletter"
    BROADCAST = "broadcast"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom or what an id names.

    `key` is equal for all spellings of one subject, and None where there is no identity (a number
    without its area code, for instance). For a phone it is plain digits, else it has the kind as
    prefix; `from_channel` understands it again. `digits` is a phone as it came, without
    decoration. `e164` is not always a number in use: see `flags` and `dialable`.
    """

    kind: Kind
    key: str | None = None
    digits: str | None = None
    e164: str | None = None
    line: Line | None = None
    flags: tuple[str, ...] = ()
    tries: tuple[str, ...] = ()


_NOBODY = Subject(kind=Kind.INVALID)
_LONGEST_ID = 256
_LONGEST_TEXT = 128
_LONGEST_REGION = 8
#: A Brazilian mobile without its ninth digit.
_EIGHT_DIGITS = re.compile(r"\+55([1-9][0-9])([6-9][0-9]{3})([0-9]{4})")


def from_channel(raw: str) -> Subject:
    """Read an id as a gateway or the Cloud API gives it: its digits are international.

    Never raises. Ids of phones are accepted whatever libphonenumber thinks of them (F.3).
    Cached: a second reading costs well under a microsecond.
    """
    return _read_id(raw) if len(raw) <= _LONGEST_ID else _NOBODY


def from_person(text: str, *, region: str) -> Subject:
    """Read a number that a person typed in an account of that region (`BR`).

    Never raises. `+` or `00` means international; otherwise the region decides what is missing.
    An id that only a machine writes (a JID, a BSUID) is read as such. Cached.
    """
    if len(text) > _LONGEST_TEXT or len(region) > _LONGEST_REGION:
        return _NOBODY
    return _read_text(text, region)


def same(a: Subject, b: Subject) -> bool:
    """Whether both are certainly one subject; without identity nothing is the same."""
    return a.key is not None and a.key == b.key


@lru_cache(maxsize=8192)
def dialable(subject: Subject) -> bool:
    """Whether its E.164 number has a possible length for its country, in use or not."""
    number = parsed(subject.e164) if subject.e164 else None
    return number is not None and phonenumbers.is_possible_number(number)


def region_of(subject: Subject) -> str | None:
    """Say where a phone is dialled without its country code (the main region of several)."""
    number = parsed(subject.e164) if subject.e164 else None
    if number is None or number.country_code is None:
        return None
    return phonenumbers.region_code_for_country_code(number.country_code)


def readable(e164: str) -> str:
    """An E.164 number as people write it: ``+55 11 98765-4321``."""
    number = parsed(e164)
    if number is None:
        return e164
    if old := _EIGHT_DIGITS.fullmatch(e164):  # which no numbering plan knows any more
        return f"+55 {old[1]} {old[2]}-{old[3]}"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def typed_digits(text: str) -> str | None:
    """Reduce what a person typed to ASCII digits, perhaps with a leading `+`.

    Digits of any script count; punctuation, marks and invisible characters are dropped. None when
    it is no number: letters, no digits at all, a `+` in the middle.
    """
    out: list[str] = []
    for char in text:
        digit = unicodedata.decimal(char, None)
        if digit is not None:
            out.append(str(digit))
        elif char in "+＋":
            out.append("+")
        elif char == "@" or unicodedata.category(char)[0] in "LN":
            return None
    digits = "".join(out)
    return digits if _TYPED.fullmatch(digits) else None


# ------------------------------------------------------------------ ids from machines

#: `user`, perhaps an agent and a device that are no part of the id, `@server`.
_JID = re.compile(r"([0-9A-Za-z-]{1,64})(?:[._][0-9]{1,3})?(?::[0-9]{1,5})?@([A-Za-z.]{1,32})")
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
#: The creator's number and a time in seconds.
_LEGACY_GROUP = re.compile(r"[0-9]{7,20}-1[0-9]{9}")
#: Too long for a phone (Evolution sends such ids without their server).
_BARE_GROUP = re.compile(r"120363[0-9]{11,14}")
#: Z-API's way.
_SUFFIXED = re.compile(r"([0-9-]{1,64})-(group|broadcast)")
_KEY = re.compile(r"(group|lid|newsletter|broadcast):([0-9A-Za-z-]{1,64})")
_SHORT_KEY = re.compile(r"short:[A-Z]{2}:([0-9]{1,7})")
_PHONE_ID = re.compile(r"\+?([0-9]{1,32})(?::[0-9]{1,5})?")
_DECORATION = str.maketrans("", "", " ().-")

_SERVERS: Mapping[str, Kind] = MappingProxyType(
    {
        "s.whatsapp.net": Kind.PHONE,
        "c.us": Kind.PHONE,
        "hosted": Kind.PHONE,
        "lid": Kind.LID,
        "hosted.lid": Kind.LID,
        "g.us": Kind.GROUP,
        "newsletter": Kind.NEWSLETTER,
        "broadcast": Kind.BROADCAST,
    }
)
_HOME: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.LID: "lid",
        Kind.GROUP: "g.us",
        Kind.NEWSLETTER: "newsletter",
        Kind.BROADCAST: "broadcast",
    }
)
_USER: Mapping[Kind, re.Pattern[str]] = MappingProxyType(
    {
        Kind.LID: re.compile(r"[0-9]{1,32}"),
        Kind.GROUP: re.compile(r"[0-9]{1,32}(?:-[0-9]{1,32})?"),
        Kind.NEWSLETTER: re.compile(r"[0-9]{1,32}"),
        Kind.BROADCAST: re.compile(r"[0-9A-Za-z]{1,32}"),
    }
)


@lru_cache(maxsize=16384)
def _read_id(raw: str) -> Subject:
    text = raw.strip()
    return _read_opaque(text) or _read_phone_id(text)


def _read_opaque(text: str) -> Subject | None:
    """Classify before looking at digits (F.5.1); None when it can only be a phone."""
    if _BSUID.fullmatch(text):
        return Subject(kind=Kind.BSUID, key=f"bsuid:{text}", tries=(text,))
    if match := _JID.fullmatch(text):
        user, server = match[1], match[2].lower()
        kind = _SERVERS.get(server, Kind.INVALID)
        return _read_phone_id(user) if kind is Kind.PHONE else _opaque(kind, user, f"@{server}")
    if match := _SUFFIXED.fullmatch(text):
        return _opaque(Kind(match[2]), match[1], f"-{match[2]}")
    if _LEGACY_GROUP.fullmatch(text) or _BARE_GROUP.fullmatch(text):
        return _opaque(Kind.GROUP, text, "")
    return _read_key(text) if ":" in text else None


def _read_key(text: str) -> Subject | None:
    """Understand our own keys again, so that a key may stand wherever an id may."""
    if text.startswith("bsuid:") and _BSUID.fullmatch(text[6:]):
        return Subject(kind=Kind.BSUID, key=text, tries=(text[6:],))
    if match := _SHORT_KEY.fullmatch(text):
        return Subject(kind=Kind.SHORT, key=text, tries=(match[1],))
    if match := _KEY.fullmatch(text):
        kind = Kind(match[1])
        return _opaque(kind, match[2], f"@{_HOME[kind]}")
    return None


def _opaque(kind: Kind, user: str, rest: str) -> Subject:
    pattern = _USER.get(kind)
    if pattern is None or not pattern.fullmatch(user):
        return _NOBODY
    return Subject(kind=kind, key=f"{kind}:{user}", tries=(f"{user}{rest}",))


def _read_phone_id(text: str) -> Subject:
    match = _PHONE_ID.fullmatch(text.translate(_DECORATION))
    if match is None:
        return _NOBODY
    digits = match[1]
    if digits.startswith("0") or len(digits) > LONGEST:
        return Subject(kind=Kind.INVALID, tries=(digits,))
    if len(digits) < SHORTEST:
        return Subject(kind=Kind.SHORT, tries=(digits,))
    return _phone(digits)


def _phone(digits: str) -> Subject:
    reading = read(digits)
    return Subject(
        kind=Kind.PHONE,
        key=reading.key,
        digits=digits,
        e164=f"+{reading.shown}",
        line=reading.line,
        flags=reading.flags,
        tries=reading.tries,
    )


# ------------------------------------------------------------------ numbers from people

_TYPED = re.compile(r"\+?[0-9]{1,32}")
_EXTENSION = re.compile(r"[\s,;]*(?:ramal|ext|int|x|#)[\s.:]*[0-9]{1,6}\s*$", re.IGNORECASE)


@lru_cache(maxsize=4096)
def _read_text(text: str, region: str) -> Subject:
    stripped = text.strip()
    opaque = _read_opaque(stripped)
    if opaque is not None:
        return opaque
    typed = typed_digits(_EXTENSION.sub("", stripped))
    if typed is None:
        return _NOBODY
    digits = typed.removeprefix("+")
    region = region.strip().upper()
    found = complete(f"+{digits[2:]}" if digits.startswith("00") else typed, region)
    if isinstance(found, str):
        return _phone(found)
    if found.short:
        return Subject(kind=Kind.SHORT, key=f"short:{region}:{digits}", tries=(digits,))
    return Subject(kind=Kind.INVALID, flags=found.flags, tries=(digits,))
