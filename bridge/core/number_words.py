"""Numbers spelled out in Portuguese, Spanish and English, as folded texts have them. Pure.

People who dictate write "mil e duzentos", "cinco mil e 500", "twenty five".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

_SMALL: Final = (
    "zero cero",
    "um uma un uno una one",
    "dois duas dos two",
    "tres three",
    "quatro cuatro four",
    "cinco five",
    "seis six",
    "sete siete seven",
    "oito ocho eight",
    "nove nueve nine",
    "dez diez ten",
    "onze once eleven",
    "doze doce twelve",
    "treze trece thirteen",
    "quatorze catorze catorce fourteen",
    "quinze quince fifteen",
    "dezesseis dezasseis dieciseis sixteen",
    "dezessete dezassete diecisiete seventeen",
    "dezoito dieciocho eighteen",
    "dezenove dezanove diecinueve nineteen",
    "vinte veinte twenty",
    "veintiuno veintiun veintiuna",
    "veintidos",
    "veintitres",
    "veinticuatro",
    "veinticinco",
    "veintiseis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
)
_TENS: Final = (
    "trinta treinta thirty",
    "quarenta cuarenta forty",
    "cinquenta cincuenta fifty",
    "sessenta sesenta sixty",
    "setenta seventy",
    "oitenta ochenta eighty",
    "noventa ninety",
)
_HUNDREDS: Final = (
    "cem cento cien ciento",
    "duzentos duzentas doscientos doscientas",
    "trezentos trezentas trescientos trescientas",
    "quatrocentos quatrocentas cuatrocientos cuatrocientas",
    "quinhentos quinhentas quinientos quinientas",
    "seiscentos seiscentas seiscientos seiscientas",
    "setecentos setecentas setecientos setecientas",
    "oitocentos oitocentas ochocientos ochocientas",
    "novecentos novecentas novecientos novecientas",
)
VALUES: Final[Mapping[str, int]] = MappingProxyType(
    {
        word: first + place * step
        for row, first, step in ((_SMALL, 0, 1), (_TENS, 30, 10), (_HUNDREDS, 100, 100))
        for place, words in enumerate(row)
        for word in words.split()
    }
)
SCALES: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("mil", "k", "thousand"), 1000),
        **dict.fromkeys(("milhao", "milhoes", "millon", "millones", "million"), 1_000_000),
    }
)
_AND: Final = frozenset({"e", "y", "and"})
_GROUP, _TEN, _SCORE, _HUNDRED = 1000, 10, 20, 100
_MOST_WORDS: Final = 20


def spelled_out(words: Sequence[str]) -> tuple[int, int]:
    """The number that words begin with, and of how many words it is made; 0 words: none is there.

    Each word must be smaller than the one before leaves room for: "dois tres" is two numbers.
    Digits may be a part ("5 mil e 500"), but not the whole.
    """
    total = group = used = 0
    room, scale_room = _GROUP, _GROUP**3
    spelled = False
    for at, word in enumerate(words[:_MOST_WORDS]):
        if word in _AND and used == at and at:
            continue
        value = VALUES.get(word)
        if word == "hundred" and 1 <= group < _TEN:
            group, room = group * _HUNDRED, _HUNDRED
        elif (scale := SCALES.get(word)) is not None and scale < scale_room:
            if not group and (total or scale != _GROUP):
                break
            total += (group or 1) * scale
            group, room, scale_room = 0, _GROUP, scale
        elif value is not None and value < room and (value or not used):
            group += value
            room = _room(value)
        elif value is None and word.isascii() and word.isdecimal() and 0 < int(word[:4]) < room:
            group, room = group + int(word), 0
            used = at + 1
            continue
        else:
            break
        spelled = True
        used = at + 1
    return (total + group, used) if spelled else (0, 0)


def _room(value: int) -> int:
    """What may follow: "vinte" leaves room for units, "cento" for what is below a hundred."""
    if value >= _HUNDRED:
        return _HUNDRED
    return _TEN if value >= _SCORE and value % _TEN == 0 else 0
