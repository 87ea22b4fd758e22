"""Numbers as people write them in Portuguese, Spanish and English. Pure.

What is read is either certain, or all that it may mean: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from bridge.core.folding import folded

#: A text that is longer says more than a number.
LONGEST: Final = 200
_MOST_DIGITS: Final = 20
_GROUP: Final = 3

COMMA: Final = ","
POINT: Final = "."
#: Spanish is written with a decimal point there; elsewhere, as Portuguese is, with a comma.
_POINTED: Final = frozenset(
    (
        *("US", "GB", "IE", "CA", "AU", "NZ", "IN", "ZA", "PH", "SG", "HK", "JP", "CN", "JM"),
        *("BZ", "MX", "GT", "HN", "NI", "SV", "PA", "DO", "PR", "PE", "CU"),
    )
)

_WORDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        word: number
        for number, words in enumerate(
            (
                "zero cero",
                "um uma uno una one",
                "dois duas dos two",
                "tres three",
                "quatro cuatro four",
                "cinco five",
                "seis six",
                "sete siete seven",
                "oito ocho eight",
                "nove nueve nine",
                "dez diez ten",
            )
        )
        for word in words.split()
    }
)
_SCALES: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("mil", "k", "thousand"), 1000),
        **dict.fromkeys(("milhao", "milhoes", "millon", "millones", "million"), 1_000_000),
    }
)
_SCALE: Final = rf"(?:\s*(?P<scale>{'|'.join(_SCALES)})\b)?"
_LEAD: Final = (
    r"(?:(?:e|sao|tenho|total de|cerca de|mais ou menos|es|son|tengo|i have|it's|it is|about"
    r"|valor:?|nota|r\$|us\$|\$|€|£|brl|usd|eur)\s*)*"
)
_DIGITS: Final = r"(?P<sign>[+-]?)\s*(?P<digits>\d+(?:[.,' ]\d+)*|[.,]\d+)"
_NUMBER: Final = re.compile(rf"{_LEAD}{_DIGITS}{_SCALE}(?P<rest>.*)")
_WORD: Final = re.compile(rf"(?P<word>{'|'.join(_WORDS)}){_SCALE}")
_HALF: Final = re.compile(r"\s*(?:e mei[oa]|y medi[oa]|and a half)\b(?P<rest>.*)")
_POWER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?e[+-]?\d{1,2}")
_ANY: Final = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """`written` has digits and at most one point, and is as long as it was: ``007`` stays so."""

    written: str
    value: Decimal


def marks_of(*, language: str, country: str | None) -> frozenset[str]:
    """What may stand before decimals for people of a language in a country.

    Both marks, where language and country contradict each other: then ``1.500`` is uncertain.
    """
    of_country = None
    if country:
        of_country = POINT if country.upper() in _POINTED else COMMA
    if language.startswith("es"):
        return frozenset({of_country or COMMA})
    of_language = POINT if language.startswith("en") else COMMA
    return frozenset({of_language, of_country or of_language})


def amounts(text: str, *, marks: frozenset[str]) -> tuple[Amount, ...]:
    """All numbers that a text may mean; none of them when it is no number, or more than one."""
    if len(text) > LONGEST:
        return ()
    said = folded(text).strip(" !?;:")
    if _POWER.fullmatch(said):
        return (Amount(written=said, value=Decimal(said)),)
    if word := _WORD.fullmatch(said):
        return (_scaled(Amount(written="", value=Decimal(_WORDS[word["word"]])), word["scale"]),)
    found = _NUMBER.fullmatch(said)
    if found is None or any(mark.isnumeric() for mark in found["rest"]):
        return ()
    read = _read(found["digits"], marks)
    half = _HALF.fullmatch(found["rest"])
    if half is not None and found["scale"] is None:
        read = tuple(_counted(one.value + Decimal("0.5")) for one in read)
    return tuple(_signed(_scaled(one, found["scale"]), found["sign"]) for one in read)


def several(text: str) -> bool:
    """Whether more than one number stands in a text, so that it says none of them."""
    return len(_ANY.findall(folded(text[:LONGEST]))) > 1


def _read(digits: str, marks: frozenset[str]) -> tuple[Amount, ...]:
    if sum(mark.isdigit() for mark in digits) > _MOST_DIGITS:
        return ()
    used = sorted({mark for mark in digits if not mark.isdigit()}, key=digits.rindex)
    if not used:
        return (_amount(digits),)
    last = used[-1]
    whole, _, decimals = digits.rpartition(last)
    if len(used) > 1:
        joined = _joined(whole, used[0]) if len(used) == 2 and last in marks | {",", "."} else None  # noqa: PLR2004  two marks: of groups, and of decimals
        return () if joined is None or last in "' " else (_amount(f"{joined}.{decimals}"),)
    joined = _joined(digits, last)
    if last in "' " or digits.count(last) > 1:
        return () if joined is None else (_amount(joined),)
    if joined is None:
        return (_amount(f"{whole or 0}.{decimals}"),)
    readings = {POINT if last == mark else "": None for mark in sorted(marks)}
    return tuple(_amount(f"{whole}{point}{decimals}") for point in readings)


def _joined(digits: str, mark: str) -> str | None:
    """Digits without the marks of their groups; None: it has other groups than thousands."""
    first, *groups = digits.split(mark)
    if not 1 <= len(first) <= _GROUP or (groups and first.startswith("0")):
        return None
    if not all(len(group) == _GROUP and group.isdigit() for group in groups):
        return None
    return first + "".join(groups) if first.isdigit() else None


def _amount(written: str) -> Amount:
    return Amount(written=written, value=Decimal(written))


def _counted(value: Decimal) -> Amount:
    """As it is written out: without a power, and without decimals that say nothing."""
    written = f"{value:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return Amount(written=written, value=value)


def _scaled(amount: Amount, scale: str | None) -> Amount:
    if scale is not None:
        return _counted(amount.value * _SCALES[scale])
    return amount if amount.written else _counted(amount.value)


def _signed(amount: Amount, sign: str) -> Amount:
    if sign != "-":
        return amount
    return Amount(written=f"-{amount.written}", value=-amount.value)
