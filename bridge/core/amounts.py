"""Numbers as people write them in Portuguese, Spanish and English. Pure.

What is read is either certain, or all that it may mean: nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bridge.core.folding import folded
from bridge.core.number_words import SCALES, VALUES, spelled_out

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

_LEAD: Final = re.compile(
    r"(?:(?:e|sao|tenho|total de|cerca de|mais ou menos|es|son|tengo|i have|it's|it is|about"
    r"|aproximadamente|uns|umas|acho que|somos em|somos|quero|queria|vou querer|seria|seriam|fica"
    r"|dou|dei|merece|foi|numero:?|nota:?|valor:?|i think|give|quiero|creo que)\s+|(?:n[o.]|r\$"
    r"|us\$|\$|€|£|brl|usd|eur)\s*)*"
)
_SCALE: Final = rf"(?:\s*(?P<scale>{'|'.join(SCALES)})\b)?"
_DIGITS: Final = r"(?P<sign>[+-]?)\s*(?P<digits>\d+(?:[.,' ]\d+)*|[.,]\d+)"
_NUMBER: Final = re.compile(rf"(?:menos (?=\d))?{_DIGITS}{_SCALE}(?P<rest>.*)")
_HALF: Final = re.compile(r"\s*(?:e mei[oa]|y medi[oa]|and a half)\b(?P<rest>.*)")
#: Words that make another number of the one before them, or none that is certain.
_DOUBT: Final = re.compile(
    r"\b(?:ou|or|nao|not|menos|mais|minus|more|less|fewer|maximo|minimo|most|least|du[zs]ias?"
    r"|docenas?|dozens?|mei[oa]|medi[oa]|metade|half|pouco|poco|tantos|tal)\b"
)
#: What is counted; behind a number in words other words may make a name of it ("Sete Lagoas").
_UNIT: Final = re.compile(
    r"\s*(?:reais|real|contos?|pilas?|pesos?|dolares|dollars?|euros?|anos?|years?|mes|meses|months?"
    r"|dias?|days?|semanas?|weeks?|horas?|hours?|minutos?|minutes?|pessoas?|personas?|people"
    r"|estrelas?|estrellas?|stars?|por cento|por ciento|percent|quilos?|kilos?|kg|metros?|unidades?"
    r"|pontos?|puntos?|points?|vezes|veces|times|filh[oa]s?|hij[oa]s?|adultos?|adults?|criancas?"
    r"|itens|items?)?(?:[ ,]+(?:por favor|obrigad[oa]|please|gracias))?[ .!]*"
)
_POWER: Final = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?e[+-]?\d{1,2}")
#: Before what is counted these are no numbers.
_ARTICLES: Final = frozenset({"um", "uma", "un", "una", "one"})
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
    said = folded(text).strip(' !?;:()[]"*_~').replace("mais ou menos", "")
    if _POWER.fullmatch(said):
        return (Amount(written=said, value=Decimal(said)),)
    bare = said[found.end() :] if (found := _LEAD.match(said)) else said
    if (number := _in_words(bare) or _in_words(said)) is not None:
        return (number,)
    found = _NUMBER.fullmatch(bare)
    if found is None:
        return ()
    read = _read(found["digits"], marks)
    rest, scale = found["rest"], found["scale"]
    if half := _HALF.fullmatch(rest):
        rest = half["rest"]
        read = tuple(_counted(one.value + Decimal("0.5")) for one in read)
    sign = "-" if bare.startswith("menos ") else found["sign"]
    read = tuple(_signed(_scaled(one, scale), sign) for one in read)
    return () if _doubtful(rest, read) else read


def _in_words(said: str) -> Amount | None:
    """A number in words ("vinte e cinco"), with what is counted behind it perhaps."""
    words = said.split()
    value, used = spelled_out(words)
    if not used:
        return None
    rest = " ".join(words[used:])
    amount = Decimal(value)
    if half := _HALF.fullmatch(f" {rest}"):
        rest, amount = half["rest"], amount + Decimal("0.5") * _last_scale(words[:used])
    read = _counted(amount)
    return read if _UNIT.fullmatch(rest) or _says_again(rest, (read,)) else None


def _last_scale(words: Sequence[str]) -> int:
    """Half of what: "dois milhões e meio" is half a million more."""
    return SCALES.get(words[-1], 1)


def _doubtful(rest: str, read: Sequence[Amount]) -> bool:
    """Whether what stands behind a number makes it another one, or one of several."""
    if _says_again(rest, read):
        return False
    words = set(re.findall(r"\w+", rest.replace("por cento", "").replace("por ciento", "")))
    return (
        any(mark.isnumeric() for mark in rest)
        or bool(_DOUBT.search(rest))
        or not words.isdisjoint(VALUES.keys() - _ARTICLES)
    )


def _says_again(rest: str, read: Sequence[Amount]) -> bool:
    """``7 (sete)``."""
    if not (rest.strip().startswith("(") or rest.strip().endswith(")")):
        return False
    again = rest.strip(" ().")
    words = again.split()
    value, used = spelled_out(words)
    if again.isascii() and again.isdecimal():
        value, used = int(again), len(words)
    return bool(words) and used == len(words) and any(one.value == value for one in read)


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
        return _counted(amount.value * SCALES[scale])
    return amount if amount.written else _counted(amount.value)


def _signed(amount: Amount, sign: str) -> Amount:
    if sign != "-":
        return amount
    return Amount(written=f"-{amount.written}", value=-amount.value)
