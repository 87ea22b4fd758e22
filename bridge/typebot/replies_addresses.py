"""E-mail addresses, links and phone numbers as people write them (typebot-api.md 3). Pure.

Each is sent in a form that the engine takes, and nothing is made up: what is not understood goes
through as it is, for the flow's own retry text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

import phonenumbers
from phonenumbers import (
    Leniency,
    NumberParseException,
    PhoneNumberFormat,
    PhoneNumberMatcher,
    PhoneNumberType,
)

from bridge.core.flow import Meaning
from bridge.core.folding import folded
from bridge.locale import say
from bridge.typebot.fields import text as read_text
from bridge.typebot.replies_hearing import (
    Hearing,
    answer,
    ask_back,
    in_writing,
    unchanged,
    which,
)

_SEVERAL: Final = "typebot.several_answers"
#: Addresses and numbers are looked for in so much of a text, links in so many words.
_LONGEST: Final = 1000
_MOST_WORDS: Final = 200
_LONGEST_LINK: Final = 4000
_EMAIL: Final = re.compile(
    r"[^<>()\[\]\\.,;:\s@\"]+(?:\.[^<>()\[\]\\.,;:\s@\"]+)*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}"
)
_AT: Final = re.compile(
    r"\s*@\s*|\s*(?:\((?:arroba|at)\)|\[(?:arroba|at)\])\s*|\s+arroba\s+", re.IGNORECASE
)
_DOT: Final = re.compile(r"(?<=\w)\s+(?:ponto|punto|dot)\s+(?=\w)", re.IGNORECASE)
#: What a slip of the finger, or a keyboard, puts before the end of an address.
_ENDING_APART: Final = re.compile(
    r"(@[\w-]{1,63})(?:,|\s*\.\s+|\s+\.\s*)(com|net|org|edu|gov|br)\b", re.IGNORECASE
)
_COUNTRY_APART: Final = re.compile(
    r"(@[\w-]{1,63}\.(?:com|net|org|edu|gov))(?:,|\s*\.\s+|\s+\.\s*)(br|ar|mx|co|pe|uy)\b",
    re.IGNORECASE,
)
_NO_ENDING: Final = re.compile(r"\.(?:con|comm|cim|vom|xom|cmo|ocm)$", re.IGNORECASE)
#: One or two words right before an address: a part of it perhaps ("ana silva@email.com").
_NAME_APART: Final = re.compile(
    r"(?P<name>[^\W\d_]{2,30}(?: [^\W\d_]{2,30})?) (?P<address>[^\s@]{1,64}@[^\s@]{1,253})"
)
_BEFORE_ADDRESS: Final = frozenset(
    (
        *("email", "mail", "correo", "meu", "minha", "mi", "my", "eh", "is", "es", "sim", "claro"),
        *("ok", "oi", "ola", "aqui", "anota", "segue", "esse", "este", "para", "pra", "em", "uso"),
        *("ser", "yes", "si", "hi", "hola", "here", "use", "usa", "ou", "or", "no", "por"),
    )
)
_URL: Final = re.compile(
    r"(?:https?://)?(?:[\w-]+\.)+[A-Za-z]{2,}(?::\d{1,5})?(?:[/?#]\S*)?", re.IGNORECASE
)
_KNOWN: Final = re.compile(
    r"(?:www\.\S+\.\S+|(?:[\w-]+\.)+"
    r"(?:com|net|org|io|app|dev|br|pt|es|mx|ar|cl|co|eu|us|uk|store|shop)"
    r"(?::\d{1,5})?(?:[/?#]\S*)?)",
    re.IGNORECASE,
)
_WITH_SCHEME: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_APART: Final = re.compile(r"[\s,;<>()\[\]\"]+")
_WEB_APART: Final = re.compile(r"[\s<>\"]+")
_AROUND: Final = ".,;:!?'\u2019\u2018*_~`"
_CALLED: Final = re.compile(r"^(?:mailto|e-?mail|correo)[:=]+", re.IGNORECASE)
#: How people abroad dial out; the 1 of Mexican mobiles that numbers have no more.
_DIALLED: Final = re.compile(r"^\s*00(?=[ \d]{10})")
_MEXICAN: Final = re.compile(r"\+\s?52\s?1(?=[\s\d-]{10})")
#: More digits than any country's own numbers have, so that they begin with that of the country.
_WITH_COUNTRY: Final = 12
_EIGHT_DIGITS: Final = re.compile(r"(?:55|0)?([1-9]\d)([6-8]\d{7})")
_FEWEST_DIGITS, _MOST_DIGITS = 7, 9
_ALL_DIGITS: Final = re.compile(r"\D*(?:\d\D{0,3}){10,15}")


def email(heard: Hearing) -> Meaning:
    """Understand the one address in a text."""
    said = _mail(heard.said.text[:_LONGEST])
    words = [_trimmed(word) for word in _APART.split(said)]
    found = _distinct(word for word in words if _EMAIL.fullmatch(word))
    if len(found) == 1:
        whole = _NAME_APART.fullmatch(said.strip())
        if whole and folded(whole["name"].split()[-1]) not in _BEFORE_ADDRESS:
            joined_name = "".join(whole["name"].split()) + whole["address"]
            return which(heard, _SEVERAL, map(answer, (joined_name, whole["address"])))
        if slip := _NO_ENDING.search(found[0]):
            meant = f"{found[0][: slip.start()]}.com"
            return which(heard, _SEVERAL, map(answer, (meant, found[0])))
    return _one_of(heard, found)


def _mail(text: str) -> str:
    """A text with its addresses as they are written: "ana arroba email ponto com", "a@b,com"."""
    plain = unicodedata.normalize("NFKC", text)
    seen = "".join(
        " " if unicodedata.category(mark) in {"So", "Sk"} else mark
        for mark in plain
        if unicodedata.category(mark) != "Cf" and not "\ufe00" <= mark <= "\ufe0f"
    )
    said = _AT.sub("@", seen)
    if "@" in said:
        said = _DOT.sub(".", said)
        said = _COUNTRY_APART.sub(r"\1.\2", _ENDING_APART.sub(r"\1.\2", said))
    return said


def url(heard: Hearing) -> Meaning:
    """Understand the one link in a text."""
    return _one_of(heard, _distinct(links(heard.said.text)))


def links(text: str) -> list[str]:
    """The links in a text, without the punctuation around them.

    Within a sentence a link has a scheme or an ending that is known: in "não tenho.obrigado" is
    none.
    """
    parts = _WEB_APART.split(text, maxsplit=_MOST_WORDS)[:_MOST_WORDS]
    words = [_link(part) for part in parts if 0 < len(part) <= _LONGEST_LINK]
    known = _URL if len(words) == 1 else _KNOWN
    return [word for word in words if known.fullmatch(word) or _WITH_SCHEME.fullmatch(word)]


def _link(word: str) -> str:
    """A word without what surrounds it; a bracket that opens within it closes within it."""
    bare = word.lstrip("('").rstrip(_AROUND)
    while bare.endswith(")") and bare.count(")") > bare.count("("):
        bare = bare[:-1].rstrip(_AROUND)
    return bare


def phone(heard: Hearing) -> Meaning:
    """Understand the one phone number in a text; without a country code it is of this country.

    Nothing is added to a national number: a Brazilian ninth digit stays as it was written.
    """
    region = (read_text(heard.options.get("defaultCountryCode")) or heard.country or "").upper()
    said = _MEXICAN.sub("+52 ", _DIALLED.sub("+", heard.said.text[:_LONGEST]))
    found = _distinct(_phones(said, region))
    digits = "".join(mark for mark in folded(said) if mark.isdecimal())
    if not found and _ALL_DIGITS.fullmatch(said):
        found = _distinct(_phones(f"+{digits}", region))
        if found and len(digits) < _WITH_COUNTRY:
            # It may be any other number, or has a slip in it: +1 is soon found.
            return which(heard, _SEVERAL, map(answer, found))
    if not found and region == "BR" and (short := _EIGHT_DIGITS.fullmatch(digits)):
        return which(heard, _SEVERAL, [answer(f"+55{short[1]}9{short[2]}")])
    if not found and region and _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS:
        return _with_area(heard, region)
    return _one_of(heard, found)


def _with_area(heard: Hearing, region: str) -> Meaning:
    """Ask for the whole number."""
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    if example is None:
        return unchanged(heard)
    told = phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL)
    return ask_back(heard, _SEVERAL, say(heard.language, "ask.phone", example=told))


def _phones(text: str, region: str) -> list[str]:
    try:
        found = PhoneNumberMatcher(text, region or None, leniency=Leniency.VALID)
        return [phonenumbers.format_number(one.number, PhoneNumberFormat.E164) for one in found]
    except NumberParseException:
        return []


def _one_of(heard: Hearing, found: tuple[str, ...]) -> Meaning:
    written = None if found else in_writing(heard)
    if written is not None:
        return written
    if not found:
        return unchanged(heard)
    if len(found) > 1:
        return which(heard, _SEVERAL, map(answer, found), "ask.one_of")
    return answer(found[0])


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    return tuple({one.casefold(): one for one in found}.values())


def _trimmed(word: str) -> str:
    bare = word.strip(_AROUND)
    return _CALLED.sub("", bare)
