"""The words and forms of days in Portuguese, Spanish and English, as folded texts have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bridge.core.times_of_day import HOURS


def _numbered(*rows: str, first: int) -> Mapping[str, int]:
    return MappingProxyType(
        {word: number for number, row in enumerate(rows, first) for word in row.split()}
    )


MONTHS: Final = _numbered(
    "janeiro jan enero ene january",
    "fevereiro fev febrero feb february",
    "marco mar marzo march",
    "abril abr april apr",
    "maio mai mayo may",
    "junho jun junio june",
    "julho jul julio july",
    "agosto ago august aug",
    "setembro set septiembre setiembre sep sept september",
    "outubro out octubre oct october",
    "novembro nov noviembre november",
    "dezembro dez diciembre dic december dec",
    first=1,
)
#: Monday is 0.
WEEKDAYS: Final = _numbered(
    "segunda-feira segunda seg lunes lun monday mon",
    "terca-feira terca ter martes tuesday tue tues",
    "quarta-feira quarta qua miercoles mie wednesday wed",
    "quinta-feira quinta qui jueves jue thursday thu thurs",
    "sexta-feira sexta sex viernes vie friday fri",
    "sabado sab saturday sat",
    "domingo dom sunday sun",
    first=0,
)
RELATIVE: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("hoje", "hj", "hoy", "today"), 0),
        **dict.fromkeys(("amanha", "manana", "tomorrow"), 1),
        **dict.fromkeys(
            (
                "depois de amanha",
                "pasado manana",
                "day after tomorrow",
                "depois amanha",
                "dps de amanha",
            ),
            2,
        ),
        **dict.fromkeys(("ontem", "ayer", "yesterday"), -1),
        **dict.fromkeys(("anteontem", "antes de ontem", "anteayer", "day before yesterday"), -2),
    }
)
COUNTS: Final[Mapping[str, int]] = MappingProxyType(
    {**HOURS, **dict.fromkeys(("um", "un", "uno", "a", "an"), 1), "dois": 2, "quinze": 15}
)

_MONTH: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
WEEKDAY: Final = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
LEAD: Final = re.compile(
    r"(?:(?:no|na|nos|em|on|el|la|o|the|para|pra|por|de|pode ser|quero|this coming)\s+)*"
)
PART_OF_DAY: Final = re.compile(
    r"\s+(?:(?:de|pela|a|da|de la|por la|in the) (?:manha|manana|tarde|noite|noche|madrugada|"
    r"morning|afternoon|evening)|cedo|at night)"
)
_NTH: Final = r"(?:st|nd|rd|th|o|\.o)?"
DAY_OF_MONTH: Final = re.compile(rf"(?:dia |day )?(?P<day>\d{{1,2}}){_NTH}")
NEXT_MONTH: Final = re.compile(
    rf"(?:dia )?(?P<day>\d{{1,2}}){_NTH} (?:do|del|of|de)\s?"
    r"(?:mes que vem|proximo mes|proximo|mes que viene|next month)"
)
DIGITS: Final = re.compile(
    r"(?:dia )?(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?:(?P=mark)(?P<year>\d{4}|\d{2}))?"
)
SPACED: Final = re.compile(r"(?P<one>\d{1,2}) (?P<two>\d{1,2}) (?P<year>\d{4})")
JOINED: Final = re.compile(r"(?P<one>\d{2})(?P<two>\d{2})(?P<year>\d{4})")
#: Six digits: the year has two.
JOINED_SHORT: Final = re.compile(r"(?P<one>\d{2})(?P<two>\d{2})(?P<year>\d{2})")
#: ``25 do 12``: the day comes first, whoever says it.
DAY_OF_NUMBER: Final = re.compile(
    r"(?:dia )?(?P<one>\d{1,2}) (?:de|do|del)(?: mes)? (?P<two>\d{1,2})"
    r"(?: (?:de|do|del) (?P<year>\d{4}|\d{2}))?"
)
YEAR_FIRST: Final = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
)
_YEAR: Final = (
    r"(?:(?:,? | ?(?:de|del|of|/|-) ?)(?P<year>\d{4})|(?: (?:de|del) |[/-])(?P<short>\d{2}))?"
)
DAY_MONTH: Final = re.compile(
    rf"(?:dia )?(?P<day>\d{{1,2}}|primeiro|primero|first){_NTH}[ /-]?(?:de |of )?"
    rf"(?P<month>{_MONTH})\.?{_YEAR}"
)
MONTH_DAY: Final = re.compile(
    rf"(?P<month>{_MONTH})\.? (?:the )?(?P<day>\d{{1,2}}){_NTH}(?:,? (?P<year>\d{{4}}))?"
)
WEEKDAY_ALONE: Final = re.compile(
    rf"(?:(?P<next>proxim[ao]|next|que viene)|(?P<this>est[ae]|nest[ae]|this|ess[ae]|ness[ae])"
    rf"|(?P<last>ultim[ao]|last))?\s?(?P<weekday>{WEEKDAY})"
    r"(?:\s(?:(?P<coming>que vem|que viene|proxim[ao])|(?P<past>passad[ao]|pasado)"
    r"|(?P<week>da semana que vem|da proxima semana|de la semana que viene|de la proxima semana"
    r"|next week|of next week)|(?P<now>d[ae]st?sa semana|desta semana|de esta semana|this week)))?"
)
_UNIT: Final = (
    r"(?:(?P<days>dias?|days?)|(?P<weeks>semanas?|weeks?)|(?P<months>mes|meses|months?)"
    r"|(?P<years>anos?|years?))"
)
_COUNT: Final = rf"(?P<count>\d{{1,3}}|{'|'.join(COUNTS)}) {_UNIT}"
_COUNT_FIRST: Final = _COUNT.replace("?P<", "?P<also_")
AHEAD: Final = re.compile(
    rf"(?:daqui a|daqui|em|dentro de|en|in|within|de aqui a) {_COUNT}|{_COUNT_FIRST} from now"
)
AGO: Final = re.compile(rf"(?:(?:ha|hace|faz) {_COUNT}(?: atras)?|{_COUNT_FIRST} (?:atras|ago))")
