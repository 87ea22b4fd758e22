"""Whether a text is an answer to what was asked, as people in Brazil write answers.

These rules are this comparison's own, and simpler than Ponte's: they say what a person may expect.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from support.official_channel.messages import Choice

#: Some words, to know that one may be meant.
_NUMBERS = frozenset(
    {"um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove", "dez"}
    | {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
    | {"uno", "dos", "tres", "cuatro", "siete", "ocho", "nueve", "diez"}
)
_SKIPS = frozenset({"skip", "pular", "saltar", "omitir"})


def fits(text: str, kind: str, *, skippable: bool) -> bool:
    """Whether a text answers a plain input; `skippable`: it may be left without an answer."""
    said = text.strip().casefold()
    rules: Mapping[str, Callable[[str], object]] = {
        "email input": lambda one: re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", one),
        "time input": lambda one: re.fullmatch(r"(às )?\d{1,2}(\s?[h:.]\s?\d{0,2}| horas)?", one),
        "date input": lambda one: re.search(r"hoje|amanhã|mañana|\d{1,2}\D\d{1,2}| de \w+", one),
        "number input": lambda one: re.fullmatch(r"(r\$ ?)?[\d.,\s]+", one) or one in _NUMBERS,
        "rating input": lambda one: re.fullmatch(r"\d+|[⭐★]+", one),
        "phone number input": lambda one: len(re.sub(r"\D", "", one)) >= 8,
        "url input": lambda one: "." in one and " " not in one,
        "file input": lambda one: skippable and one in _SKIPS,
    }
    rule = rules.get(kind)
    return bool(said) and rule is not None and bool(rule(said))


def names_one(text: str, offered: Sequence[Choice]) -> bool:
    """A number, or the title of exactly one choice without case and accents, or its beginning."""
    said = _folded(text)
    if not said or not offered:
        return False
    number = re.fullmatch(r"(?:opcao |option )?(\d{1,2})[.)]?", said)
    if number:
        return 1 <= int(number[1]) <= len(offered)
    titles = [_folded(re.sub(r"( \(\d+\))?\.\.$", "", one.title)) for one in offered]
    return said in titles or sum(title.startswith(said) for title in titles) == 1


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(one for one in apart if not unicodedata.combining(one)).strip(" .!")
