"""Numbering plans: what international digits mean, and how people dial them at home.

Countries whose WhatsApp ids differ from their numbers (Brazil, Mexico, Argentina) have one rule
each (whatsapp-channels.md F.1-F.5); everybody else's digits stay untouched. `phone` is the door.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult

#: Digits of an international number, country code included; 15 is E.164's limit.
SHORTEST, LONGEST = 7, 15
#: What a person typed with fewer digits is a short code, unless its country has such numbers.
SHORTEST_TYPED = 8


class Line(StrEnum):
    """The kind of line behind a phone number, as far as its digits tell."""

    MOBILE = "mobile"
    FIXED = "fixed"
    FIXED_OR_MOBILE = "fixed_or_mobile"
    TOLL_FREE = "toll_free"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a plan makes of international digits; all values are digits without `+`.

    `shown` is the E.164 number. `tries` are the spellings to look up, likeliest first.
    """

    key: str
    shown: str
    tries: tuple[str, ...]
    flags: tuple[str, ...] = ()
    line: Line | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """Typed digits that name no subscriber; `short` when they may be a short code."""

    short: bool = False
    flags: tuple[str, ...] = ()


def read(digits: str) -> Reading:
    """Read international digits. `line` is always set; `lib-invalid` is a warning, no verdict.

    libphonenumber must not decide about WhatsApp ids (F.3), and is only asked where no rule of
    ours knows the line.
    """
    plan = _PLANS.get(digits[:2])
    reading = plan.read(digits) if plan is not None else _as_is(digits)
    if reading.line is not None:
        return reading
    number = parsed(f"+{reading.shown}")
    valid = number is not None and phonenumbers.is_valid_number(number)
    line = _LINES.get(phonenumbers.number_type(number), Line.OTHER) if number else Line.OTHER
    return Reading(
        key=reading.key,
        shown=reading.shown,
        tries=reading.tries,
        flags=reading.flags if valid else (*reading.flags, "lib-invalid"),
        line=line if valid else Line.OTHER,
    )


def complete(typed: str, region: str) -> str | Incomplete:
    """Make international digits of what a person dialled in a region (F.5.2).

    `typed` is ASCII digits, with `+` in front when the country code is in it.
    """
    if typed.startswith("+55"):
        return _complete_brazil(typed[3:], with_code=True)
    if typed.startswith("+"):
        return _international(parsed(typed))
    if region == "BR":
        with_code = typed.startswith("55") and len(typed) >= len("55") + _BR_NATIONAL[0]
        return _complete_brazil(typed[2:] if with_code else typed, with_code=with_code)
    return _complete_elsewhere(typed, region) if _REGION.fullmatch(region) else Incomplete()


def parsed(text: str, region: str | None = None) -> PhoneNumber | None:
    """Let libphonenumber parse; None for what it cannot."""
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None


_REGION = re.compile(r"[A-Z]{2}")
_LINES: Mapping[int, Line] = MappingProxyType(
    {
        PhoneNumberType.MOBILE: Line.MOBILE,
        PhoneNumberType.FIXED_LINE: Line.FIXED,
        PhoneNumberType.FIXED_LINE_OR_MOBILE: Line.FIXED_OR_MOBILE,
        PhoneNumberType.TOLL_FREE: Line.TOLL_FREE,
    }
)

# ------------------------------------------------------------------ Brazil (F.1, F.2, F.5.3)

_BR_DDD_BY_TENS: Mapping[str, str] = MappingProxyType(
    {
        "1": "123456789",
        "2": "12478",
        "3": "1234578",
        "4": "123456789",
        "5": "1345",
        "6": "123456789",
        "7": "134579",
        "8": "123456789",
        "9": "123456789",
    }
)
#: The 67 area codes.
BR_DDD = frozenset(ten + one for ten, ones in _BR_DDD_BY_TENS.items() for one in ones)
#: Lengths of a number with area code: without and with the ninth digit.
_BR_NATIONAL = (10, 11)
#: 0800 and its kind, and the eight digits without area code such as 4004.
_BR_SERVICE = re.compile(r"[3589]00[0-9]{6,7}|(?:30[03][0-9]|400[0-9]|4020|4370|4864)[0-9]{4}")
#: Dialled before the area code: 0 and a carrier's two digits, collect calls with 90.
_BR_CARRIER = re.compile(r"(?:0|90)[0-9]{2}([0-9]{10,11})")


def _brazil(digits: str) -> Reading:
    national = digits[2:]
    if _BR_SERVICE.fullmatch(national):
        return _as_is(digits, "br-service-number")
    if len(national) not in _BR_NATIONAL:
        return _as_is(digits, "br-bad-length")
    if national[:2] not in BR_DDD:
        return _as_is(digits, "br-bad-ddd")
    return (_brazil_nine if len(national) == _BR_NATIONAL[1] else _brazil_eight)(digits)


def _brazil_nine(digits: str) -> Reading:
    if digits[4] != "9":
        return _as_is(digits, "br-bad-mobile")
    return _brazil_mobile(digits[2:4], digits[5:])


def _brazil_eight(digits: str) -> Reading:
    """Repair only what must be an old mobile; a landline never changes."""
    match digits[4]:
        case "6" | "8" | "9":
            return _brazil_mobile(digits[2:4], digits[4:])
        case "7":  # a mobile, or trunking radio, which kept eight digits
            return _brazil_mobile(digits[2:4], digits[4:], "br-7x-ambiguous")
        case "2" | "3" | "4" | "5":
            return Reading(key=digits, shown=digits, tries=(digits,), line=Line.FIXED)
        case _:
            return _as_is(digits, "br-bad-subscriber")


def _brazil_mobile(ddd: str, eight: str, *flags: str) -> Reading:
    """Read a mobile by its last eight digits; the form without the 9 exists only before 6-9.

    WhatsApp's own ids keep the 9 in the areas 11-28, elsewhere usually not (F.2).
    """
    key, old = f"55{ddd}9{eight}", f"55{ddd}{eight}"
    tries: tuple[str, ...] = (key,)
    if eight[0] in "6789":
        tries = (key, old) if ddd < "30" else (old, key)
    return Reading(key=key, shown=key, tries=tries, flags=flags, line=Line.MOBILE)


def _complete_brazil(dialled: str, *, with_code: bool) -> str | Incomplete:
    carrier = _BR_CARRIER.fullmatch(dialled)
    national = carrier[1] if carrier else dialled.removeprefix("0")
    if len(national) in _BR_NATIONAL or _BR_SERVICE.fullmatch(national):
        return f"55{national}"
    if len(dialled) < SHORTEST_TYPED:
        return Incomplete(short=not with_code, flags=("br-bad-length",) if with_code else ())
    if len(national) < _BR_NATIONAL[0]:
        return Incomplete(flags=("br-no-ddd",))
    if with_code and len(national) <= LONGEST - len("55"):
        return f"55{national}"  # `read` flags it: kept as it is, never cut
    return Incomplete(flags=("br-bad-length",))


# ------------------------------------------------------------------ Mexico, Argentina (F.4)

#: Both have ten national digits.
_TEN = len("52") + 10


def _mexico(digits: str) -> Reading:
    """Many WhatsApp ids still carry the 1 that is dialled no more."""
    if len(digits) == _TEN + 1 and digits[2] == "1":
        digits = f"52{digits[3:]}"
    if len(digits) != _TEN:
        return _as_is(digits)
    return Reading(key=digits, shown=digits, tries=(digits, f"521{digits[2:]}"))


def _argentina(digits: str) -> Reading:
    """The key drops the mobile 9; what people see keeps what came."""
    if len(digits) == _TEN + 1 and digits[2] == "9":
        key = f"54{digits[3:]}"
        return Reading(key=key, shown=digits, tries=(digits, key))
    if len(digits) == _TEN and digits[2] in "123":
        tries = (f"549{digits[2:]}", digits)
        return Reading(key=digits, shown=digits, tries=tries, flags=("ar-no-9",))
    return _as_is(digits)


# ------------------------------------------------------------------ everybody else


def _as_is(digits: str, *flags: str) -> Reading:
    return Reading(key=digits, shown=digits, tries=(digits,), flags=flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is special about the numbers of a country.

    `read` reads international digits. Of what people dial at home, `prefix` was dialled before a
    number and is no part of it, and `local` has no area code. (Brazil has a reader of its own.)
    """

    region: str
    read: Callable[[str], Reading]
    prefix: re.Pattern[str] | None = None
    local: re.Pattern[str] | None = None


#: The one table of countries whose WhatsApp ids differ from their numbers, by country code.
_PLANS: Mapping[str, _Plan] = MappingProxyType(
    {
        "55": _Plan(region="BR", read=_brazil),
        # Dialled until 2019.
        "52": _Plan(
            region="MX", read=_mexico, prefix=re.compile(r"^(?:01|044|045|1)(?=[0-9]{10}$)")
        ),
        # 15 without an area code is a local mobile number.
        "54": _Plan(region="AR", read=_argentina, local=re.compile(r"15[0-9]{6,8}")),
    }
)
_BY_REGION: Mapping[str, _Plan] = MappingProxyType({one.region: one for one in _PLANS.values()})


def _complete_elsewhere(typed: str, region: str) -> str | Incomplete:
    plan = _BY_REGION.get(region)
    if plan is not None and plan.prefix is not None:
        typed = plan.prefix.sub("", typed)
    local = plan.local if plan is not None else None
    number = parsed(typed, region)
    if len(typed) < SHORTEST_TYPED and not (number and phonenumbers.is_valid_number(number)):
        return Incomplete(short=True)
    if number is None or (local is not None and local.fullmatch(typed)):
        return Incomplete(flags=("no-area",) if number else ())
    match phonenumbers.is_possible_number_with_reason(number):
        case ValidationResult.IS_POSSIBLE:
            return _international(number)
        case ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return Incomplete(flags=("no-area",))
        case _:
            return Incomplete(flags=("lib-invalid",))


def _international(number: PhoneNumber | None) -> str | Incomplete:
    if number is None:
        return Incomplete(flags=("lib-invalid",))
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    return digits if SHORTEST <= len(digits) <= LONGEST else Incomplete(flags=("lib-invalid",))
